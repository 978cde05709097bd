"""Billable items of appointment types: what an appointment puts on its invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Link, Percentage, Record, Ref, SignedAmount, model
from cliniko_async._query import Filters, IdField
from cliniko_async._verbs import Deletable, Gettable, Listable

__all__ = [
    "AppointmentTypeBillableItem",
    "AppointmentTypeBillableItemCreateFields",
    "AppointmentTypeBillableItemFields",
    "AppointmentTypeBillableItemFilters",
    "AppointmentTypeBillableItems",
]


@model
class AppointmentTypeBillableItem(Record):
    """A billable item that appointments of a type put on their invoices."""

    appointment_type: Link | None = None
    billable_item: Link | None = None
    quantity: Decimal | None = None
    discounted_amount: Decimal | None = None
    discount_percentage: Decimal | None = None
    is_monetary_discount: bool | None = None
    """Whether the discount was given as an amount instead of a percentage."""


class AppointmentTypeBillableItemFields(TypedDict, total=False):
    """What can be changed on a billable item of an appointment type."""

    billable_item_id: Ref
    quantity: SignedAmount
    discounted_amount: Decimal | None
    discount_percentage: Percentage | None


class AppointmentTypeBillableItemCreateFields(AppointmentTypeBillableItemFields, total=False):
    """What a new billable item of an appointment type takes."""

    appointment_type_id: Ref


class AppointmentTypeBillableItemFilters(Filters):
    """What billable items of appointment types can be filtered by."""

    appointment_type_id: IdField
    billable_item_id: IdField


class AppointmentTypeBillableItems(
    Listable[AppointmentTypeBillableItem, AppointmentTypeBillableItemFilters, Never],
    Gettable[AppointmentTypeBillableItem, Never],
    Deletable[AppointmentTypeBillableItem],
):
    """Which billable items belong to which appointment types."""

    path = "/appointment_type_billable_items"
    model = AppointmentTypeBillableItem
    filters: Final = AppointmentTypeBillableItemFilters()

    async def create(
        self, **fields: Unpack[AppointmentTypeBillableItemCreateFields]
    ) -> AppointmentTypeBillableItem:
        """Add a billable item to an appointment type."""
        return await self._create(AppointmentTypeBillableItemCreateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[AppointmentTypeBillableItemFields]
    ) -> AppointmentTypeBillableItem:
        """Change one of them. A field that is left out stays as it is."""
        return await self._update(id, AppointmentTypeBillableItemFields, fields)
