"""Unavailable block types, such as meetings and breaks."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from cliniko_async._models import Color, Minutes, Moment, Record, Ref, Text255, model
from cliniko_async._query import DateTimeField, Filters
from cliniko_async._verbs import Archivable, Archived, Gettable, Listable

__all__ = [
    "UnavailableBlockType",
    "UnavailableBlockTypeFields",
    "UnavailableBlockTypeFilters",
    "UnavailableBlockTypes",
]


@model
class UnavailableBlockType(Record):
    """A kind of unavailable block, with its length and colour."""

    name: str | None = None
    color: str | None = None
    """A colour of the web, such as `#0fa`."""
    duration_in_minutes: int | None = None
    system_controlled: bool | None = None
    archived_at: Moment | None = None


class UnavailableBlockTypeFields(TypedDict, total=False):
    """What can be set on an unavailable block type."""

    name: Text255
    color: Color
    duration_in_minutes: Minutes


class UnavailableBlockTypeFilters(Filters):
    """What unavailable block types can be filtered by."""

    archived_at: DateTimeField


class UnavailableBlockTypes(
    Listable[UnavailableBlockType, UnavailableBlockTypeFilters, Archived],
    Gettable[UnavailableBlockType, Archived],
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
