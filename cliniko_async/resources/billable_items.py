"""Billable items: what can be put on invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models import Link, Moment, Record, Ref, SignedAmount, Text100, Text255, model
from cliniko_async._query import DateTimeField, Filters, IdField
from cliniko_async._verbs import Archivable, Archived, DeletionDeprecated, Gettable, Listable

__all__ = ["BillableItem", "BillableItemFields", "BillableItemFilters", "BillableItems"]

ItemType = Literal["Product", "Service", "Other"]


@model
class BillableItem(Record):
    """Something that can be put on an invoice."""

    name: str | None = None
    item_code: str | None = None
    item_type: ItemType | str | None = None
    price: Decimal | None = None
    tax: Link | None = None
    archived_at: Moment | None = None


class BillableItemFields(TypedDict, total=False):
    """What can be set on a billable item."""

    name: Text255
    item_code: Text100 | None
    item_type: ItemType
    price: SignedAmount
    tax_id: Ref


class BillableItemFilters(Filters):
    """What billable items can be filtered by."""

    tax_id: IdField
    archived_at: DateTimeField


class BillableItems(
    Listable[BillableItem, BillableItemFilters, Archived],
    Gettable[BillableItem, Archived],
    Archivable[BillableItem],
    DeletionDeprecated[BillableItem],
):
    """What the account puts on invoices, besides products."""

    path = "/billable_items"
    model = BillableItem
    filters: Final = BillableItemFilters()

    async def create(self, **fields: Unpack[BillableItemFields]) -> BillableItem:
        """Create a billable item."""
        return await self._create(BillableItemFields, fields)

    async def update(self, id: Ref, **fields: Unpack[BillableItemFields]) -> BillableItem:
        """Change a billable item. A field that is left out stays as it is."""
        return await self._update(id, BillableItemFields, fields)
