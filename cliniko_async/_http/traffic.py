"""Counts of what a session has sent."""

from __future__ import annotations

from collections import deque

import attrs

from cliniko_async.limits import Lane

__all__ = ["RequestEvent", "Traffic", "TrafficCounter", "Wait"]


@attrs.frozen(kw_only=True)
class RequestEvent:
    """One attempt to have a request answered has ended. It names no record and no value.

    Attributes:
        method: The HTTP method.
        template: The path's template, such as `/patients/{id}`.
        status: The answer's HTTP status; None if none came.
        request_id: The answer's `X-Request-Id`, if it had one.
        attempt: Which attempt of its call it was; the first is 1.
        waited: Seconds that the call waited for the rate limit before this attempt.
        took: Seconds from the place in the rate limit to the body's last byte, or to the failure.
        bytes: Bytes of the answer's body, unpacked.
        lane: "interactive" or "bulk".
    """

    method: str
    template: str
    status: int | None
    request_id: str | None
    attempt: int
    waited: float
    took: float
    bytes: int
    lane: Lane


@attrs.frozen
class Wait:
    """A call has waited for the rate limit, and continues now.

    Less than 10 ms does not count as a wait: asking the limiter takes that long.

    Attributes:
        lane: "interactive" or "bulk".
        seconds: How long it has waited this time.
    """

    lane: Lane
    seconds: float


@attrs.define
class Traffic:
    """What a session has sent so far.

    Attributes:
        requests: Requests that were sent, including every try and redirect.
        refused: Those that were answered with 429.
        retried: Those that were tries after the first.
        busiest: The most requests that were sent within any `per` seconds.
        waits: Calls that had to wait for the rate limit.
        waited: Seconds that they waited, in total.
    """

    per: float
    requests: int = 0
    refused: int = 0
    retried: int = 0
    busiest: int = 0
    waits: int = 0
    waited: float = 0.0


class TrafficCounter:
    """Counts the requests of a session.

    Args:
        per: Seconds of the rate limit's window.
    """

    def __init__(self, per: float) -> None:
        self.traffic: Traffic = Traffic(per)
        self._recent: deque[float] = deque()

    def count(self, now: float) -> None:
        """Note a request that leaves now."""
        traffic, recent = self.traffic, self._recent
        traffic.requests += 1
        recent.append(now)
        while recent[0] <= now - traffic.per:
            recent.popleft()
        traffic.busiest = max(traffic.busiest, len(recent))
