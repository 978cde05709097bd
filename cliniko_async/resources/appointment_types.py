"""Appointment types."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal, TypedDict, Unpack

from cliniko_async._lists import Listing
from cliniko_async._models import (
    Amount,
    Color,
    Id,
    Link,
    Minutes,
    Moment,
    Record,
    Ref,
    Text255,
    Within,
    model,
)
from cliniko_async._query import (
    ArrayField,
    BooleanField,
    DateTimeField,
    Filter,
    Filters,
    StringField,
)
from cliniko_async._verbs import (
    Archivable,
    Archived,
    DeletionDeprecated,
    Gettable,
    Listable,
    ListOptions,
)

__all__ = [
    "AppointmentType",
    "AppointmentTypeCreateFields",
    "AppointmentTypeFields",
    "AppointmentTypeFilters",
    "AppointmentTypeUpdateFields",
    "AppointmentTypes",
]

LeadTime = Literal[0, 1, 2, 4, 12, 18, 24, 48, 72, 168, 336, 504, 672]
"""Hours that patients have to book ahead."""

PaymentsMode = Literal["deposit_required", "optional", "required"]


@model
class AppointmentType(Record):
    """A kind of appointment, with its length and colour."""

    name: str | None = None
    description: str | None = None
    category: str | None = None
    color: str | None = None
    """A colour of the web, such as `#0fa`."""
    duration_in_minutes: int | None = None
    max_attendees: int | None = None
    """More than one in types of group appointments."""
    telehealth_enabled: bool | None = None
    show_in_online_bookings: bool | None = None
    online_bookings_lead_time_hours: LeadTime | int | None = None
    online_payments_enabled: bool | None = None
    online_payments_mode: PaymentsMode | str | None = None
    deposit_price: Decimal | None = None
    add_deposit_to_account_credit: bool | None = None
    appointment_confirmation_template_ids: list[Id] | None = None
    appointment_follow_up_template_ids: list[Id] | None = None
    appointment_reminder_template_ids: list[Id] | None = None
    treatment_note_template: Link | None = None
    practitioners: Link | None = None
    appointment_type_billable_items: Link | None = None
    appointment_type_products: Link | None = None
    billable_item: Link | None = None
    """Deprecated by the API: see `appointment_type_billable_items`."""
    product: Link | None = None
    """Deprecated by the API: see `appointment_type_products`."""
    archived_at: Moment | None = None


class AppointmentTypeFields(TypedDict, total=False):
    """What can be set on an appointment type, besides what a new one needs."""

    description: str | None
    category: str | None
    telehealth_enabled: bool | None
    show_in_online_bookings: bool | None
    online_bookings_lead_time_hours: LeadTime | None
    online_payments_mode: PaymentsMode | None
    deposit_price: Amount | None
    add_deposit_to_account_credit: bool | None
    appointment_confirmation_template_ids: Sequence[Ref] | None
    appointment_follow_up_template_ids: Sequence[Ref] | None
    appointment_reminder_template_ids: Sequence[Ref] | None
    treatment_note_template_id: Ref
    business_ids: Sequence[Ref]
    practitioner_ids: Sequence[Ref]
    billable_item_id: Ref
    product_id: Ref


class AppointmentTypeCreateFields(AppointmentTypeFields):
    """What a new appointment type takes."""

    name: Text255
    color: Color
    duration_in_minutes: Minutes
    max_attendees: Annotated[int, Within(least=1, most=99)]


class AppointmentTypeUpdateFields(AppointmentTypeFields, total=False):
    """What can be changed on an appointment type."""

    name: Text255
    color: Color
    duration_in_minutes: Minutes
    max_attendees: Annotated[int, Within(least=1, most=99)]


class AppointmentTypeFilters(Filters):
    """What appointment types can be filtered by."""

    category: StringField
    show_in_online_bookings: BooleanField
    online_payments_mode: StringField
    appointment_confirmation_template_ids: ArrayField
    appointment_follow_up_template_ids: ArrayField
    appointment_reminder_template_ids: ArrayField
    archived_at: DateTimeField


AppointmentTypeOptions = ListOptions[AppointmentTypeFilters, Archived]


class AppointmentTypes(
    Listable[AppointmentType, AppointmentTypeFilters, Archived],
    Gettable[AppointmentType, Archived],
    Archivable[AppointmentType],
    DeletionDeprecated[AppointmentType],
):
    """The kinds of appointments that can be booked."""

    path = "/appointment_types"
    model = AppointmentType
    filters: Final = AppointmentTypeFilters()

    def list_for_practitioner(
        self,
        practitioner_id: Ref,
        *where: Filter[AppointmentTypeFilters],
        **options: Unpack[AppointmentTypeOptions],
    ) -> Listing[AppointmentType]:
        """List the appointment types that a practitioner offers."""
        template = "/practitioners/{practitioner_id}/appointment_types"
        return self._list(template, practitioner_id, where, **options)

    async def create(self, **fields: Unpack[AppointmentTypeCreateFields]) -> AppointmentType:
        """Create an appointment type."""
        return await self._create(AppointmentTypeCreateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[AppointmentTypeUpdateFields]
    ) -> AppointmentType:
        """Change an appointment type. A field that is left out stays as it is."""
        return await self._update(id, AppointmentTypeUpdateFields, fields)
