"""The places: what guarantees that a user is never over the limit.

A request takes one of N places before it is sent, and the place comes back P + s seconds after
its answer was seen (s, 50 ms, is for clocks that are slewed against ours).

Why this is enough. The server counts a request at some moment c between its sending and its
answer: sent <= c <= answered. Take any interval [w, w + P) at the server, and all requests that it
counted in there. Each of them was sent before w + P, and was answered at w or later, so that its
place came back at w + P + s or later. Just before w + P, all of them therefore held a place at
once. There are N places, so there were at most N requests. Nothing was said about the latency, or
about where the server's windows begin, or whether they slide; and the two clocks need not agree
on the time, only on the length of P, up to s.

A request without an answer (a deadline, a cancellation, a connection that broke) has no moment
`answered`, and the server may count it after we gave up. The API cuts requests off after 30 s,
so it counts them by sent + 30: the place comes back P + s after that, or after we gave up if that
was later. A request that never left was not counted, and gives its place back at once.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CUT_OFF", "SLACK", "Window"]

SLACK: Final = 0.05
"""Seconds that a place is kept beyond the window, for clocks that are slewed against ours."""

CUT_OFF: Final = 30.0
"""Seconds after which the API cuts a request off (Cliniko's documentation on time-outs)."""


class Window:
    """A user's places. Knows nothing of clocks or tasks: moments come from outside."""

    def __init__(self, places: int) -> None:
        self.places: int = places
        self.held: int = 0
        """Places whose moment of coming back is not known yet."""
        self._back: list[float] = []  # a heap of moments

    def free(self, now: float) -> int:
        """How many places could be taken now."""
        while self._back and self._back[0] <= now:
            heappop(self._back)
        return self.places - self.held - len(self._back)

    def take(self) -> None:
        """Take a place. Ask `free` first."""
        self.held += 1

    def give_back(self, at: float | None) -> None:
        """Give a place back at a moment, or at once if there is none."""
        self.held -= 1
        if at is not None:
            heappush(self._back, at)

    @property
    def moments(self) -> Sequence[float]:
        """When the places come back whose moment is known, in no order."""
        return tuple(self._back)

    @property
    def next_back(self) -> float | None:
        """When the next place comes back, as far as that is known."""
        return self._back[0] if self._back else None
