"""Concession types: groups of patients who pay other prices."""

from __future__ import annotations

from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models.links import Link, Ref
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import DateTimeField, Filters
from cliniko_async._verbs.many_records import Listable
from cliniko_async._verbs.one_record import Gettable

__all__ = ["ConcessionType", "ConcessionTypeFields", "ConcessionTypeFilters", "ConcessionTypes"]

Hidden = Literal["archived"]
"""What lists and `get` leave out unless `include=` names it."""


@model
class ConcessionType(Model):
    """A group of patients who pay other prices."""

    id: Id
    created_at: Moment
    updated_at: Moment
    name: str | None = None
    archived_at: Moment | None = None
    links: Link | None = None


class ConcessionTypeFields(TypedDict, total=False):
    """What can be set on a concession type."""

    name: str


class ConcessionTypeFilters(Filters):
    """What concession types can be filtered by."""

    archived_at: DateTimeField


class ConcessionTypes(
    Listable[ConcessionType, ConcessionTypeFilters, Hidden], Gettable[ConcessionType, Hidden]
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
