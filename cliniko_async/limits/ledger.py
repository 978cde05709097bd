"""A user's places in this process, and what a request says about its own.

A ledger belongs to a user, not to a session or an event loop: sessions come and go, two
`asyncio.run` follow each other, threads run loops of their own, and the server counts on. Only
waiting calls belong to a loop; they are the dispatchers'.
"""

from __future__ import annotations

import hashlib
import logging
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from cliniko_async.limits.pause import LONG_AGO, Pause
from cliniko_async.limits.share import Share
from cliniko_async.limits.window import CUT_OFF, SLACK, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async.limits.rate import RateLimit

__all__ = ["HeldPlace", "Ledger", "Queue"]

logger: Final = logging.getLogger("cliniko_async.limits")

SHARE_OF_WINDOW: Final = 4
"""A 429 that names no end pauses for a window's length divided by this."""

WHOLE_SECONDS: Final = 2.0
"""Seconds beyond a window that a reset may be off: it is told in whole seconds."""

ANY_TIME: Final = float("inf")
"""Stands for the moment at which a request leaves that may have left at any time by now."""


class Queue(Protocol):
    """An event loop's calls that wait for places, and the places that its calls have."""

    places: set[HeldPlace]
    """Those whose connections are not free again."""
    now: Callable[[], float]

    @property
    def is_dead(self) -> bool:
        """Whether its event loop has ended."""
        ...

    def look_again(self) -> None:
        """Admit all who may go now, called from any thread."""
        ...

    def watch(self) -> None:
        """Look for loops that end while others are open, called from any thread."""
        ...


class Ledger:
    """What is known of a user's allowance. Guarded by its lock."""

    def __init__(self, user: str, rate: RateLimit) -> None:
        self.rate: RateLimit = rate
        self.lock: Lock = Lock()
        self.window: Window = Window(rate.requests)
        self.pause: Pause = Pause()
        self.share: Share = Share()
        self.last_interactive: float = LONG_AGO
        self.latest: float = LONG_AGO
        """The last moment at which something happened, by the loops' clock."""
        self.queues: set[Queue] = set()
        self.name: str = hashlib.sha256(user.encode()).hexdigest()[:6]
        """Stands for the user in logs."""

    def free(self, now: float) -> int:
        """How many places could be taken now."""
        given_up = self.rate.requests - self.share.places(now, self.rate.requests, self.rate.per)
        return self.window.free(now) - given_up

    def next_free(self, now: float) -> float | None:
        """When the next place may be taken while none is free, as far as that is known."""
        moments = (
            self.window.next_back,
            self.share.next_won(now, self.rate.requests, self.rate.per),
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def kept_free(self, now: float) -> int:
        """Places that bulk leaves alone now."""
        seen = now < self.last_interactive + self.rate.per
        return self.rate.reserve if seen else 0

    def admit(self, queue: Queue, now: float) -> HeldPlace:
        """Take a place. The caller holds the lock and has looked whether one is free."""
        self.window.take()
        place = HeldPlace(self, queue, probe=self.pause.admit(now, self.rate))
        queue.places.add(place)
        return place

    def refuse(self, now: float, seconds: float | None) -> None:
        """Hold everybody back after a 429."""
        wait = self._believed(seconds)
        with self.lock:
            is_news = now >= self.pause.until
            self._give_up_places(now, is_news=is_news)
            self.pause.begin(now, wait)
        if is_news:
            logger.warning(
                "429: somebody else spends the allowance of user %s; everybody here waits for "
                "%.1f s",
                self.name,
                wait,
            )

    def _give_up_places(self, now: float, *, is_news: bool) -> None:
        if is_news:
            used = self.rate.requests - self.window.free(now)
            self.share.give_up(now, used - 1, self.rate.requests, self.rate.per)
        else:
            self.share.give_up_more(1)

    def _believed(self, seconds: float | None) -> float:
        """The seconds to wait, if what a 429 says of them can be right."""
        per = self.rate.per
        longest = max(2 * per, per + WHOLE_SECONDS)
        unknown = per / SHARE_OF_WINDOW
        if seconds is None:
            return unknown
        if -longest <= seconds <= longest:  # not for nan
            return max(seconds, 0.0)
        logger.warning(
            "user %s: a 429 asks to wait for %.4g s, which cannot be right with windows of %g s: "
            "taken as unknown",
            self.name,
            seconds,
            per,
        )
        return unknown

    def bury_dead_loops(self) -> None:
        """Let go of loops that ended without closing their sessions. Not called with the lock."""
        for queue in [queue for queue in tuple(self.queues) if queue.is_dead]:
            self.queues.discard(queue)
            for place in tuple(queue.places):
                place.abandoned()

    def is_idle(self, now: float) -> bool:
        """Whether nothing is lost if this ledger is forgotten."""
        return (
            not self.queues
            and now >= self.pause.until
            and self.window.free(now) == self.window.places
        )

    def wake(self) -> None:
        """Let all waiting calls look again. The caller does not hold the lock."""
        for queue in tuple(self.queues):
            queue.look_again()


class HeldPlace:
    """A place that a request has taken; see `Place`."""

    __slots__ = ("_ledger", "_probe", "_queue", "_sent_at", "_settled")

    def __init__(self, ledger: Ledger, queue: Queue, *, probe: bool) -> None:
        self._ledger = ledger
        self._queue = queue
        self._probe = probe
        self._sent_at: float | None = None
        self._settled = False

    def sent(self, *, connected: bool = True) -> bool:
        """Note when the request leaves. Places of one process never run out."""
        if not connected:
            self._sent_at = ANY_TIME
        elif self._sent_at is None or self._sent_at == ANY_TIME:
            self._sent_at = self._queue.now()
        return True

    def answered(self) -> None:
        """Come back a window after the answer."""
        now = self._queue.now()
        self._settle(now, now + self._cooling, passed=True)

    def refused(self, seconds: float | None) -> None:
        """Come back a window after the 429, and hold everybody back meanwhile."""
        now = self._queue.now()
        if not self._settled:
            self._ledger.refuse(now, seconds)
        self._settle(now, now + self._cooling, passed=False)

    def unsent(self) -> None:
        """Come back at once."""
        self._settle(self._queue.now(), None, passed=False)

    def lost(self) -> None:
        """Come back a window after the last moment at which the server may count it."""
        if self._sent_at is None:
            return self.unsent()
        now = self._queue.now()
        counted = now + CUT_OFF if self._sent_at == ANY_TIME else self._sent_at + CUT_OFF
        return self._settle(now, max(now, counted) + self._cooling, passed=False)

    def abandoned(self) -> None:
        """Its event loop has ended: nobody will say what became of the request."""
        if self._sent_at is None:
            return self.unsent()
        now = self._queue.now()
        counted = now + CUT_OFF if self._sent_at == ANY_TIME else self._sent_at + CUT_OFF
        return self._settle(now, counted + self._cooling, passed=False)

    def close(self) -> None:
        """Free the connection, and whatever was not settled."""
        self._queue.places.discard(self)
        self.lost()
        self._queue.look_again()

    @property
    def _cooling(self) -> float:
        return self._ledger.rate.per + SLACK

    def _settle(self, now: float, back: float | None, *, passed: bool) -> None:
        if self._settled:
            return
        self._settled = True
        ledger = self._ledger
        with ledger.lock:
            ledger.latest = max(ledger.latest, now)
            self._give_back(back)
            if self._probe:
                ledger.pause.probed(now, ledger.rate, passed=passed)
        ledger.wake()

    def _give_back(self, back: float | None) -> None:
        self._ledger.window.give_back(back)
