"""Billable items of appointment types: what an appointment puts on its invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models.links import Link, Ref
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import Filters, IdField
from cliniko_async._verbs.many_records import Listable
from cliniko_async._verbs.one_record import Deletable, Gettable

__all__ = [
    "AppointmentTypeBillableItem",
    "AppointmentTypeBillableItemCreateFields",
    "AppointmentTypeBillableItemFields",
    "AppointmentTypeBillableItemFilters",
    "AppointmentTypeBillableItems",
]


@model
class AppointmentTypeBillableItem(Model):
    """A billable item that appointments of a type put on their invoices."""

    id: Id
    created_at: Moment
    updated_at: Moment
    appointment_type: Link | None = None
    billable_item: Link | None = None
    quantity: Decimal | None = None
    discounted_amount: Decimal | None = None
    discount_percentage: Decimal | None = None
    is_monetary_discount: bool | None = None
    """Whether the discount was given as an amount instead of a percentage."""
    links: Link | None = None


class AppointmentTypeBillableItemFields(TypedDict, total=False):
    """What can be changed on a billable item of an appointment type."""

    billable_item_id: Ref
    quantity: Decimal
    discounted_amount: Decimal | None
    discount_percentage: Decimal | None


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
