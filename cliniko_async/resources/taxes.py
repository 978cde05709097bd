"""Taxes."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models.links import Link, Ref
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import Filters
from cliniko_async._verbs.many_records import Listable
from cliniko_async._verbs.one_record import Deletable, Gettable

__all__ = ["Tax", "TaxFields", "TaxFilters", "Taxes"]


@model
class Tax(Model):
    """A tax rate."""

    id: Id
    created_at: Moment
    updated_at: Moment
    name: str | None = None
    rate: Decimal | None = None
    """In percent."""
    amount: Decimal | None = None
    """Deprecated by the API: see `rate`."""
    links: Link | None = None


class TaxFields(TypedDict, total=False):
    """What can be set on a tax."""

    name: str
    rate: Decimal
    amount: Decimal


class TaxFilters(Filters):
    """What taxes can be filtered by."""


class Taxes(Listable[Tax, TaxFilters, Never], Gettable[Tax, Never], Deletable[Tax]):
    """The account's taxes."""

    path = "/taxes"
    model = Tax
    filters: Final = TaxFilters()

    async def create(self, **fields: Unpack[TaxFields]) -> Tax:
        """Create a tax."""
        return await self._create(TaxFields, fields)

    async def update(self, id: Ref, **fields: Unpack[TaxFields]) -> Tax:
        """Change a tax. A field that is left out stays as it is."""
        return await self._update(id, TaxFields, fields)
