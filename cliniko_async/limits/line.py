"""A lane of an event loop: its queue and its token bucket."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from aiolimiter import AsyncLimiter

if TYPE_CHECKING:
    import asyncio

    from cliniko_async.limits.allowance import Lane
    from cliniko_async.limits.ledger import HeldPlace
    from cliniko_async.limits.rate import RateLimit

__all__ = ["LEAST_AHEAD", "Line", "Waiter"]

LEAST_AHEAD: Final = 1e-6
"""Seconds that the timer is ahead at the least, for moments that rounding puts at 'now'."""


class Waiter:
    """A call that waits for a place, and the session it came from."""

    __slots__ = ("asked", "line", "place", "session", "until")

    def __init__(
        self, session: object, line: Line, asked: float, place: asyncio.Future[HeldPlace]
    ) -> None:
        self.session: object = session
        self.line: Line = line
        self.asked: float = asked
        self.until: float = float("inf")
        self.place: asyncio.Future[HeldPlace] = place


class Line:
    """A lane: its queue and its token bucket."""

    def __init__(self, lane: Lane, rate: RateLimit) -> None:
        self.lane: Lane = lane
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self._rate = rate
        self._token_at = 0.0
        # The window alone keeps to a full burst: it never admits what a full bucket would not.
        self._bucket: AsyncLimiter | None = None
        if rate.burst < rate.requests:
            self._bucket = AsyncLimiter(rate.burst, rate.burst * rate.spacing)

    def add(self, waiter: Waiter, *, first: bool) -> None:
        """Queue a call, at the head of the lane if it was admitted before."""
        self.waiters[waiter] = None
        if first:
            self.waiters.move_to_end(waiter, last=False)

    def first(self) -> Waiter | None:
        """The waiter whose turn it is, without those who have gone away."""
        while self.waiters:
            waiter = next(iter(self.waiters))
            if not waiter.place.done():
                return waiter
            del self.waiters[waiter]
        return None

    def token_at(self, now: float) -> float:
        """The moment at which there is a token."""
        if self._bucket is None or self._bucket.has_capacity():
            return now
        return max(self._token_at, now + LEAST_AHEAD)

    def ready(self, ahead: int) -> int:
        """How many calls there are tokens for; about, and `ahead` in any case."""
        waiting = len(self.waiters)
        if self._bucket is None:
            return waiting
        tokens = min(waiting, self._rate.burst)
        while tokens > ahead and not self._bucket.has_capacity(tokens):
            tokens //= 2
        return min(waiting, max(tokens, ahead))

    def take_token(self, now: float) -> None:
        """Take a token; `token_at` has said that there is one."""
        if self._bucket is None:
            return
        taking = self._bucket.acquire()
        try:
            taking.send(None)  # there is capacity, so that this does not suspend
        except StopIteration:
            self._token_at = now + self._rate.spacing
