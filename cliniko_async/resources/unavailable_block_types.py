"""Unavailable block types, such as meetings and breaks."""

from __future__ import annotations

from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models.links import Link, Ref
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import DateTimeField, Filters
from cliniko_async._verbs.many_records import Listable
from cliniko_async._verbs.one_record import Archivable, Gettable

__all__ = [
    "UnavailableBlockType",
    "UnavailableBlockTypeFields",
    "UnavailableBlockTypeFilters",
    "UnavailableBlockTypes",
]

Hidden = Literal["archived"]
"""What lists and `get` leave out unless `include=` names it."""


@model
class UnavailableBlockType(Model):
    """A kind of unavailable block, with its length and colour."""

    id: Id
    created_at: Moment
    updated_at: Moment
    name: str | None = None
    color: str | None = None
    """A colour of the web, such as `#0fa`."""
    duration_in_minutes: int | None = None
    system_controlled: bool | None = None
    archived_at: Moment | None = None
    links: Link | None = None


class UnavailableBlockTypeFields(TypedDict, total=False):
    """What can be set on an unavailable block type."""

    name: str
    color: str
    duration_in_minutes: int


class UnavailableBlockTypeFilters(Filters):
    """What unavailable block types can be filtered by."""

    archived_at: DateTimeField


class UnavailableBlockTypes(
    Listable[UnavailableBlockType, UnavailableBlockTypeFilters, Hidden],
    Gettable[UnavailableBlockType, Hidden],
    Archivable[UnavailableBlockType],
):
    """The kinds of unavailable blocks."""

    path = "/unavailable_block_types"
    model = UnavailableBlockType
    filters: Final = UnavailableBlockTypeFilters()

    async def create(self, **fields: Unpack[UnavailableBlockTypeFields]) -> UnavailableBlockType:
        """Create an unavailable block type."""
        return await self._create(UnavailableBlockTypeFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[UnavailableBlockTypeFields]
    ) -> UnavailableBlockType:
        """Change an unavailable block type. A field that is left out stays as it is."""
        return await self._update(id, UnavailableBlockTypeFields, fields)
