"""Attendees: patients in bookings."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateTimeField, Filter, Filters, IdField
from cliniko_async._verbs import (
    AnyHidden,
    Archivable,
    DeletionDeprecated,
    Gettable,
    Listable,
    ListOptions,
)
from cliniko_async.resources.appointments import (
    Cancellable,
    CancellationReason,
    InvoiceStatus,
    NoteStatus,
)

__all__ = [
    "Attendee",
    "AttendeeCreateFields",
    "AttendeeFields",
    "AttendeeFilters",
    "Attendees",
]


@model
class Attendee(Record):
    """A patient in a booking."""

    patient: Link | None = None
    booking: Link | None = None
    patient_case: Link | None = None
    arrived: bool | None = None
    """None until somebody says so. An individual appointment shows it as `patient_arrived`, and
    has `did_not_arrive` beside it."""
    notes: str | None = None
    invoice_status: InvoiceStatus | None = None
    treatment_note_status: NoteStatus | None = None
    sent_email_reminders_count: int | None = None
    sent_email_follow_ups_count: int | None = None
    sent_sms_reminders_count: int | None = None
    sent_sms_follow_ups_count: int | None = None
    email_reminder_sent: bool | None = None
    """Deprecated by the API: see `sent_email_reminders_count`."""
    sms_reminder_sent: bool | None = None
    """Deprecated by the API: see `sent_sms_reminders_count`."""
    telehealth_url: str | None = None
    """A secret: it lets in whoever has it. It is there even where telehealth is off."""
    cancellation_url: str | None = None
    """The patient's own link: a secret, too."""
    booking_ip_address: str | None = None
    online_booking_policy_accepted: bool | None = None
    invoices: Link | None = None
    patient_forms: Link | None = None
    cancelled_at: Moment | None = None
    cancellation_reason: int | None = None
    cancellation_reason_description: CancellationReason | str | None = None
    cancellation_note: str | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class AttendeeFields(TypedDict, total=False):
    """What can be changed on an attendee."""

    arrived: bool | None
    notes: str | None
    patient_case_id: Ref


class AttendeeCreateFields(AttendeeFields, total=False):
    """What a new attendee takes."""

    booking_id: Ref
    """A group appointment: individual ones have their attendee from the start."""
    patient_id: Ref


class AttendeeFilters(Filters):
    """What attendees can be filtered by."""

    patient_id: IdField
    booking_id: IdField
    appointment_id: IdField
    patient_case_id: IdField
    cancelled_at: DateTimeField
    archived_at: DateTimeField
    deleted_at: DateTimeField


AttendeeOptions = ListOptions[AttendeeFilters, AnyHidden]


class Attendees(
    Listable[Attendee, AttendeeFilters, AnyHidden],
    Gettable[Attendee, AnyHidden],
    Cancellable[Attendee],
    Archivable[Attendee],
    DeletionDeprecated[Attendee],
):
    """The attendees of the account's bookings.

    Only attendees of group appointments can be cancelled here; an individual appointment is
    cancelled as a whole, with `individual_appointments.cancel`.
    """

    path = "/attendees"
    model = Attendee
    filters: Final = AttendeeFilters()

    async def create(self, **fields: Unpack[AttendeeCreateFields]) -> Attendee:
        """Add a patient to a group appointment."""
        return await self._create(AttendeeCreateFields, fields)

    async def update(self, id: Ref, **fields: Unpack[AttendeeFields]) -> Attendee:
        """Change an attendee. A field that is left out stays as it is."""
        return await self._update(id, AttendeeFields, fields)

    @deprecated("the API deprecates this: use list(f.booking_id == id)")
    def list_for_group_appointment(
        self,
        group_appointment_id: Ref,
        *where: Filter[AttendeeFilters],
        **options: Unpack[AttendeeOptions],
    ) -> Listing[Attendee]:
        """List the attendees of a group appointment. Deprecated by the API."""
        template = "/group_appointments/{group_appointment_id}/attendees"
        return self._list(template, group_appointment_id, where, **options)

    @deprecated("the API deprecates this: use list(f.booking_id == id)")
    def list_for_individual_appointment(
        self,
        individual_appointment_id: Ref,
        *where: Filter[AttendeeFilters],
        **options: Unpack[AttendeeOptions],
    ) -> Listing[Attendee]:
        """List the attendee of an individual appointment. Deprecated by the API."""
        template = "/individual_appointments/{individual_appointment_id}/attendees"
        return self._list(template, individual_appointment_id, where, **options)

    @deprecated("the API deprecates this: use list(f.patient_case_id == id)")
    def list_for_patient_case(
        self,
        patient_case_id: Ref,
        *where: Filter[AttendeeFilters],
        **options: Unpack[AttendeeOptions],
    ) -> Listing[Attendee]:
        """List the attendees with a patient case. Deprecated by the API."""
        template = "/patient_cases/{patient_case_id}/attendees"
        return self._list(template, patient_case_id, where, **options)
