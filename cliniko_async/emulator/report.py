"""What clients did: the counts that tests and demos look at."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

import attrs

__all__ = ["Arrival", "Report"]


@attrs.frozen
class Arrival:
    """A request as it came in.

    Attributes:
        at: Seconds on the emulator's clock.
        query: The query string as sent.
    """

    at: float
    key: str
    method: str
    path: str
    query: str


@attrs.define
class Report:
    """What clients did so far."""

    arrivals: list[Arrival] = attrs.field(factory=list[Arrival])
    statuses: Counter[int] = attrs.field(factory=Counter[int])

    @property
    def requests(self) -> int:
        """Requests that came in."""
        return len(self.arrivals)

    @property
    def refused(self) -> int:
        """Requests that were answered with 429."""
        return self.statuses[429]

    def busiest(self, per: float = 60.0, *, key: str | None = None) -> int:
        """The most requests that came in within any `per` seconds, of one key or of all."""
        moments = sorted(a.at for a in self.arrivals if key in (None, a.key))
        return max(
            (bisect_left(moments, start + per) - n for n, start in enumerate(moments)), default=0
        )
