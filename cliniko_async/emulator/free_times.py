"""When practitioners can be booked online: in their hours at a business, unless they are.

Days and hours are those of the business's time zone. Who has no hours (`daily_availabilities`)
anywhere works on weekdays from 9 to 17 o'clock.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cliniko_async.emulator import moments
from cliniko_async.emulator.filters import BadFilterError
from cliniko_async.emulator.records import linked_id
from cliniko_async.emulator.writes import BOOKINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cliniko_async.emulator.clinic import Clinic

__all__ = ["available_times", "next_available_time"]

USUAL_HOURS: Final = {"starts_at": "09:00", "ends_at": "17:00"}
WEEKDAYS: Final = range(1, 6)
"""As the API counts days: 0 is Sunday, as far as is known."""

MOST_DAYS: Final = 7
"""Days from the first to the last that one request may ask for."""

DAYS_AHEAD: Final = 28
"""Days that are looked through for the next free time."""

Record = dict[str, Any]


def available_times(
    clinic: Clinic, ids: Mapping[str, str], query: Mapping[str, str]
) -> Record | None:
    """A page of free times; None if one of the three is not offered online.

    Raises:
        BadFilterError: The days are too many, over, or not given.
    """
    first, last = _days(_today(clinic, ids), query)
    times = _free(clinic, ids, first, last)
    if times is None:
        return None
    found = list(times)
    number, size = int(query.get("page", 1)), min(int(query.get("per_page", 50)), 100)
    shown = found[(number - 1) * size : number * size]
    path = "@/businesses/{business_id}/practitioners/{practitioner_id}/appointment_types/"
    url = f"{path}{{appointment_type_id}}/available_times".format(**ids)
    links = {"self": url}
    if number * size < len(found):
        links["next"] = f"{url}?from={first}&to={last}&per_page={size}&page={number + 1}"
    rows = [{"appointment_start": time} for time in shown]
    return {"available_times": rows, "total_entries": len(found), "links": links}


def next_available_time(
    clinic: Clinic, ids: Mapping[str, str], query: Mapping[str, str]
) -> Record | None:
    """The next free time; None if one of the three is not offered online.

    Raises:
        BadFilterError: The days are too many, or over.
    """
    today = _today(clinic, ids)
    days = (today, today + timedelta(days=DAYS_AHEAD))
    first, last = _days(today, query) if query else days
    times = _free(clinic, ids, first, last)
    if times is None:
        return None
    start = next(times, None)
    return {"appointment_start": start, "total_entries": int(start is not None), "links": {}}


def _zone(clinic: Clinic, ids: Mapping[str, str]) -> ZoneInfo:
    business = clinic.find("businesses", ids["business_id"]) or {}
    return ZoneInfo(business.get("time_zone_identifier") or "UTC")


def _today(clinic: Clinic, ids: Mapping[str, str]) -> date:
    return clinic.now().astimezone(_zone(clinic, ids)).date()


def _days(today: date, query: Mapping[str, str]) -> tuple[date, date]:
    try:
        first, last = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
    except (KeyError, ValueError):
        raise BadFilterError("from and to are dates") from None
    if not today <= first <= last <= first + timedelta(days=MOST_DAYS):
        raise BadFilterError("the time frame is invalid: check from and to")
    return first, last


def _free(clinic: Clinic, ids: Mapping[str, str], first: date, last: date) -> Iterator[str] | None:
    asked = [
        clinic.find("businesses", ids["business_id"]),
        clinic.find("practitioners", ids["practitioner_id"]),
        clinic.find("appointment_types", ids["appointment_type_id"]),
    ]
    if not all(record and record.get("show_in_online_bookings") for record in asked):
        return None
    minutes = (asked[-1] or {}).get("duration_in_minutes") or 30
    busy = _busy(clinic, ids["practitioner_id"])
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    hours, zone = _hours(clinic, ids), _zone(clinic, ids)
    length = timedelta(minutes=minutes)
    slots = (slot for day in days for slot in _slots(day, hours, length, zone))
    now = clinic.moment()
    return (
        start
        for start, end in slots
        if start > now and not any(start < until and since < end for since, until in busy)
    )


def _hours(clinic: Clinic, ids: Mapping[str, str]) -> Mapping[int, Sequence[Record]]:
    """A practitioner's hours at a business, by the day of the week."""
    own = [
        availability
        for availability in clinic.table("daily_availabilities")
        if linked_id(availability.get("practitioner")) == ids["practitioner_id"]
    ]
    if not own:
        return {day: [USUAL_HOURS] for day in WEEKDAYS}
    return {
        availability["day_of_week"]: availability["availabilities"] or []
        for availability in own
        if linked_id(availability.get("business")) == ids["business_id"]
    }


def _slots(
    day: date, hours: Mapping[int, Sequence[Record]], length: timedelta, zone: ZoneInfo
) -> Iterator[tuple[str, str]]:
    for span in hours.get(day.isoweekday() % 7, ()):
        start, end = (
            datetime.combine(day, time.fromisoformat(span[name]), zone).astimezone(UTC)
            for name in ("starts_at", "ends_at")
        )
        while start + length <= end:
            yield moments.text(start), moments.text(start + length)
            start += length


def _busy(clinic: Clinic, practitioner_id: str) -> list[tuple[str, str]]:
    return [
        (booking["starts_at"], booking["ends_at"])
        for resource in BOOKINGS
        for booking in clinic.table(resource)
        if linked_id(booking.get("practitioner")) == practitioner_id
        and not any(booking.get(mark) for mark in ("archived_at", "cancelled_at", "deleted_at"))
    ]
