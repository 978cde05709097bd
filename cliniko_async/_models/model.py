"""What all models have in common: attrs classes whose reprs show no values."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

import attrs
import msgspec
from typing_extensions import dataclass_transform

from cliniko_async._models.links import Link
from cliniko_async._models.plain import json_name, members_of
from cliniko_async._models.pydantic_hooks import answer
from cliniko_async._models.real_types import REAL_TYPES, hints_of

__all__ = [
    "NEEDED",
    "NOT_EMPTY",
    "READ_ONLY",
    "TRUE_ALONE",
    "Id",
    "Model",
    "Moment",
    "Record",
    "Unknown",
    "Whole",
    "json_name",
    "model",
]

Id = Annotated[str, "id"]
"""An id: a 64-bit integer, which the API writes as a string and old records as a number."""

Whole = Annotated[int, "or digits"]
"""A whole number, which some answers have as a text."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    Moment = Annotated[datetime, msgspec.Meta(tz=True)]
    """A date-time with a zone, in UTC."""
else:
    Moment = Annotated[REAL_TYPES["datetime"], msgspec.Meta(tz=True)]

READ_ONLY: Final = MappingProxyType({"read_only": True})
"""Metadata of a part's field that is read and never written."""

TRUE_ALONE: Final = MappingProxyType({"true_alone": True})
"""Metadata of a field that is left out if it is False: the API takes True alone."""

NEEDED: Final = MappingProxyType({"needed": True})
"""Metadata of a part's field that a write must have."""

NOT_EMPTY: Final = MappingProxyType({"not_empty": True})
"""Metadata of a part's list that holds at least one element where it is written."""

M = TypeVar("M", bound="Model")


class Model:
    """A record, or a part of one, as the API sends it.

    Its repr shows the class and the id and nothing else, because models hold health data and
    reprs end up in logs.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types.

        Members have the API's names. Relations to one record are ids, named as in the API's
        filters (`patient_id`); relations to lists are URLs; the link to itself is left out. Dates
        are `2026-05-31`, date-times `2026-05-31T09:30:00Z`, decimals texts. `dict(record)` is the
        same. Nothing hides what it holds: health data.
        """
        return dict(self)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return members_of(self)

    def __repr__(self) -> str:
        return f"<{' '.join([type(self).__name__, *self._shown()])}>"

    def __rich_repr__(self) -> Iterator[str]:
        yield from self._shown()

    __rich_repr__.angular = True  # type: ignore[attr-defined] # pyright: ignore[reportFunctionMemberAccess] # as rich asks for it

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - as IPython and Hypothesis call it
        printer.text(repr(self))

    def _shown(self) -> Sequence[str]:
        own_id: str | None = getattr(self, "id", None)
        return (own_id,) if own_id else ()

    def __hash__(self) -> int:
        own_id: str | None = getattr(self, "id", None)
        # Equal records have the same id; parts have none, and lists in them, which do not hash.
        return hash((type(self), own_id or str(dict(self))))

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> Any:
        return answer("model_schema", cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        found: dict[str, Any] = answer("json_schema_of", cls)
        return found


def _silent(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    # rich prints the fields that attrs lists and does not ask for the class's own repr.
    return [field.evolve(repr=False) for field in fields]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def model(cls: type[M]) -> type[M]:
    """Make an immutable attrs class whose fields stay out of every repr."""
    # Resolved now, as what they are: libraries that read them later may find time frozen.
    hints = hints_of(cls)
    cls.__annotations__ = {name: hints[name] for name in vars(cls).get("__annotations__", {})}
    made = attrs.frozen(cls, kw_only=True, repr=False, field_transformer=_silent)
    made.__hash__ = Model.__hash__  # type: ignore[method-assign] # attrs makes one that lists break
    return made


@model
class Record(Model):
    """A record with an id, a URL, and the times at which the API created and updated it."""

    id: Id
    created_at: Moment
    updated_at: Moment
    links: Link | None = None


@model
class Unknown(Model):
    """A record, or a part of one, of a kind that is not known here.

    Attributes:
        raw: The JSON object as the API sent it.
    """

    raw: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id, or the empty string."""
        return str(self.raw.get("id", ""))

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.raw.items())
