"""Concession types: groups of patients who pay other prices."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from cliniko_async._models import Moment, Record, Ref, Text255, model
from cliniko_async._query import DateTimeField, Filters
from cliniko_async._verbs import Archived, Gettable, Listable

__all__ = ["ConcessionType", "ConcessionTypeFields", "ConcessionTypeFilters", "ConcessionTypes"]


@model
class ConcessionType(Record):
    """A group of patients who pay other prices."""

    name: str | None = None
    archived_at: Moment | None = None


class ConcessionTypeFields(TypedDict, total=False):
    """What can be set on a concession type."""

    name: Text255


class ConcessionTypeFilters(Filters):
    """What concession types can be filtered by."""

    archived_at: DateTimeField


class ConcessionTypes(
    Listable[ConcessionType, ConcessionTypeFilters, Archived], Gettable[ConcessionType, Archived]
):
    """The groups of patients who pay other prices. The API does not archive them."""

    path = "/concession_types"
    model = ConcessionType
    filters: Final = ConcessionTypeFilters()

    async def create(self, **fields: Unpack[ConcessionTypeFields]) -> ConcessionType:
        """Create a concession type."""
        return await self._create(ConcessionTypeFields, fields)

    async def update(self, id: Ref, **fields: Unpack[ConcessionTypeFields]) -> ConcessionType:
        """Change a concession type. A field that is left out stays as it is."""
        return await self._update(id, ConcessionTypeFields, fields)
