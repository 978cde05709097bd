"""Hidden records: what the API leaves out of lists and answers 404 for, and how to request it.

A record that is archived, cancelled or deleted is shown where a filter names its mark. Inactive
practitioners have lists of their own instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

from cliniko_async._lists import undecoded
from cliniko_async._models.bare_values import bare
from cliniko_async._models.kinds import shown
from cliniko_async.errors import InvalidTypeError, InvalidValueError, expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from cliniko_async._lists.listing import Listing
    from cliniko_async._query.fields import Filter
    from cliniko_async._query.filters import Filters

__all__ = [
    "AnyHidden",
    "Archived",
    "ArchivedOrDeleted",
    "checked_include",
    "everything",
    "filters_of",
    "hidden_kinds",
    "include_params",
    "marks_of",
]

Archived = Literal["archived"]
"""What `include=` can name where records can be archived."""

ArchivedOrDeleted = Literal["archived", "deleted"]
"""Likewise where they can be deleted as well."""

AnyHidden = Literal["archived", "cancelled", "deleted"]
"""Likewise where they can be cancelled, too: appointments and attendees."""

MARKS: Final = frozenset({"archived_at", "cancelled_at", "deleted_at"})
"""Fields that hide a record when they are set. A filter on one makes such records appear."""


def filters_of(resource: type[object]) -> Filters | None:
    """What a resource's lists can be filtered by; None if it has no lists."""
    filters: Filters | None = getattr(resource, "filters", None)
    return filters


def marks_of(resource: type[object]) -> Sequence[str]:
    """The fields that hide a resource's records when they are set."""
    filters = filters_of(resource)
    return sorted(MARKS & filters.names) if filters else ()


def hidden_kinds(resource: type[object]) -> Sequence[str]:
    """What `include=` can show of a resource."""
    marks = [mark.removesuffix("_at") for mark in marks_of(resource)]
    return (*marks, "inactive") if getattr(resource, "inactive_apart", False) else marks


def checked_include(include: Iterable[str], resource: type[object]) -> Sequence[str]:
    """The kinds of hidden records that are asked for, each once.

    Raises:
        InvalidTypeError: A text was passed instead of a set.
        InvalidValueError: The resource has no such hidden records.
    """
    if isinstance(include, str):
        raise InvalidTypeError(f"include= takes a set: write include={{{shown(include)!r}}}")
    expect(include, Iterable, "include= takes a set of names, such as {'archived'}")
    known = hidden_kinds(resource)
    kinds = [bare(kind) for kind in include]
    for kind in kinds:
        if kind not in known:
            can = ", ".join(known) or "nothing"
            raise InvalidValueError(f"include={shown(kind)!r}: there is {can} to include here")
    return tuple(dict.fromkeys(kinds))


def include_params(include: Iterable[str], resource: type[object]) -> Sequence[tuple[str, str]]:
    """The query parameters that make hidden records appear.

    Raises:
        InvalidTypeError: A text was passed instead of a set.
        InvalidValueError: The resource has no such hidden records.
    """
    kinds = checked_include(include, resource)
    return [("q[]", f"{kind}_at:*") for kind in kinds if kind != "inactive"]


def everything(resource: Any, *where: Filter[Any], sort: str | None = None) -> Listing[msgspec.Raw]:
    """All rows that pass the filters, hidden ones too.

    Where a filter is on a mark, records without that mark do not pass.
    """
    kind: type[object] = resource.__class__
    named = {condition.field for condition in where}
    include = [hidden for hidden in hidden_kinds(kind) if f"{hidden}_at" not in named]
    listing: Listing[Any] = resource.list(*where, include=include, sort=sort)
    return undecoded(listing)
