"""Moments as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cliniko_async.errors import InvalidValueError

__all__ = ["utc_text"]


def utc_text(moment: datetime, *, round_up: bool = False) -> str:
    """A moment as the API writes it: UTC, whole seconds.

    Raises:
        InvalidValueError: It has no time zone, so that it names no moment; or its year in UTC
            cannot be written.
    """
    if moment.utcoffset() is None:
        raise InvalidValueError(
            "this datetime has no time zone, so it names no moment: write tzinfo=UTC, or "
            "zoneinfo.ZoneInfo('Australia/Sydney') for local time"
        )
    try:
        utc = moment.astimezone(UTC).replace(tzinfo=None)
        if round_up and utc.microsecond:
            utc += timedelta(seconds=1)
    except OverflowError:
        raise InvalidValueError("this date-time is not in the years 1 to 9999 in UTC") from None
    return utc.isoformat(timespec="seconds") + "Z"
