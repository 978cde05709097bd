"""When a refused client may come back, by what an answer's headers say.

Pure functions of headers, by lower-case name. Nothing is assumed about them: what cannot be read
is `nan`, and what is read may still be absurd.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOO_MANY_REQUESTS", "date_of", "seconds_until_reset", "seconds_until_retry"]

TOO_MANY_REQUESTS: Final = 429

SHORTEST_PAUSE: Final = 1.0
"""Seconds to pause when the reset that a 429 names is already over by the server's own clock."""

PLAUSIBLE: Final = 3600.0
"""Seconds that a reset may be away; milliseconds or another epoch are far beyond."""

_NUMBER: Final = re.compile(r"\s*([0-9]{1,300}(?:\.[0-9]{1,300})?)\s*")


def seconds_until_reset(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that a 429 asks to wait, or None if it does not say.

    `X-RateLimit-Reset` is a moment on the server's clock, so it is read against the `Date` of the
    same answer and only without one against the local clock. Where it cannot be right,
    `Retry-After` is looked at.

    Args:
        headers: The answer's headers, by lower-case name.
        now: Local time, in seconds since the epoch.

    Returns:
        At least a second; or what cannot be right as it was said, `nan` if it cannot be read.
    """
    reset = _number(headers.get("x-ratelimit-reset"))
    said = [
        None if reset is None else reset - _since(headers, now),
        _retry_after(headers, now=now),
    ]
    known = [seconds for seconds in said if seconds is not None]
    plausible = (max(s, SHORTEST_PAUSE) for s in known if -PLAUSIBLE <= s <= PLAUSIBLE)
    return next(plausible, known[0] if known else None)


def seconds_until_retry(headers: Mapping[str, str], *, now: float) -> float:
    """Seconds that a failing server asks to be left alone, or 0 if it does not say.

    Args:
        headers: The answer's headers, by lower-case name.
        now: Local time, in seconds since the epoch, for a moment in an answer without `Date`.
    """
    seconds = _retry_after(headers, now=now)
    return 0.0 if seconds is None or math.isnan(seconds) else max(seconds, 0.0)


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock at the time of an answer, if the answer says it."""
    return _moment(headers.get("date"))


def _since(headers: Mapping[str, str], now: float) -> float:
    """Now, by the server's clock as far as that is known."""
    date = date_of(headers)
    return date.timestamp() if date else now


def _retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """`Retry-After` is seconds or a moment."""
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None or not math.isnan(seconds):
        return seconds
    moment = _moment(text)
    return moment.timestamp() - _since(headers, now) if moment else seconds


def _number(text: str | None) -> float | None:
    """None if there is none; `nan` if it cannot be read."""
    if text is None:
        return None
    found = _NUMBER.fullmatch(text)
    return float(found[1]) if found else math.nan


def _moment(text: str | None) -> datetime | None:
    """A moment as HTTP writes it; None of what is malformed."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
