"""Lists: many records, complete, at the speed of the network.

Here belongs how pages are asked for and put together, and what users iterate. Not here: what a
list is asked for (`_query`), or the verbs that make one (`_verbs`).
"""

from cliniko_async._lists.changes import Change, Changes
from cliniko_async._lists.list_request import OnChange, Source
from cliniko_async._lists.listing import (
    Listing,
    ListingPage,
    RawPage,
    RawPages,
    first_page,
    raw_pages,
    undecoded,
)
from cliniko_async._lists.plan import OnBadRecord
from cliniko_async._lists.tables import RecordTable, TableBatches

__all__ = [
    "Change",
    "Changes",
    "Listing",
    "ListingPage",
    "OnBadRecord",
    "OnChange",
    "RawPage",
    "RawPages",
    "RecordTable",
    "Source",
    "TableBatches",
    "first_page",
    "raw_pages",
    "undecoded",
]
