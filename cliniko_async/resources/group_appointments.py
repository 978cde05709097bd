"""Group appointments: one practitioner, several patients."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypedDict, Unpack

from cliniko_async._models import Id, Link, Moment, Record, Ref, Within, model
from cliniko_async._query import ArrayField, DateTimeField, Filters, IdField
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    Conflicting,
    DeletionDeprecated,
    Gettable,
    Listable,
)
from cliniko_async.resources.appointments import RepeatRule, RepeatRuleOfBookings

__all__ = [
    "GroupAppointment",
    "GroupAppointmentFields",
    "GroupAppointmentFilters",
    "GroupAppointments",
]


@model
class GroupAppointment(Record):
    """An appointment of several patients. Its attendees say who comes."""

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    max_attendees: int | None = None
    patient_ids: list[Id] | None = None
    attendees: Link | None = None
    practitioner: Link | None = None
    business: Link | None = None
    appointment_type: Link | None = None
    notes: str | None = None
    repeat_rule: RepeatRule | None = None
    repeated_from: Link | None = None
    repeats: Link | None = None
    conflicts: Link | None = None
    telehealth_url: str | None = None
    """For the practitioner, who has to log in. It is there even where telehealth is off."""
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class GroupAppointmentFields(TypedDict, total=False):
    """What can be set on a group appointment. Patients are added as attendees."""

    starts_at: datetime
    ends_at: datetime | None
    """By default, and with None, as long after the start as the appointment type takes."""
    max_attendees: Annotated[int, Within(least=2, most=99)]
    """By default, as many as the appointment type takes."""
    practitioner_id: Ref
    business_id: Ref
    appointment_type_id: Ref
    notes: str | None
    repeat_rule: RepeatRuleOfBookings | None
    """One create makes the whole series."""


class GroupAppointmentFilters(Filters):
    """What group appointments can be filtered by."""

    starts_at: DateTimeField
    ends_at: DateTimeField
    patient_ids: ArrayField
    practitioner_id: IdField
    business_id: IdField
    appointment_type_id: IdField
    repeated_from_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class GroupAppointments(
    Listable[GroupAppointment, GroupAppointmentFilters, ArchivedOrDeleted],
    Gettable[GroupAppointment, ArchivedOrDeleted],
    Conflicting[GroupAppointment],
    Archivable[GroupAppointment],
    DeletionDeprecated[GroupAppointment],
):
    """The account's group appointments.

    The API does not refuse an appointment that overlaps with another: ask `conflicts` after it.
    """

    path = "/group_appointments"
    model = GroupAppointment
    filters: Final = GroupAppointmentFilters()

    async def create(self, **fields: Unpack[GroupAppointmentFields]) -> GroupAppointment:
        """Create a group appointment."""
        return await self._create(GroupAppointmentFields, fields)

    async def update(self, id: Ref, **fields: Unpack[GroupAppointmentFields]) -> GroupAppointment:
        """Change a group appointment. A field that is left out stays as it is."""
        return await self._update(id, GroupAppointmentFields, fields)
