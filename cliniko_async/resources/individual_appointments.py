"""Individual appointments: one practitioner, one patient."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypedDict, Unpack

from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import BooleanField, DateTimeField, Filters, IdField
from cliniko_async._verbs import (
    AnyHidden,
    Archivable,
    Conflicting,
    DeletionDeprecated,
    Gettable,
    Listable,
)
from cliniko_async.resources.appointments import (
    Cancellable,
    CancellationReason,
    InvoiceStatus,
    NoteStatus,
    RepeatRule,
    RepeatRuleOfBookings,
)

__all__ = [
    "IndividualAppointment",
    "IndividualAppointmentCreateFields",
    "IndividualAppointmentFields",
    "IndividualAppointmentFilters",
    "IndividualAppointmentUpdateFields",
    "IndividualAppointments",
]


@model
class IndividualAppointment(Record):
    """An appointment of one patient."""

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    patient: Link | None = None
    patient_name: str | None = None
    practitioner: Link | None = None
    business: Link | None = None
    appointment_type: Link | None = None
    patient_case: Link | None = None
    attendees: Link | None = None
    notes: str | None = None
    has_patient_appointment_notes: bool | None = None
    patient_arrived: bool | None = None
    """None until somebody says so: set `arrived` on the attendee."""
    did_not_arrive: bool | None = None
    invoice_status: InvoiceStatus | None = None
    treatment_note_status: NoteStatus | None = None
    email_reminder_sent: bool | None = None
    sms_reminder_sent: bool | None = None
    repeat_rule: RepeatRule | None = None
    repeated_from: Link | None = None
    repeats: Link | None = None
    conflicts: Link | None = None
    telehealth_url: str | None = None
    """For the practitioner, who has to log in. It is there even where telehealth is off."""
    booking_ip_address: str | None = None
    online_booking_policy_accepted: bool | None = None
    cancelled_at: Moment | None = None
    cancellation_reason: int | None = None
    cancellation_reason_description: CancellationReason | str | None = None
    cancellation_note: str | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class IndividualAppointmentFields(TypedDict, total=False):
    """What can be set on an individual appointment, besides who, when and where."""

    ends_at: datetime | None
    """By default, and with None, as long after the start as the appointment type takes."""
    notes: str | None
    patient_case_id: Ref
    repeat_rule: RepeatRuleOfBookings | None
    """One create makes the whole series."""


class IndividualAppointmentCreateFields(IndividualAppointmentFields):
    """What a new individual appointment takes."""

    starts_at: datetime
    patient_id: Ref
    practitioner_id: Ref
    business_id: Ref
    appointment_type_id: Ref


class IndividualAppointmentUpdateFields(IndividualAppointmentFields, total=False):
    """What can be changed on an individual appointment."""

    starts_at: datetime
    patient_id: Ref
    practitioner_id: Ref
    business_id: Ref
    appointment_type_id: Ref


class IndividualAppointmentFilters(Filters):
    """What individual appointments can be filtered by."""

    starts_at: DateTimeField
    ends_at: DateTimeField
    patient_id: IdField
    practitioner_id: IdField
    business_id: IdField
    appointment_type_id: IdField
    repeated_from_id: IdField
    did_not_arrive: BooleanField
    cancelled_at: DateTimeField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class IndividualAppointments(
    Listable[IndividualAppointment, IndividualAppointmentFilters, AnyHidden],
    Gettable[IndividualAppointment, AnyHidden],
    Conflicting[IndividualAppointment],
    Cancellable[IndividualAppointment],
    Archivable[IndividualAppointment],
    DeletionDeprecated[IndividualAppointment],
):
    """The account's individual appointments.

    The API does not refuse an appointment that overlaps with another: ask `conflicts` after it.
    """

    path = "/individual_appointments"
    model = IndividualAppointment
    filters: Final = IndividualAppointmentFilters()

    async def create(
        self, **fields: Unpack[IndividualAppointmentCreateFields]
    ) -> IndividualAppointment:
        """Book an individual appointment."""
        return await self._create(IndividualAppointmentCreateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[IndividualAppointmentUpdateFields]
    ) -> IndividualAppointment:
        """Change an individual appointment. A field that is left out stays as it is."""
        return await self._update(id, IndividualAppointmentUpdateFields, fields)

    async def find_booked(
        self, *, patient_id: Ref, appointment_type_id: Ref, starts_at: datetime
    ) -> IndividualAppointment | None:
        """Find an appointment by what it was booked with, or None.

        The API knows no idempotency keys: when a booking ended in `OutcomeUnknownError`, look for
        it here before you book again.
        """
        f = self.filters
        found = self.list(
            f.patient_id == patient_id,
            f.appointment_type_id == appointment_type_id,
            f.starts_at >= starts_at,
            f.starts_at <= starts_at,
        )
        return await found.first()
