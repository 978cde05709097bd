"""Counts of what a session has sent."""

from __future__ import annotations

from collections import deque

import attrs

from cliniko_async.limits import Lane

__all__ = ["Traffic", "Wait"]


@attrs.frozen
class Wait:
    """A call has waited for the rate limit and goes on now.

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
        requests: Requests that were sent, every try and redirect counted.
        refused: Those that were answered with 429.
        retried: Those that were tries after the first.
        busiest: The most that were sent within any `per` seconds.
        waits: Calls that had to wait for the rate limit.
        waited: Seconds that they waited, all together.
    """

    per: float
    requests: int = 0
    refused: int = 0
    retried: int = 0
    busiest: int = 0
    waits: int = 0
    waited: float = 0.0
    _recent: deque[float] = attrs.field(factory=deque[float], repr=False)

    def count(self, now: float) -> None:
        """Note a request that leaves now."""
        self.requests += 1
        self._recent.append(now)
        while self._recent[0] <= now - self.per:
            self._recent.popleft()
        self.busiest = max(self.busiest, len(self._recent))
