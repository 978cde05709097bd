"""Billable items: what can be put on invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models.links import Link, Ref
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import DateTimeField, Filters, IdField
from cliniko_async._verbs.many_records import Listable
from cliniko_async._verbs.one_record import Archivable, DeletableOnce, Gettable

__all__ = ["BillableItem", "BillableItemFields", "BillableItemFilters", "BillableItems"]

Hidden = Literal["archived"]
"""What lists and `get` leave out unless `include=` names it."""

ItemType = Literal["Product", "Service", "Other"]


@model
class BillableItem(Model):
    """Something that can be put on an invoice."""

    id: Id
    created_at: Moment
    updated_at: Moment
    name: str | None = None
    item_code: str | None = None
    item_type: ItemType | str | None = None
    price: Decimal | None = None
    tax: Link | None = None
    archived_at: Moment | None = None
    links: Link | None = None


class BillableItemFields(TypedDict, total=False):
    """What can be set on a billable item."""

    name: str
    item_code: str | None
    item_type: ItemType
    price: Decimal
    tax_id: Ref


class BillableItemFilters(Filters):
    """What billable items can be filtered by."""

    tax_id: IdField
    archived_at: DateTimeField


class BillableItems(
    Listable[BillableItem, BillableItemFilters, Hidden],
    Gettable[BillableItem, Hidden],
    Archivable[BillableItem],
    DeletableOnce[BillableItem],
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
