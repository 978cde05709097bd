"""The appointments of a made-up clinic: kept, cancelled, missed, deleted, and to come."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

import attrs

from cliniko_async.emulator.records import link
from cliniko_async.emulator.seeds.making import Record, Shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.emulator.seeds.making import Making, Staff

__all__ = ["Visit", "add_visits"]

DAY: Final = 86_400
MISSED: Final = (0.12, 0.04, 0.04, 0.05, 0.09, 0.02)
"""The share of patients who do not arrive, by weekday from Monday."""

CANCELLED: Final = 0.08
DELETED: Final = 0.02
REASONS: Final = ((10, "Feeling Better"), (30, "Sick"), (40, "Away"), (60, "Work"), (50, "Other"))

Outcome = Literal["kept", "missed", "cancelled", "deleted", "ahead"]


@attrs.frozen
class Visit:
    """A patient's part in an appointment.

    Attributes:
        issued: The local day.
    """

    patient: Record
    attendee: Record
    booking: Record
    type_id: str
    shift: Shift
    issued: date
    outcome: Outcome


@attrs.frozen
class _Plan:
    """What is to become an appointment."""

    booked_at: str
    starts_at: str
    day: date
    shift: Shift
    type: Record


def add_visits(
    making: Making,
    staff: Staff,
    patients: Sequence[Record],
    *,
    appointments: int,
    weeks: int,
) -> Sequence[Visit]:
    """Add individual appointments, group appointments and some leave."""
    plans = _plans(making, staff, appointments, weeks)
    visits = [_individual(making, patients, plan) for plan in plans]
    for number in range(appointments // 50):
        visits += _group(making, staff, patients, number, weeks)
    _show_latest(visits)
    for week in range(min(appointments, 8)):
        _leave(making, staff, week)
    return visits


def _plans(making: Making, staff: Staff, number: int, weeks: int) -> Sequence[_Plan]:
    """Different times of different shifts, in the order in which they were booked."""
    starts = [(shift, hour) for shift in staff.shifts for hour in shift.starts]
    places = making.random.sample(range(len(starts) * weeks), number)
    plans = [_plan(making, staff, *starts[n % len(starts)], n // len(starts)) for n in places]
    return sorted(plans, key=lambda plan: plan.booked_at)


def _plan(making: Making, staff: Staff, shift: Shift, hour: int, week: int) -> _Plan:
    random, calendar = making.random, making.calendar
    type = random.choice(staff.types)
    spare = 60 - type["duration_in_minutes"]
    day = shift.day(calendar.monday, week)
    starts_at = calendar.at(day, 60 * hour + spare * random.randrange(2))
    lead = random.randrange(3600, 21 * DAY)
    # What is further ahead than people book has been booked lately.
    booked_at = min(calendar.later(starts_at, -lead), calendar.later(calendar.now, -lead // 3))
    return _Plan(booked_at, starts_at, day, shift, type)


def _outcome(making: Making, day: date) -> Outcome:
    if making.chance(DELETED):
        return "deleted"
    if making.chance(CANCELLED):
        return "cancelled"
    if day >= making.calendar.today:
        return "ahead"
    return "missed" if making.chance(MISSED[day.weekday()]) else "kept"


def _patient_of(making: Making, patients: Sequence[Record], booked_at: str) -> Record:
    """Somebody who was known by then, rather somebody who came lately."""
    calendar = making.calendar
    open_days = (calendar.today - calendar.opened).days
    since = (date.fromisoformat(booked_at[:10]) - calendar.opened).days - 2
    known = max(1, min(len(patients), len(patients) * since // open_days))
    return patients[known - 1 - int(known * making.random.random() ** 2)]


def _individual(making: Making, patients: Sequence[Record], plan: _Plan) -> Visit:
    calendar, shift = making.calendar, plan.shift
    patient = _patient_of(making, patients, plan.booked_at)
    outcome = _outcome(making, plan.day)
    ends_at = calendar.later(plan.starts_at, 60 * plan.type["duration_in_minutes"])
    seen = outcome in ("kept", "missed")
    booked = making.add(
        "individual_appointments",
        plan.booked_at,
        updated_at=calendar.before(ends_at) if seen else plan.booked_at,
        starts_at=plan.starts_at,
        ends_at=ends_at,
        patient_name=patient["label"],
        did_not_arrive=outcome == "missed",
        patient_arrived=outcome == "kept",
        notes="Asked for the room on the ground floor." if making.chance(0.05) else None,
        sms_reminder_sent=seen,
        treatment_note_status=None,
        patient_id=patient["id"],
        practitioner_id=shift.practitioner["id"],
        business_id=shift.business["id"],
        appointment_type_id=plan.type["id"],
    )
    attendee = _attendee(making, patient, booked, outcome)
    if outcome == "cancelled":
        _cancel(making, booked, attendee)
    elif outcome == "deleted":
        for resource, record in (("individual_appointments", booked), ("attendees", attendee)):
            making.tables.mark(resource, record["id"], "deleted_at", at=booked["updated_at"])
    return Visit(patient, attendee, booked, plan.type["id"], shift, plan.day, outcome)


def _attendee(making: Making, patient: Record, booked: Record, outcome: Outcome) -> Record:
    return making.add(
        "attendees",
        booked["created_at"],
        updated_at=booked["updated_at"],
        arrived={"kept": True, "missed": False}.get(outcome),
        sent_sms_reminders_count=int(outcome in ("kept", "missed")),
        patient_id=patient["id"],
        booking_id=booked["id"],
    )


def _cancel(making: Making, booked: Record, *records: Record) -> None:
    """Cancel an appointment, or a patient's part in one: one in three within its last day."""
    calendar, random = making.calendar, making.random
    hours = random.randrange(1, 24) if making.chance(1 / 3) else random.randrange(24, 120)
    at = calendar.before(calendar.later(booked["starts_at"], -3600 * hours))
    at = max(at, booked["created_at"])
    code, name = random.choice(REASONS)
    for record in (booked, *records) if "cancelled_at" in booked else records:
        record.update(cancellation_reason=code, cancellation_reason_description=name)
        record.update(cancelled_at=at, updated_at=at)


def _group(
    making: Making, staff: Staff, patients: Sequence[Record], number: int, weeks: int
) -> Sequence[Visit]:
    """A class at 18 o'clock, after the day's appointments."""
    calendar, random = making.calendar, making.random
    shift = staff.shifts[number * 5 % len(staff.shifts)]
    day = shift.day(calendar.monday, weeks - 3 - number * 2 % (weeks - 4))
    starts_at = calendar.at(day, 18 * 60)
    made_at = calendar.before(calendar.later(starts_at, -30 * DAY))
    members = random.sample(patients, min(random.randrange(3, 9), len(patients)))
    booked = making.add(
        "group_appointments",
        made_at,
        starts_at=starts_at,
        ends_at=calendar.later(starts_at, 3600),
        max_attendees=staff.group_type["max_attendees"],
        patient_ids=[patient["id"] for patient in members],
        practitioner_id=shift.practitioner["id"],
        business_id=shift.business["id"],
        appointment_type_id=staff.group_type["id"],
    )
    plan = _Plan(made_at, starts_at, day, shift, staff.group_type)
    return [_member(making, patient, booked, plan) for patient in members]


def _member(making: Making, patient: Record, booked: Record, plan: _Plan) -> Visit:
    outcome = _outcome(making, plan.day)
    attendee = _attendee(making, patient, booked, outcome)
    if outcome == "cancelled":
        _cancel(making, booked, attendee)
    elif outcome == "deleted":
        at = booked["updated_at"]
        making.tables.mark("attendees", attendee["id"], "deleted_at", at=at)
    return Visit(patient, attendee, booked, plan.type["id"], plan.shift, plan.day, outcome)


def _show_latest(visits: Sequence[Visit]) -> None:
    """Let patients show their latest booking."""
    for visit in sorted(visits, key=lambda visit: visit.booking["starts_at"]):
        if visit.outcome in ("kept", "ahead"):
            visit.patient["latest_booking"] = link(f"bookings/{visit.booking['id']}")


def _leave(making: Making, staff: Staff, week: int) -> None:
    """An evening in each of the next weeks on which somebody is away."""
    calendar = making.calendar
    day = calendar.today + timedelta(days=7 * week - 14)
    shift = staff.shifts[week * 3 % len(staff.shifts)]
    kind = making.tables.records("unavailable_block_types")[0]["id"]
    making.add(
        "unavailable_blocks",
        calendar.before(calendar.at(day, 600)),
        starts_at=calendar.at(day, 19 * 60),
        ends_at=calendar.at(day, 20 * 60),
        notes="Team meeting",
        practitioner_id=shift.practitioner["id"],
        business_id=shift.business["id"],
        unavailable_block_type_id=kind,
    )
