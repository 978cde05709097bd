"""A user's places in this process, and what a request says about its own.

A ledger belongs to a user, not to a session or an event loop: sessions come and go, two
`asyncio.run` follow each other, threads run loops of their own, and the server counts on. Only
waiting calls belong to a loop; they are the dispatchers'.
"""

from __future__ import annotations

import hashlib
import logging
from threading import Lock
from typing import TYPE_CHECKING, Final

from cliniko_async.limits.pause import LONG_AGO, Pause
from cliniko_async.limits.window import CUT_OFF, SLACK, Window

if TYPE_CHECKING:
    from cliniko_async.limits.dispatcher import Dispatcher
    from cliniko_async.limits.rate import RateLimit

__all__ = ["HeldPlace", "Ledger"]

logger: Final = logging.getLogger("cliniko_async.limits")

SHARE_OF_WINDOW: Final = 4
"""A 429 that names no end pauses for a window's length divided by this."""


class Ledger:
    """What is known of a user's allowance. Guarded by its lock."""

    def __init__(self, user: str, rate: RateLimit) -> None:
        self.rate: RateLimit = rate
        self.lock: Lock = Lock()
        self.window: Window = Window(rate.requests)
        self.pause: Pause = Pause()
        self.last_interactive: float = LONG_AGO
        self.latest: float = LONG_AGO
        """The last moment at which something happened, by the loops' clock."""
        self.dispatchers: set[Dispatcher] = set()
        self.name: str = hashlib.sha256(user.encode()).hexdigest()[:6]
        """Stands for the user in logs."""

    def kept_free(self, now: float) -> int:
        """Places that bulk leaves alone now."""
        seen = now < self.last_interactive + self.rate.per
        return self.rate.reserve if seen else 0

    def admit(self, dispatcher: Dispatcher, now: float) -> HeldPlace:
        """Take a place. The caller holds the lock and has looked whether one is free."""
        self.window.take()
        place = HeldPlace(self, dispatcher, probe=self.pause.admit(now, self.rate))
        dispatcher.places.add(place)
        return place

    def refuse(self, now: float, seconds: float | None) -> None:
        """Hold everybody back after a 429."""
        wait = self.rate.per / SHARE_OF_WINDOW if seconds is None else seconds
        with self.lock:
            is_news = now >= self.pause.until
            self.pause.begin(now, wait)
        if is_news:
            logger.warning(
                "429: somebody else spends the allowance of user %s; everybody here waits for "
                "%.1f s",
                self.name,
                wait,
            )

    def bury_dead_loops(self) -> None:
        """Let go of loops that ended without closing their sessions."""
        for dispatcher in [d for d in self.dispatchers if d.loop.is_closed()]:
            self.dispatchers.discard(dispatcher)
            for place in tuple(dispatcher.places):
                place.lost()

    def wake(self) -> None:
        """Let all dispatchers with waiting calls look again. The caller does not hold the lock."""
        for dispatcher in tuple(self.dispatchers):
            dispatcher.look_again()


class HeldPlace:
    """A place that a request has taken; see `Place`."""

    __slots__ = ("_dispatcher", "_ledger", "_probe", "_sent_at", "_settled")

    def __init__(self, ledger: Ledger, dispatcher: Dispatcher, *, probe: bool) -> None:
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._probe = probe
        self._sent_at: float | None = None
        self._settled = False

    def sent(self) -> bool:
        """Note when the request leaves. Places of one process never run out."""
        if self._sent_at is None:
            self._sent_at = self._dispatcher.now()
        return True

    def answered(self) -> None:
        """Come back a window after the answer."""
        now = self._dispatcher.now()
        self._settle(now, now + self._cooling, passed=True)

    def refused(self, seconds: float | None) -> None:
        """Come back a window after the 429, and hold everybody back meanwhile."""
        now = self._dispatcher.now()
        if not self._settled:
            self._ledger.refuse(now, seconds)
        self._settle(now, now + self._cooling, passed=False)

    def unsent(self) -> None:
        """Come back at once."""
        self._settle(self._dispatcher.now(), None, passed=False)

    def lost(self) -> None:
        """Come back a window after the last moment at which the server may count it."""
        if self._sent_at is None:
            return self.unsent()
        now = self._dispatcher.now()
        return self._settle(now, max(now, self._sent_at + CUT_OFF) + self._cooling, passed=False)

    def close(self) -> None:
        """Free the connection, and whatever was not settled."""
        self._dispatcher.places.discard(self)
        self.lost()
        self._dispatcher.look_again()

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
