"""Concession prices: what a billable item costs for a concession type."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Link, Record, Ref, model
from cliniko_async._query import Filters, IdField
from cliniko_async._verbs import Gettable, Listable

__all__ = ["ConcessionPrice", "ConcessionPriceFields", "ConcessionPriceFilters", "ConcessionPrices"]


@model
class ConcessionPrice(Record):
    """What a billable item costs for a concession type."""

    billable_item: Link | None = None
    concession_type: Link | None = None
    price: Decimal | None = None


class ConcessionPriceFields(TypedDict, total=False):
    """What can be set on a concession price.

    The API has taken writes here since 2026, and no public document names their fields: these
    are those that are read.
    """

    billable_item_id: Ref
    concession_type_id: Ref
    price: Decimal


class ConcessionPriceFilters(Filters):
    """What concession prices can be filtered by."""

    billable_item_id: IdField
    concession_type_id: IdField


class ConcessionPrices(
    Listable[ConcessionPrice, ConcessionPriceFilters, Never], Gettable[ConcessionPrice, Never]
):
    """What billable items cost for concession types."""

    path = "/concession_prices"
    model = ConcessionPrice
    filters: Final = ConcessionPriceFilters()

    async def create(self, **fields: Unpack[ConcessionPriceFields]) -> ConcessionPrice:
        """Create a concession price."""
        return await self._create(ConcessionPriceFields, fields)

    async def update(self, id: Ref, **fields: Unpack[ConcessionPriceFields]) -> ConcessionPrice:
        """Change a concession price. A field that is left out stays as it is."""
        return await self._update(id, ConcessionPriceFields, fields)
