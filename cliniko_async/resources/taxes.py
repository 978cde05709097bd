"""Taxes."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Amount, Record, Ref, model
from cliniko_async._query import Filters
from cliniko_async._verbs import Deletable, Gettable, Listable

__all__ = ["Tax", "TaxFields", "TaxFilters", "Taxes"]


@model
class Tax(Record):
    """A tax rate."""

    name: str | None = None
    rate: Decimal | None = None
    """In percent."""
    amount: Decimal | None = None
    """Deprecated by the API: see `rate`."""


class TaxFields(TypedDict, total=False):
    """What can be set on a tax."""

    name: str
    rate: Amount
    amount: Amount


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
