"""Bookings: appointments of both kinds and unavailable blocks, in one list."""

from __future__ import annotations

from typing import Any, Final, Unpack, get_args

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Model, Ref, Unknown, variants
from cliniko_async._query import (
    ArrayField,
    BooleanField,
    DateTimeField,
    Filter,
    Filters,
    IdField,
    IntegerField,
)
from cliniko_async._verbs import AnyHidden, Gettable, Listable, ListOptions
from cliniko_async.resources.group_appointments import GroupAppointment
from cliniko_async.resources.individual_appointments import IndividualAppointment
from cliniko_async.resources.unavailable_blocks import UnavailableBlock

__all__ = ["Booking", "BookingFilters", "Bookings"]

Booking = IndividualAppointment | GroupAppointment | UnavailableBlock | Unknown
"""What a booking can be."""


def _kind_of(booking: dict[str, Any]) -> type[Model] | None:
    # A booking does not say what it is, and a relation that is not there may be left out.
    leads_to = f"{booking.get('attendees')}{booking.get('conflicts')}"
    if "unavailable_block_type" in booking or "/unavailable_blocks/" in leads_to:
        return UnavailableBlock
    if "max_attendees" in booking or "/group_appointments/" in leads_to:
        return GroupAppointment
    if "patient" in booking or "/individual_appointments/" in leads_to:
        return IndividualAppointment
    return None


class BookingFilters(Filters):
    """What bookings can be filtered by."""

    starts_at: DateTimeField
    ends_at: DateTimeField
    patient_ids: ArrayField
    practitioner_id: IdField
    business_id: IdField
    appointment_type_id: IdField
    repeated_from_id: IdField
    did_not_arrive: BooleanField
    invoice_status: IntegerField
    treatment_note_status: IntegerField
    email_reminder_sent: BooleanField
    sms_reminder_sent: BooleanField
    cancelled_at: DateTimeField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class Bookings(Listable[Booking, BookingFilters, AnyHidden], Gettable[Booking, AnyHidden]):
    """All that takes a practitioner's time. Each kind is written through its own resource."""

    path = "/bookings"
    model: type[Booking] = variants("Booking", _kind_of, get_args(Booking))
    filters: Final = BookingFilters()

    @deprecated("the API deprecates this: use attendees.list(f.patient_case_id == id)")
    def list_for_patient_case(
        self,
        patient_case_id: Ref,
        *where: Filter[BookingFilters],
        **options: Unpack[ListOptions[BookingFilters, AnyHidden]],
    ) -> Listing[Booking]:
        """List the bookings of a patient case. Deprecated by the API."""
        template = "/patient_cases/{patient_case_id}/bookings"
        return self._list(template, patient_case_id, where, **options)
