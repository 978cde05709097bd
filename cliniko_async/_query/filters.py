"""What the lists of a resource can be filtered by.

Several filters mean "and"; the API has no "or".
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

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

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Filters", "NoFilters"]

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
    if "id" in owner.names:
        owner.id = IdField("id", owner.__module__.rpartition(".")[2])  # named as its resource


_make_fields(Filters)


class NoFilters(Filters):
    """The fields of a list that cannot be filtered."""

    names: ClassVar[frozenset[str]] = frozenset()
