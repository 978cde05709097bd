"""What the lists of a resource can be filtered by, and sort orders.

Several filters mean "and"; the API has no "or".
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from cliniko_async._query.fields import (
    ArrayField,
    BooleanField,
    DateField,
    DateTimeField,
    Field,
    IdField,
    IntegerField,
    Owner,
    Sort,
    StringField,
)
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Filters", "NoFilters", "SortBy", "sort_text"]

_SORT: Final = re.compile(r"[a-z][a-z0-9_]*(:(asc|desc))?(,[a-z][a-z0-9_]*(:(asc|desc))?)*")

_KINDS: Final[Mapping[str, type[Field[Any]]]] = {
    kind.__name__: kind
    for kind in (
        ArrayField,
        BooleanField,
        DateField,
        DateTimeField,
        IdField,
        IntegerField,
        StringField,
    )
}


class Filters:
    """The fields that a resource's lists can be filtered by.

    A subclass only annotates them: `last_name: StringField`. The fields are created here, once.
    """

    names: ClassVar[frozenset[str]] = frozenset()

    id: IdField
    created_at: DateTimeField
    updated_at: DateTimeField

    def __init_subclass__(cls) -> None:
        _make_fields(cls)

    if not TYPE_CHECKING:  # a type checker is to find a field that there is not

        def __getattr__(self, name: str) -> NoReturn:
            near = difflib.get_close_matches(name, sorted(self.names), n=1)
            hint = f"did you mean {near[0]}?" if near else "it has " + ", ".join(sorted(self.names))
            raise AttributeError(f"{type(self).__name__} has no {name}: {hint}")


def _make_fields(owner: type[Filters]) -> None:
    kinds: dict[str, str] = {k: v for k, v in owner.__annotations__.items() if k != "names"}
    for name, kind in kinds.items():
        setattr(owner, name, _KINDS[kind](name))
    owner.names = owner.names.union(kinds)


_make_fields(Filters)


class NoFilters(Filters):
    """The fields of a list that cannot be filtered."""

    names: ClassVar[frozenset[str]] = frozenset()


SortBy = Field[Owner] | Sort[Owner] | tuple[Field[Owner] | Sort[Owner], ...] | str
"""What `sort=` takes: a field, a direction, several of them, or the API's own text."""


def sort_text(sort: SortBy[Any]) -> str:
    """The value of the `sort` parameter.

    Raises:
        InvalidTypeError: The value is not one that `sort=` takes.
        InvalidValueError: The text does not have the form `field:desc,field`.
    """
    if isinstance(sort, str):
        if not _SORT.fullmatch(sort):
            raise InvalidValueError("write sort='field', 'field:desc' or 'field,field:desc'")
        return sort
    if isinstance(sort, Sort):
        return sort.text
    if isinstance(sort, Field):
        return sort.name
    if isinstance(sort, tuple) and sort:  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        return ",".join(sort_text(part) for part in sort)
    raise InvalidTypeError("sort= takes a field, .asc(), .desc(), a tuple of them, or a text")
