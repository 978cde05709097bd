"""Products of appointment types: what an appointment puts on its invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Link, Percentage, Record, Ref, SignedAmount, model
from cliniko_async._query import Filters, IdField
from cliniko_async._verbs import Deletable, Gettable, Listable

__all__ = [
    "AppointmentTypeProduct",
    "AppointmentTypeProductCreateFields",
    "AppointmentTypeProductFields",
    "AppointmentTypeProductFilters",
    "AppointmentTypeProducts",
]


@model
class AppointmentTypeProduct(Record):
    """A product that appointments of a type put on their invoices."""

    appointment_type: Link | None = None
    product: Link | None = None
    quantity: Decimal | None = None
    discounted_amount: Decimal | None = None
    discount_percentage: Decimal | None = None
    is_monetary_discount: bool | None = None
    """Whether the discount was given as an amount instead of a percentage."""


class AppointmentTypeProductFields(TypedDict, total=False):
    """What can be changed on a product of an appointment type."""

    product_id: Ref
    quantity: SignedAmount
    discounted_amount: Decimal | None
    discount_percentage: Percentage | None


class AppointmentTypeProductCreateFields(AppointmentTypeProductFields, total=False):
    """What a new product of an appointment type takes."""

    appointment_type_id: Ref


class AppointmentTypeProductFilters(Filters):
    """What products of appointment types can be filtered by."""

    appointment_type_id: IdField
    product_id: IdField


class AppointmentTypeProducts(
    Listable[AppointmentTypeProduct, AppointmentTypeProductFilters, Never],
    Gettable[AppointmentTypeProduct, Never],
    Deletable[AppointmentTypeProduct],
):
    """Which products belong to which appointment types."""

    path = "/appointment_type_products"
    model = AppointmentTypeProduct
    filters: Final = AppointmentTypeProductFilters()

    async def create(
        self, **fields: Unpack[AppointmentTypeProductCreateFields]
    ) -> AppointmentTypeProduct:
        """Add a product to an appointment type."""
        return await self._create(AppointmentTypeProductCreateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[AppointmentTypeProductFields]
    ) -> AppointmentTypeProduct:
        """Change one of them. A field that is left out stays as it is."""
        return await self._update(id, AppointmentTypeProductFields, fields)
