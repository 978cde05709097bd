"""What all models have in common: attrs classes that keep their values to themselves."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

import attrs
import msgspec
from typing_extensions import dataclass_transform

from cliniko_async._models.links import Link
from cliniko_async._models.real_types import REAL_TYPES, hints_of

__all__ = [
    "NEEDED",
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

M = TypeVar("M", bound="Model")


class Model:
    """A record, or a part of one, as the API sends it.

    Its repr shows the class and the id and nothing else, for models hold health data and reprs
    end in logs.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]

    def __repr__(self) -> str:
        own_id: str | None = getattr(self, "id", None)
        return f"<{type(self).__name__} {own_id}>" if own_id else f"<{type(self).__name__}>"


def _silent(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    # rich prints the fields that attrs lists and does not ask for the class's own repr.
    return [field.evolve(repr=False) for field in fields]


def json_name(field: attrs.Attribute[Any]) -> str:
    """The member of the JSON object that a model's field is read from.

    A field that would be a Python keyword has an underscore behind it; one whose name is no
    identifier names its member as `metadata={"name": ...}`.
    """
    return str(field.metadata.get("name", field.name.removesuffix("_")))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field,))
def model(cls: type[M]) -> type[M]:
    """Make an immutable attrs class whose fields stay out of every repr."""
    # Resolved now, as what they are: libraries that read them later may find time frozen.
    hints = hints_of(cls)
    cls.__annotations__ = {name: hints[name] for name in vars(cls).get("__annotations__", {})}
    return attrs.frozen(cls, kw_only=True, repr=False, field_transformer=_silent)


@model
class Record(Model):
    """A record of its own, which has an id and a URL and is dated by the API."""

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
