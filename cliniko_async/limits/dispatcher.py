"""Lanes and their queues: who goes next, decided in one place for an event loop.

Interactive calls go before bulk ones, and within a lane the first come is the first served. Bulk
gets one admission in eleven, so that it is never starved, and leaves a reserve of places free
while interactive calls come. Each lane has a token bucket of its own that shapes its bursts: an
interactive call never waits for a token that bulk has spent.

Whether somebody may go is decided by counts alone. Moments only set the one timer there is; a
moment that rounding makes too early or too late costs a look, never a request too many.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiolimiter import AsyncLimiter

from cliniko_async.errors import SessionClosedError
from cliniko_async.limits.allowance import LimiterSnapshot, PlaceTimeoutError
from cliniko_async.limits.window import CUT_OFF, SLACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cliniko_async.limits.allowance import Lane
    from cliniko_async.limits.ledger import HeldPlace, Ledger

__all__ = ["Dispatcher", "Waiter"]

logger: Final = logging.getLogger("cliniko_async.limits")

IN_A_ROW: Final = 10
"""Interactive admissions in a row after which bulk, if it waits, gets one."""

LONG_WAIT: Final = 5.0
"""Seconds of waiting that are worth a log record."""

LEAST_AHEAD: Final = 1e-6
"""Seconds that the timer is ahead at the least, for moments that rounding puts at 'now'."""


class Waiter:
    """A call that waits for a place, and the session it came from."""

    __slots__ = ("asked", "place", "session")

    def __init__(self, session: object, asked: float, place: asyncio.Future[HeldPlace]) -> None:
        self.session: object = session
        self.asked: float = asked
        self.place: asyncio.Future[HeldPlace] = place


class _Line:
    """A lane: its queue and its token bucket."""

    def __init__(self, dispatcher: Dispatcher, lane: Lane) -> None:
        self.lane: Lane = lane
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self._rate = dispatcher.ledger.rate
        self._token_at = 0.0
        # The window alone keeps to a full burst: it never admits what a full bucket would not.
        self._bucket: AsyncLimiter | None = None
        if self._rate.burst < self._rate.requests:
            self._bucket = AsyncLimiter(self._rate.burst, self._rate.burst * self._rate.spacing)

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


class Dispatcher:
    """One event loop's waiting calls of one user."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger: Ledger = ledger
        self.sessions: int = 0
        self.places: set[HeldPlace] = set()
        """Those whose connections are not free again."""
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.now: Callable[[], float] = self.loop.time
        self._lines: dict[Lane, _Line] = {
            lane: _Line(self, lane) for lane in ("interactive", "bulk")
        }
        self._until: dict[Waiter, float] = {}
        """When the waits of those end who do not wait for as long as it takes."""
        self._in_a_row = 0
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")

    async def acquire(
        self, session: object, *, lane: Lane, max_wait: float | None, again: bool
    ) -> HeldPlace:
        """Wait for a place; see `Allowance.acquire`."""
        now = self.now()
        waiter = Waiter(session, now, self.loop.create_future())
        queue = self._lines[lane].waiters
        queue[waiter] = None
        if again:
            queue.move_to_end(waiter, last=False)
        if lane == "interactive":
            self.ledger.last_interactive = now
        self.grant()
        if waiter.place.done():
            return waiter.place.result()
        deadline = None if max_wait is None else self._give_up_later(waiter, max_wait)
        try:
            return await waiter.place
        except asyncio.CancelledError:
            self._take_back(waiter)
            raise
        finally:
            queue.pop(waiter, None)
            self._until.pop(waiter, None)
            if deadline:
                deadline.cancel()

    def _give_up_later(self, waiter: Waiter, max_wait: float) -> asyncio.TimerHandle | None:
        if max_wait <= 0:
            self._give_up(waiter)
            return None
        self._until[waiter] = waiter.asked + max_wait
        self.give_up_hopeless(self._earliest())
        return self.loop.call_later(max_wait, self._give_up, waiter)

    def give_up_hopeless(self, due: float, *, asked_by: float = float("inf")) -> None:
        """Give up the calls that came by a moment, and whose time is over before `due`."""
        for waiter, until in tuple(self._until.items()):
            if until < due and waiter.asked <= asked_by:
                self._give_up(waiter)

    def _give_up(self, waiter: Waiter) -> None:
        if not waiter.place.done():
            waiter.place.set_exception(PlaceTimeoutError(self.snapshot().next_place))

    def _take_back(self, waiter: Waiter) -> None:
        """Undo an admission whose call was cancelled before it could run."""
        if waiter.place.done() and not waiter.place.cancelled() and not waiter.place.exception():
            waiter.place.result().close()

    # Who goes next

    def grant(self) -> None:
        """Admit all who may go now, and look again when the next may."""
        ledger = self.ledger
        with ledger.lock:
            now = self.now()
            ledger.latest = max(ledger.latest, now)
            longest = 0.0
            while line := self._next_line(now):
                longest = max(longest, now - self._admit(line, now).asked)
            wake = self._next_moment(now)
        self._set_timer(wake)
        self._tell(longest, now)
        if self._until and (earliest := self._earliest()) > now:
            self.give_up_hopeless(earliest)

    def look_again(self) -> None:
        """Like `grant`, from any thread."""
        if not self.is_waiting:
            return
        if _running_loop() is self.loop:
            self.grant()
        else:
            with suppress(RuntimeError):  # that loop is closed, and its calls with it
                self.loop.call_soon_threadsafe(self.grant)

    @property
    def is_waiting(self) -> bool:
        """Whether any call waits here."""
        return any(line.waiters for line in self._lines.values())

    def _order(self) -> Iterable[_Line]:
        lines = (self._lines["interactive"], self._lines["bulk"])
        return lines if self._in_a_row < IN_A_ROW else reversed(lines)

    def _next_line(self, now: float) -> _Line | None:
        for line in self._order():
            if line.first() and self._opens(line, now) == now:
                return line
        return None

    def _opens(self, line: _Line, now: float) -> float | None:
        """The moment at which a lane's next call may go: `now`, or later, or None if unknown.

        A later moment is one to look again, no promise.
        """
        moments = (
            self._connection_at(line, now),
            self.ledger.pause.opens(now),
            self._place_at(line, now),
            line.token_at(now),
        )
        known = [moment for moment in moments if moment is not None]
        return max(known) if len(known) == len(moments) else None

    def _connection_at(self, line: _Line, now: float) -> float | None:
        rate = self.ledger.rate
        bound = rate.in_flight + (rate.reserve if line.lane == "interactive" else 0)
        return now if len(self.places) < bound else None

    def _place_at(self, line: _Line, now: float) -> float | None:
        ledger = self.ledger
        free = ledger.window.free(now)
        kept = ledger.kept_free(now) if line.lane == "bulk" and self._in_a_row < IN_A_ROW else 0
        if free > kept:
            return now
        back = ledger.window.next_back
        if free <= 0:
            return back
        unkept = ledger.last_interactive + ledger.rate.per
        return unkept if back is None else min(back, unkept)

    def _admit(self, line: _Line, now: float) -> Waiter:
        waiter, _ = line.waiters.popitem(last=False)
        line.take_token(now)
        other_waits = line.lane == "interactive" and self._lines["bulk"].waiters
        self._in_a_row = self._in_a_row + 1 if other_waits else 0
        waiter.place.set_result(self.ledger.admit(self, now))
        return waiter

    def _tell(self, waited: float, now: float) -> None:
        """Log a long wait, but not each of a crowd's."""
        if waited > LONG_WAIT and now >= self._told_at + self.ledger.rate.per:
            self._told_at = now
            logger.info(
                "user %s is at the rate limit: a call has waited for %.1f s, and %d wait still",
                self.ledger.name,
                waited,
                sum(len(line.waiters) for line in self._lines.values()),
            )

    # The timer

    def _next_moment(self, now: float) -> float | None:
        moments = (self._opens(line, now) for line in self._lines.values() if line.first())
        return min((moment for moment in moments if moment is not None), default=None)

    def _set_timer(self, wake: float | None) -> None:
        if self._timer:
            if wake is not None and self._timer.when() == wake:
                return
            self._timer.cancel()
            self._timer = None
        if wake is not None:
            self._timer = self.loop.call_at(max(wake, self.now() + LEAST_AHEAD), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.grant()

    # Seen from outside

    def _earliest(self) -> float:
        """A moment before which certainly nobody starts."""
        ledger = self.ledger
        with ledger.lock:
            now = self.now()
            back = ledger.window.next_back
            full = ledger.window.free(now) <= 0 and not ledger.window.held
            return max(now, ledger.pause.until, back if full and back is not None else now)

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stands now."""
        ledger = self.ledger
        with ledger.lock:
            now = self.now()
            free = max(ledger.window.free(now), 0)
            opens = ledger.pause.opens(now)
            place = now if free else ledger.window.next_back
            return LimiterSnapshot(
                free=free,
                in_flight=ledger.window.held,
                waiting={
                    lane: sum(not w.place.done() for w in line.waiters)
                    for lane, line in self._lines.items()
                },
                next_place=None if opens is None or place is None else max(opens, place) - now,
                paused=max(ledger.pause.until - now, 0.0),
                back=(
                    *(moment - now for moment in ledger.window.moments),
                    *[CUT_OFF + ledger.rate.per + SLACK] * ledger.window.held,
                ),
            )

    def leave(self, session: object) -> None:
        """Fail the calls of a session that is being closed."""
        for line in self._lines.values():
            for waiter in [w for w in line.waiters if w.session is session]:
                if not waiter.place.done():
                    waiter.place.set_exception(
                        SessionClosedError("the session was closed while this call waited")
                    )
        self.grant()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
