"""When practitioners can be booked online: on weekdays from 9 to 17 o'clock, unless they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator.filters import BadFilterError
from cliniko_async.emulator.records import linked_id
from cliniko_async.emulator.writes import BOOKINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cliniko_async.emulator.clinic import Clinic

__all__ = ["available_times", "next_available_time"]

OPENS: Final = timedelta(hours=9)
CLOSES: Final = timedelta(hours=17)
WEEKDAYS: Final = range(5)
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
    first, last = _days(clinic, query)
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
    today = clinic.now().date()
    days = (today, today + timedelta(days=DAYS_AHEAD))
    first, last = _days(clinic, query) if query else days
    times = _free(clinic, ids, first, last)
    if times is None:
        return None
    start = next(times, None)
    return {"appointment_start": start, "total_entries": int(start is not None), "links": {}}


def _days(clinic: Clinic, query: Mapping[str, str]) -> tuple[date, date]:
    try:
        first, last = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
    except (KeyError, ValueError):
        raise BadFilterError("from and to are dates") from None
    if not clinic.now().date() <= first <= last <= first + timedelta(days=MOST_DAYS):
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
    slots = _slots(first, last, timedelta(minutes=minutes))
    now = clinic.moment()
    return (
        start
        for start, end in slots
        if start > now and not any(start < until and since < end for since, until in busy)
    )


def _slots(first: date, last: date, length: timedelta) -> Iterator[tuple[str, str]]:
    for number in range((last - first).days + 1):
        day = datetime.combine(first, datetime.min.time(), UTC) + timedelta(days=number)
        start = day + OPENS
        while day.weekday() in WEEKDAYS and start + length <= day + CLOSES:
            yield _text(start), _text(start + length)
            start += length


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _busy(clinic: Clinic, practitioner_id: str) -> list[tuple[str, str]]:
    return [
        (booking["starts_at"], booking["ends_at"])
        for resource in BOOKINGS
        for booking in clinic.table(resource)
        if linked_id(booking.get("practitioner")) == practitioner_id
        and not any(booking.get(mark) for mark in ("archived_at", "cancelled_at", "deleted_at"))
    ]
