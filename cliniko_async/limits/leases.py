"""A user's places in this process that are leased from a store which all processes share.

One conversation per ledger fetches places for the calls that wait, and reports what became of
them. It sleeps unless there is something to ask or report, and asks at most 200 times per window,
so that places due together cost one call; only an interactive call that may find a place is faster.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import TYPE_CHECKING, Final

import anyio
import attrs

from cliniko_async.errors import LimiterUnavailableError
from cliniko_async.limits.dispatcher import Dispatcher
from cliniko_async.limits.leased_places import LEASE, Lease, LeasedPlaces
from cliniko_async.limits.ledger import ANY_TIME, HeldPlace, Ledger, Queue
from cliniko_async.limits.pause import LONG_AGO
from cliniko_async.limits.store import Question, Reply, Store, StoreError
from cliniko_async.limits.window import SLACK

if TYPE_CHECKING:
    from cliniko_async.limits.allowance import LimiterSnapshot
    from cliniko_async.limits.line import Waiter
    from cliniko_async.limits.rate import RateLimit
    from cliniko_async.limits.window import Window

__all__ = ["LeasedDispatcher", "LeasedLedger", "LeasedPlace"]

logger: Final = logging.getLogger("cliniko_async.limits")

CALLS_PER_WINDOW: Final = 200
"""Calls of the script within a window, at the most, but for fresh interactive calls."""

AHEAD: Final = 1 / 50
"""The share of a window for which places are fetched ahead, where requests leave one by one, and
for which reports may wait for the next call. They say when a place comes back, not that it does."""

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 2.0
"""Seconds until a store that could not be reached is tried again."""

FIRST_LOOK: Final = 1.0
"""Seconds within which the store answers; `max_wait` is over no sooner than the first answer."""

CLOSE_SECONDS: Final = 1.0
"""Seconds to close the store's connections."""


class LeasedPlace(HeldPlace):
    """A leased place that a request has taken."""

    __slots__ = ("_lease", "_shared")

    def __init__(self, ledger: LeasedLedger, queue: Queue, *, probe: bool, lease: Lease) -> None:
        super().__init__(ledger, queue, probe=probe)
        self._shared = ledger
        self._lease = lease

    def sent(self, *, connected: bool = True) -> bool:
        """Note when the request leaves. False if its lease may end before the answer."""
        is_news = self._sent_at in (None, ANY_TIME)
        if is_news and not self._lease.is_good(self._queue.now()):
            return False
        return super().sent(connected=connected)

    def _give_back(self, back: float | None) -> None:
        self._shared.stock.held -= 1
        self._shared.report(self._lease.name, back)


class LeasedLedger(Ledger):
    """A user's places in one event loop, leased from a store."""

    def __init__(self, user: str, rate: RateLimit, store: Store, *, patience: float) -> None:
        super().__init__(user, rate)
        self.stock: LeasedPlaces = LeasedPlaces(rate.requests)
        self.window: Window = self.stock
        self.dispatcher: LeasedDispatcher = LeasedDispatcher(self)
        self.queues.add(self.dispatcher)
        self.elsewhere_free: int = 0
        """Places that were free in the store when it was asked last."""
        self.due: float | None = None
        """When the next place comes free, as far as the store knows."""
        self._store = store
        self._patience = patience
        self._process = secrets.token_hex(6)
        self._number = 0
        self._now = self.dispatcher.now
        self._refusals = 0
        self._pause_seen = 0.0
        self._due_bulk = LONG_AGO
        self._due_interactive = LONG_AGO
        self._asked_at = LONG_AGO
        self._not_before = LONG_AGO
        self._failures = 0
        self._other_rate = ""
        self._down_since = 0.0
        self._closing = False
        self._poked = asyncio.Event()
        self._sleeps_until: float | None
        self._talk = self._begin_to_talk()

    # What dispatchers and places ask for

    def free(self, now: float) -> int:
        """How many places could be taken now: the store has seen to it what is ours."""
        return self.stock.free(now)

    def next_free(self, now: float) -> float | None:  # noqa: ARG002 - the conversation looks again
        """Unknown: a place comes with the store's answer."""
        return None

    def kept_free(self, now: float) -> int:  # noqa: ARG002 - the store has seen to it
        """None: the store keeps the reserve when it gives."""
        return 0

    def admit(self, queue: Queue, now: float) -> LeasedPlace:
        """Take a place out of the stock."""
        lease = self.stock.take_lease()
        probe = self.pause.admit(now, self.rate)
        place = LeasedPlace(self, queue, probe=probe, lease=lease)
        queue.places.add(place)
        return place

    def _give_up_places(self, now: float, *, is_news: bool) -> None:
        pass  # the store does, for all processes

    def refuse(self, now: float, seconds: float | None) -> None:
        """Hold everybody back after a 429, in all processes."""
        super().refuse(now, seconds)
        self._refusals += 1
        self.poke()

    def report(self, name: str, back: float | None) -> None:
        """Tell the store, with the next call, when a place comes back."""
        self.stock.reports[name] = back
        self.poke()

    def hold(self, seconds: float) -> None:
        """Take a place for so long."""
        self.report(self._next_names(1), self._now() + seconds)

    def poke(self) -> None:
        """Wake the conversation if it would sleep for too long."""
        if self._talk.done() and not self._closing:
            self._talk = self._begin_to_talk()
        at = self._next_call(self._now())
        if at is not None and (self._sleeps_until is None or at < self._sleeps_until):
            self._poked.set()

    async def aclose(self) -> None:
        """Give all back that is not used, and let go of the store."""
        self._closing = True
        self._poked.set()
        try:
            await asyncio.wait([self._talk])
        finally:
            self._talk.cancel()
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await self._store.aclose()

    # The conversation

    @property
    def _spacing(self) -> float:
        return self.rate.per / CALLS_PER_WINDOW

    def _next_names(self, count: int) -> str:
        name = f"{self._process}:{self._number}"
        self._number += count
        return name

    def _wants(self, now: float) -> tuple[int, int]:
        """Places to fetch, for interactive calls and for bulk."""
        interactive, bulk = self.dispatcher.wants(now)
        stock = self.stock.free(now)
        return max(interactive - stock, 0), max(bulk - max(stock - interactive, 0), 0)

    def _next_call(self, now: float) -> float | None:
        """When to call the store next, as things stand."""
        soon = self._asked_at + self._spacing
        moments = self._fetches(now, soon)
        if self._refusals:
            moments.append(now)
        if self.stock.reports:
            moments.append(self._asked_at + self.rate.per * AHEAD)
        if self.stock.leases and not self.dispatcher.is_waiting:
            moments.append(soon)
        return max(min(moments), self._not_before) if moments else None

    def _fetches(self, now: float, soon: float) -> list[float]:
        """When to fetch places, by lane."""
        opens = self.pause.opens(now)
        if self.stock.free(now) or opens is None:
            return []
        interactive, bulk = self._wants(now)
        moments: list[float] = []
        if interactive and self.last_interactive >= self._asked_at:
            moments.append(now if self._due_interactive <= now else soon)
        elif interactive:
            moments.append(max(soon, self._due_interactive))
        if bulk:
            moments.append(max(soon, self._due_bulk))
        return [max(moment, opens) for moment in moments]

    def _begin_to_talk(self) -> asyncio.Task[None]:
        self._sleeps_until = None
        talk = asyncio.create_task(self._converse(), name="cliniko limiter")
        talk.add_done_callback(self._has_ended)
        return talk

    def _has_ended(self, talk: asyncio.Task[None]) -> None:
        # Nobody may wait for a conversation that a mistake of ours has ended.
        if not talk.cancelled() and (error := talk.exception()):
            logger.error("user %s: the shared limiter failed", self.name, exc_info=error)
            self.dispatcher.fail_all("the shared limiter failed; its log record says why")

    async def _converse(self) -> None:
        while not self._closing:
            at = self._next_call(self._now())
            if at is not None and at <= self._now():
                await self._call()
            else:
                await self._sleep(at)
        if self.stock.reports or self.stock.leases:
            self.stock.return_all()
            await self._call()

    async def _sleep(self, until: float | None) -> None:
        self._poked.clear()
        self._sleeps_until = until
        try:
            async with asyncio.timeout(None if until is None else max(until - self._now(), 0)):
                await self._poked.wait()
        except TimeoutError:
            pass
        finally:
            self._sleeps_until = LONG_AGO  # awake: nobody need poke

    async def _call(self) -> None:
        if not self.dispatcher.is_waiting:
            self.stock.return_all()
        now = self._now()
        told = dict(self.stock.reports)
        question = self._question(now, told)
        count = question.interactive + question.bulk
        names = [f"{question.name}:{question.first + n}" for n in range(count)]
        self._number += count
        self._asked_at = now
        refusals, self._refusals = self._refusals, 0
        try:
            reply = await self._store.ask(question)
        except StoreError as error:
            self._refusals += refusals
            # They may be taken now. Nobody will use them, whenever they were.
            self.stock.reports.update(dict.fromkeys(names, None))
            self._is_down(error)
            return
        for name in told:
            del self.stock.reports[name]
        self.stock.leases.extend(Lease(name, now) for name in names[: reply.given])
        self._is_up(reply)

    def _question(self, now: float, told: dict[str, float | None]) -> Question:
        rate = self.rate
        interactive, bulk = (0, 0) if self._closing else self._wants(now)
        seen = now - self.last_interactive
        return Question(
            limit=rate.requests,
            per=rate.per,
            lease=LEASE + rate.per + SLACK,
            reserve=rate.reserve,
            interactive=interactive,
            bulk=bulk,
            name=self._process,
            first=self._number,
            refused=max(self.pause.until - now, 0) if self._refusals else None,
            refusals=self._refusals,
            seen=seen if seen < rate.per else None,
            back={name: 0 if back is None else max(back - now, 0) for name, back in told.items()},
        )

    def _is_up(self, reply: Reply) -> None:
        if self._failures:
            logger.info("user %s: the shared limiter answers again", self.name)
        self._failures, self._not_before = 0, LONG_AGO
        now = self._now()
        self.elsewhere_free = reply.free
        self._due_interactive, self._due_bulk = now + reply.wait, now + reply.wait_bulk
        self.due = self._due_interactive
        self._learn_pause(now, reply)
        self._compare_rates(reply)
        self.dispatcher.grant()
        # Those for whom the store was asked, with nothing left to be asked for in their time.
        due = max(self._due_interactive, now)
        self.dispatcher.give_up_hopeless(due, asked_by=self._asked_at)

    def _learn_pause(self, now: float, reply: Reply) -> None:
        if reply.pause <= max(self._pause_seen, reply.now - self.rate.per):
            return
        self._pause_seen = reply.pause
        with self.lock:
            self.pause.begin(now, max(reply.pause - reply.now, 0))

    def _compare_rates(self, reply: Reply) -> None:
        if reply.other_rate and reply.other_rate != self._other_rate:
            self._other_rate = reply.other_rate
            logger.warning(
                "user %s: another process takes the rate to be %s, and this one %g per %g s; give "
                "all of them the same RateLimit",
                self.name,
                reply.other_rate,
                self.rate.requests,
                self.rate.per,
            )

    def _is_down(self, error: StoreError) -> None:
        now = self._now()
        if not self._failures:
            self._down_since = self._asked_at
            logger.warning("user %s: the shared limiter does not work: %s", self.name, error)
        self._not_before = now + min(FIRST_DELAY * 2**self._failures, LONGEST_DELAY)
        self._failures += 1
        if error.hopeless:
            self.dispatcher.fail_all(f"the shared limiter cannot be used: {error}")
        elif now >= self._down_since + self._patience:
            message = f"the shared limiter has not worked for {self._patience:g} s: {error}"
            self.dispatcher.fail_all(message, asked_by=now - self._patience)


class LeasedDispatcher(Dispatcher):
    """An event loop's waiting calls, whose places are fetched."""

    def __init__(self, ledger: LeasedLedger) -> None:
        super().__init__(ledger)
        self._shared = ledger

    def grant(self) -> None:
        """Admit all who may go now, and have places fetched for the others."""
        super().grant()
        self._shared.poke()

    def _arrived(self, *, is_first: bool) -> None:
        super()._arrived(is_first=is_first)
        if not is_first:
            self._shared.poke()

    def wants(self, now: float) -> tuple[int, int]:
        """How many calls could go if they had a place, by lane: interactive, bulk."""
        rate = self._shared.rate
        ahead = 1 + int(rate.per * AHEAD / rate.spacing)
        most = ahead if self._shared.pause.spreads(now) else rate.requests
        room = rate.in_flight - len(self.places)
        interactive = min(self._lines["interactive"].ready(ahead), room + rate.reserve, most)
        interactive = max(interactive, 0)
        bulk = min(self._lines["bulk"].ready(ahead), min(room, most) - interactive)
        return interactive, max(bulk, 0)

    def _limit_wait(self, waiter: Waiter, max_wait: float) -> None:
        waiter.until = waiter.asked + max_wait
        self._deadlines.add(waiter)
        self._set_timer_by(self._ends_at(waiter))

    def _ends_at(self, waiter: Waiter) -> float:
        return max(waiter.until, waiter.asked + FIRST_LOOK)

    def fail_all(self, message: str, *, asked_by: float = float("inf")) -> None:
        """Fail the calls that came by a moment."""
        for line in self._lines.values():
            for waiter in tuple(line.waiters):
                if waiter.asked <= asked_by and not waiter.place.done():
                    line.waiters.pop(waiter, None)
                    waiter.place.set_exception(LimiterUnavailableError(message))

    def _next_place(self) -> float | None:
        shared = self._shared
        now = self.now()
        paused = max(shared.pause.until - now, 0.0)
        if shared.stock.free(now) + shared.elsewhere_free > 0:
            return paused
        if shared.due is None or shared.due <= now:
            return None
        return max(shared.due - now, paused)

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stood when the store was asked last."""
        own = super().snapshot()
        free = max(own.free + self._shared.elsewhere_free, 0)
        return attrs.evolve(own, free=free, back=())
