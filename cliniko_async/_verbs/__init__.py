"""The API's verbs, each written once. A resource has the verbs that its base classes name.

Here belongs what several resources can do. Not here: what only one can, which stands with it in
`resources`.
"""

from cliniko_async._verbs.by_id import Gettable
from cliniko_async._verbs.include import (
    AnyHidden,
    Archived,
    ArchivedOrDeleted,
    everything,
    filters_of,
    hidden_kinds,
    include_params,
    marks_of,
)
from cliniko_async._verbs.many_records import Listable, ListOptions, Lists
from cliniko_async._verbs.one_record import (
    Archivable,
    Conflicting,
    Deletable,
    DeletionDeprecated,
    Resource,
    Unarchivable,
)

__all__ = [
    "AnyHidden",
    "Archivable",
    "Archived",
    "ArchivedOrDeleted",
    "Conflicting",
    "Deletable",
    "DeletionDeprecated",
    "Gettable",
    "ListOptions",
    "Listable",
    "Lists",
    "Resource",
    "Unarchivable",
    "everything",
    "filters_of",
    "hidden_kinds",
    "include_params",
    "marks_of",
]
