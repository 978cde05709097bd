"""Recall types. The API has had them since 2026; no public document names their fields yet."""

from __future__ import annotations

from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Id, Link, Model, Moment, Ref, model
from cliniko_async._query import Filters
from cliniko_async._verbs import Archivable, Gettable, Listable

__all__ = ["RecallType", "RecallTypeFields", "RecallTypeFilters", "RecallTypes"]


@model
class RecallType(Model):
    """A kind of recall. `list().raw()` shows what else the API sends."""

    id: Id
    created_at: Moment | None = None
    updated_at: Moment | None = None
    name: str | None = None
    archived_at: Moment | None = None
    links: Link | None = None


class RecallTypeFields(TypedDict, total=False):
    """What can be set on a recall type."""

    name: str


class RecallTypeFilters(Filters):
    """What recall types can be filtered by."""


class RecallTypes(
    Listable[RecallType, RecallTypeFilters, Never],
    Gettable[RecallType, Never],
    Archivable[RecallType],
):
    """The kinds of recalls."""

    path = "/recall_types"
    model = RecallType
    filters: Final = RecallTypeFilters()

    async def create(self, **fields: Unpack[RecallTypeFields]) -> RecallType:
        """Create a recall type."""
        return await self._create(RecallTypeFields, fields)

    async def update(self, id: Ref, **fields: Unpack[RecallTypeFields]) -> RecallType:
        """Change a recall type. A field that is left out stays as it is."""
        return await self._update(id, RecallTypeFields, fields)
