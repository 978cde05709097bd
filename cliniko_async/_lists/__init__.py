"""Lists: many records, complete, at the speed of the network.

How pages are requested and put together, and what users iterate, belong here. Not here: what is
asked of a list (`_query`), or the verbs that make one (`_verbs`).
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
