"""Days as a clinic has them: from midnight to midnight on its own clock.

The API writes all date-times in UTC. A day in Melbourne begins at 13:00 or 14:00 UTC on the day
before, and has 23 or 25 hours when the clock changes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import attrs

from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

__all__ = ["LocalDay", "days_between", "zone_of"]


@attrs.frozen
class LocalDay:
    """A day on a clinic's own clock.

    Attributes:
        day: The date there.
        start: Its midnight, in UTC: `f.starts_at >= day.start`.
        end: The next midnight, in UTC: `f.starts_at < day.end`.
    """

    day: date
    start: datetime
    end: datetime


def zone_of(identifier: str | None, whose: str) -> ZoneInfo:
    """The zone with an IANA name, as a record shows it.

    Raises:
        InvalidValueError: The record shows no zone, or this machine does not know it.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - few need it

    if not identifier:
        raise InvalidValueError(
            f"{whose} shows no time zone: take zoneinfo.ZoneInfo with the account's own"
        )
    try:
        return ZoneInfo(identifier)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidValueError(
            f"this machine does not know the time zone of {whose}: python -m pip install tzdata"
        ) from None


def days_between(zone: ZoneInfo, first: date, last: date) -> Sequence[LocalDay]:
    """All days from the first to the last.

    Raises:
        InvalidTypeError: One of them is not a day, or is a moment.
        InvalidValueError: The last day is before the first.
    """
    for day in (first, last):
        if isinstance(day, datetime) or not isinstance(day, date):  # pyright: ignore[reportUnnecessaryIsInstance] # a datetime is a date to a type checker
            raise InvalidTypeError("days are dates: write date(2026, 5, 31)")
    if last < first:
        raise InvalidValueError("the last day is before the first")
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [
        LocalDay(day, _midnight(zone, day), _midnight(zone, day + timedelta(days=1)))
        for day in days
    ]


def _midnight(zone: ZoneInfo, day: date) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
