"""Types to annotate with that are not named often enough to stand at the top.

    from cliniko_async.types import DateTimeField, OnBadRecord

Here belong names for what signatures of the package show. Not here: anything new.
"""

from cliniko_async._attachments.upload import OnProgress
from cliniko_async._lists.list_request import OnChange
from cliniko_async._lists.listing import PageIterator
from cliniko_async._lists.plan import OnBadRecord
from cliniko_async._lists.tables import RecordTable, TableBatches
from cliniko_async._models.links import Ref
from cliniko_async._query.fields import (
    ArrayField,
    BooleanField,
    DateField,
    DateTimeField,
    Field,
    IdField,
    IntegerField,
    StringField,
)
from cliniko_async._query.filters import Filters
from cliniko_async._query.sort_orders import SortBy
from cliniko_async._verbs.many_records import ListOptions
from cliniko_async._watch import WatchKind, WatchOptions

__all__ = [
    "ArrayField",
    "BooleanField",
    "DateField",
    "DateTimeField",
    "Field",
    "Filters",
    "IdField",
    "IntegerField",
    "ListOptions",
    "OnBadRecord",
    "OnChange",
    "OnProgress",
    "PageIterator",
    "RecordTable",
    "Ref",
    "SortBy",
    "StringField",
    "TableBatches",
    "WatchKind",
    "WatchOptions",
]
