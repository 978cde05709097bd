"""How many requests a user has in how many seconds, and how they are spread."""

from __future__ import annotations

from typing import Any

import attrs

from cliniko_async.errors import InvalidValueError, expect

__all__ = ["RateLimit"]


def _whole(low: int) -> Any:
    def check(_rate: RateLimit, field: attrs.Attribute[int], value: int) -> None:
        expect(value, int, f"RateLimit({field.name}=...) takes a whole number")
        if value < low:
            raise InvalidValueError(f"RateLimit({field.name}=...) takes {low} or more")

    return check


def _seconds(_rate: RateLimit, _field: attrs.Attribute[float], value: float) -> None:
    expect(value, (int, float), "RateLimit(per=...) takes a number of seconds")
    if not 0 < value < float("inf"):
        raise InvalidValueError("RateLimit(per=...) takes a number of seconds above zero")


def _name(_rate: RateLimit, _field: attrs.Attribute[str | None], value: str | None) -> None:
    if value is not None and not (isinstance(value, str) and value):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        raise InvalidValueError("RateLimit(user=...) takes a name, the same for all of their keys")


# Defaults are made before anything is checked: `requests` may still be of any type.


def _all_at_once(rate: RateLimit) -> int:
    return rate.requests


def _a_twentieth(rate: RateLimit) -> int:
    return rate.requests // 20 if isinstance(rate.requests, int) else 0  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped


@attrs.frozen
class RateLimit:
    """What a user is allowed: `RateLimit(200, per=60.0)` is what Cliniko documents.

    Attributes:
        requests: Requests within any `per` seconds.
        per: Seconds.
        burst: Requests that may leave at once: all of them by default, 1 for evenly spaced ones.
            Cliniko asks clients to stagger their requests; jobs are as fast either way.
        user: A name for the user, if one user has several keys: the limit is per user.
        reserve: Places that bulk leaves free while interactive calls come; by default a
            twentieth.
        in_flight: Requests on their way at once, interactive ones in the reserve not counted.

    Raises:
        InvalidTypeError: An argument is not a number.
        InvalidValueError: A number is out of its range.
    """

    requests: int = attrs.field(default=200, validator=_whole(1))
    per: float = attrs.field(default=60.0, kw_only=True, validator=_seconds)
    burst: int = attrs.field(
        default=attrs.Factory(_all_at_once, takes_self=True), kw_only=True, validator=_whole(1)
    )
    user: str | None = attrs.field(default=None, kw_only=True, eq=False, validator=_name)
    reserve: int = attrs.field(
        default=attrs.Factory(_a_twentieth, takes_self=True), kw_only=True, validator=_whole(0)
    )
    in_flight: int = attrs.field(default=64, kw_only=True, validator=_whole(1))

    def __attrs_post_init__(self) -> None:
        if self.burst > self.requests:
            raise InvalidValueError("RateLimit(burst=...) takes no more than `requests`")
        if self.reserve >= self.requests:
            raise InvalidValueError("RateLimit(reserve=...) takes less than `requests`")

    @property
    def spacing(self) -> float:
        """Seconds between requests that are spread evenly."""
        return self.per / self.requests
