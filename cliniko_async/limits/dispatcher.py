"""Who goes next, decided in one place for an event loop.

Interactive calls go before bulk ones, and within a lane the first come is the first served. Bulk
gets one admission in eleven, so that it is never starved, and leaves a reserve of places free
while interactive calls come. Each lane has a token bucket of its own that shapes its bursts: an
interactive call never waits for a token that bulk has spent.

Whether somebody may go is decided by counts alone. Moments only set the one timer there is; a
moment that rounding makes too early or too late costs a look, never a request too many.

Nothing here looks at all who wait: an arrival, an admission and a wait that ends cost the same
whether a hundred calls wait or ten thousand.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cliniko_async.errors import SessionClosedError
from cliniko_async.limits.allowance import LimiterSnapshot, PlaceTimeoutError
from cliniko_async.limits.clock import clock_of
from cliniko_async.limits.deadlines import Deadlines
from cliniko_async.limits.line import LEAST_AHEAD, Line, Waiter
from cliniko_async.limits.window import CUT_OFF, SLACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cliniko_async.limits.allowance import Lane
    from cliniko_async.limits.ledger import HeldPlace, Ledger

__all__ = ["Dispatcher"]

logger: Final = logging.getLogger("cliniko_async.limits")

IN_A_ROW: Final = 10
"""Interactive admissions in a row after which bulk, if it waits, gets one."""

LONG_WAIT: Final = 5.0
"""Seconds of waiting that are worth a log record."""

LOOK: Final = 1.0
"""Seconds after which to look whether another loop has ended, while several are open."""


class Dispatcher:
    """One event loop's waiting calls of one user."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger: Ledger = ledger
        self.sessions: int = 0
        self.places: set[HeldPlace] = set()
        """Those whose connections are not free again."""
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.now: Callable[[], float] = _clock(self.loop, ledger)
        self._thread = threading.current_thread()
        self._lines: dict[Lane, Line] = {
            "interactive": Line("interactive", ledger.rate),
            "bulk": Line("bulk", ledger.rate),
        }
        self._deadlines = Deadlines()
        self._by_session: dict[object, set[Waiter]] = {}
        self._in_a_row = 0
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._watcher: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")

    @property
    def is_dead(self) -> bool:
        """Whether its event loop has ended."""
        gone = not self._thread.is_alive() and not self.loop.is_running()
        return gone or self.loop.is_closed()

    async def acquire(
        self, session: object, *, lane: Lane, max_wait: float | None, again: bool
    ) -> HeldPlace:
        """Wait for a place; see `Allowance.acquire`."""
        now = self.now()
        line = self._lines[lane]
        waiter = Waiter(session, line, now, self.loop.create_future())
        line.add(waiter, first=again)
        if lane == "interactive":
            self.ledger.last_interactive = now
        self._arrived(is_first=again or len(line.waiters) == 1)
        if waiter.place.done():
            return waiter.place.result()
        of_session = self._by_session.setdefault(session, set())
        of_session.add(waiter)
        try:
            if max_wait is not None:
                self._limit_wait(waiter, max_wait)
            return await waiter.place
        except asyncio.CancelledError:
            self._take_back(waiter)
            raise
        finally:
            line.waiters.pop(waiter, None)
            of_session.discard(waiter)

    def _arrived(self, *, is_first: bool) -> None:
        # Behind others there is nothing to see: the timer is set for the first of them.
        if is_first:
            self.grant()

    def _take_back(self, waiter: Waiter) -> None:
        """Undo an admission whose call was cancelled before it could run."""
        if waiter.place.done() and not waiter.place.cancelled() and not waiter.place.exception():
            waiter.place.result().close()

    # Waits that end

    def _limit_wait(self, waiter: Waiter, max_wait: float) -> None:
        waiter.until = waiter.asked + max_wait
        if max_wait <= 0 or waiter.until < self._earliest():
            self._give_up(waiter)
            return
        self._deadlines.add(waiter)
        self._set_timer_by(self._ends_at(waiter))

    def _ends_at(self, waiter: Waiter) -> float:
        """The moment at which a call's wait is over."""
        return waiter.until

    def give_up_hopeless(self, due: float, *, asked_by: float = float("inf")) -> None:
        """Give up the calls that came by a moment, and whose time is over before `due`."""
        for waiter in self._deadlines.before(due, asked_by=asked_by):
            self._give_up(waiter)

    def _give_up(self, waiter: Waiter) -> None:
        if not waiter.place.done():
            waiter.line.waiters.pop(waiter, None)
            waiter.place.set_exception(PlaceTimeoutError(self._next_place()))

    # Who goes next

    def grant(self) -> None:
        """Admit all who may go now, and look again when the next may."""
        ledger = self.ledger
        longest = 0.0
        with ledger.lock:
            now = self.now()
            ledger.latest = max(ledger.latest, now)
            while line := self._next_line(now):
                longest = max(longest, now - self._admit(line, now).asked)
            wake = self._next_moment(now)
        self._tell(longest, now)
        if self._deadlines:
            earliest = self._earliest()
            if earliest > now:
                self.give_up_hopeless(earliest)
            wake = self._or_end_of_wait(wake)
        self._set_timer(wake)

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

    def _order(self) -> Iterable[Line]:
        lines = (self._lines["interactive"], self._lines["bulk"])
        return lines if self._in_a_row < IN_A_ROW else reversed(lines)

    def _next_line(self, now: float) -> Line | None:
        for line in self._order():
            if line.first() and self._opens(line, now) == now:
                return line
        return None

    def _opens(self, line: Line, now: float) -> float | None:
        """The moment at which a lane's next call may go: `now`, or later, or None if unknown.

        A later moment is when to look again, not a promise.
        """
        moments = (
            self._connection_at(line, now),
            self.ledger.pause.opens(now),
            self._place_at(line, now),
            line.token_at(now),
        )
        known = [moment for moment in moments if moment is not None]
        return max(known) if len(known) == len(moments) else None

    def _connection_at(self, line: Line, now: float) -> float | None:
        rate = self.ledger.rate
        bound = rate.in_flight + (rate.reserve if line.lane == "interactive" else 0)
        return now if len(self.places) < bound else None

    def _place_at(self, line: Line, now: float) -> float | None:
        ledger = self.ledger
        free = ledger.free(now)
        kept = ledger.kept_free(now) if line.lane == "bulk" and self._in_a_row < IN_A_ROW else 0
        if free > kept:
            return now
        later = [ledger.next_free(now)]
        if free > 0:
            later.append(ledger.last_interactive + ledger.rate.per)
        moments = [moment for moment in later if moment is not None]
        # Rounding may put a moment at `now`, which would mean that there is a place.
        return max(min(moments), now + LEAST_AHEAD) if moments else None

    def _admit(self, line: Line, now: float) -> Waiter:
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

    def _or_end_of_wait(self, wake: float | None) -> float | None:
        first = self._deadlines.first()
        if first is None:
            return wake
        ends = self._ends_at(first)
        return ends if wake is None else min(wake, ends)

    def _set_timer_by(self, moment: float) -> None:
        if self._timer is None or moment < self._rings_at:
            self._set_timer(moment)

    def _set_timer(self, wake: float | None) -> None:
        if self._timer:
            if wake is not None and self._rings_at == wake:
                return
            self._timer.cancel()
            self._timer = None
        if wake is not None:
            self._rings_at = wake
            delay = max(wake - self.now(), LEAST_AHEAD)
            self._timer = self.loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self.now()
        for waiter in self._deadlines.by(now):
            if self._ends_at(waiter) <= now:
                self._give_up(waiter)
            elif not waiter.place.done():
                self._deadlines.add(waiter)
        self.grant()

    def watch(self) -> None:
        """Look for loops that end while others are open; called from any thread."""
        with suppress(RuntimeError):  # that loop is closed
            self.loop.call_soon_threadsafe(self._watch)

    def _watch(self) -> None:
        if self._watcher is None and len(self.ledger.queues) > 1 and self in self.ledger.queues:
            self._watcher = self.loop.call_later(LOOK, self._look_for_the_dead)

    def _look_for_the_dead(self) -> None:
        self._watcher = None
        self.ledger.bury_dead_loops()
        self._watch()

    # Seen from outside

    def _earliest(self) -> float:
        """A moment before which certainly nobody starts."""
        ledger = self.ledger
        with ledger.lock:
            now = self.now()
            back = ledger.window.next_back
            full = ledger.window.free(now) <= 0 and not ledger.window.held
            return max(now, ledger.pause.until, back if full and back is not None else now)

    def _next_place(self) -> float | None:
        """Seconds until a place can be taken; None if that depends on a request in flight."""
        ledger = self.ledger
        with ledger.lock:
            now = self.now()
            opens = ledger.pause.opens(now)
            place = now if ledger.free(now) > 0 else ledger.next_free(now)
            return None if opens is None or place is None else max(opens, place) - now

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stands now."""
        ledger = self.ledger
        if len(ledger.queues) > 1:
            ledger.bury_dead_loops()
        next_place = self._next_place()
        with ledger.lock:
            now = self.now()
            return LimiterSnapshot(
                free=max(ledger.free(now), 0),
                in_flight=ledger.window.held,
                waiting={lane: len(line.waiters) for lane, line in self._lines.items()},
                next_place=next_place,
                paused=max(ledger.pause.until - now, 0.0),
                back=(
                    *(moment - now for moment in ledger.window.moments),
                    *[CUT_OFF + ledger.rate.per + SLACK] * ledger.window.held,
                ),
            )

    def leave(self, session: object) -> None:
        """Fail the calls of a session that is being closed."""
        for waiter in self._by_session.pop(session, ()):
            if not waiter.place.done():
                waiter.line.waiters.pop(waiter, None)
                waiter.place.set_exception(
                    SessionClosedError("the session was closed while this call waited")
                )
        self.grant()


def _clock(loop: asyncio.AbstractEventLoop, ledger: Ledger) -> Callable[[], float]:
    """The loop's clock, set by the clock of another loop that is open on this ledger."""
    clock = clock_of(loop)
    other = next((queue for queue in ledger.queues if not queue.is_dead), None)
    ahead = other.now() - clock() if other else 0.0
    if abs(ahead) < SLACK:  # the same clock, read twice
        return clock
    return lambda: clock() + ahead


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
