"""The limiter of one process: a ledger a user, whoever asks and from wherever."""

from __future__ import annotations

import asyncio
from threading import Lock
from typing import TYPE_CHECKING, Final

from cliniko_async.errors import InvalidValueError
from cliniko_async.limits.dispatcher import Dispatcher
from cliniko_async.limits.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliniko_async.limits.allowance import Lane, LimiterSnapshot, Place
    from cliniko_async.limits.rate import RateLimit

__all__ = ["LocalLimiter"]

_ledgers: Final[dict[str, Ledger]] = {}
_lock: Final = Lock()


class LocalLimiter:
    """Counts the places of all users in this process.

    All its instances are one: two sessions with the same key share the user's places, whichever
    limiter object they were given.
    """

    def open(self, user: str, rate: RateLimit) -> LocalAllowance:
        """Join the sessions of a user, in the running event loop.

        Raises:
            InvalidValueError: Another open session gives this user another rate.
        """
        now = asyncio.get_running_loop().time()
        with _lock:
            ledger = _ledgers.get(user)
            if ledger:
                ledger.bury_dead_loops()
            if ledger is None or _is_of_another_clock(ledger, now):
                ledger = _ledgers[user] = Ledger(user, rate)
            _set_rate(ledger, rate)
            return LocalAllowance(ledger)

    @staticmethod
    def forget() -> None:
        """Forget the places of all users without an open session.

        For tests, whose servers and clocks begin anew. A real server does not forget.
        """
        with _lock:
            for user, ledger in tuple(_ledgers.items()):
                ledger.bury_dead_loops()
                if not ledger.dispatchers:
                    del _ledgers[user]


def _is_of_another_clock(ledger: Ledger, now: float) -> bool:
    # The clock of event loops never runs backwards; a test's virtual clock begins anew.
    return not ledger.dispatchers and now < ledger.latest


def _set_rate(ledger: Ledger, rate: RateLimit) -> None:
    if ledger.rate == rate:
        return
    if ledger.dispatchers:
        raise InvalidValueError(
            "this user has an open session with another rate_limit, and the limit is the user's: "
            "pass the same RateLimit to both sessions"
        )
    with ledger.lock:
        ledger.rate = rate
        ledger.window.places = rate.requests


class LocalAllowance:
    """A session's share in a user's places; see `Allowance`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._closed = False
        loop = asyncio.get_running_loop()
        self._dispatcher = next(
            (d for d in ledger.dispatchers if d.loop is loop), None
        ) or Dispatcher(ledger)
        self._dispatcher.sessions += 1
        ledger.dispatchers.add(self._dispatcher)

    async def acquire(
        self, *, lane: Lane = "interactive", max_wait: float | None = None, again: bool = False
    ) -> Place:
        """Wait for a place."""
        return await self._dispatcher.acquire(self, lane=lane, max_wait=max_wait, again=again)

    def hold(self, seconds: Iterable[float]) -> None:
        """Take places for so many seconds each, which an earlier process has used."""
        with self._ledger.lock:
            now = self._dispatcher.now()
            for wait in seconds:
                self._ledger.window.take()
                self._ledger.window.give_back(now + wait if wait > 0 else None)

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stands now."""
        return self._dispatcher.snapshot()

    async def aclose(self) -> None:
        """Leave. Places come back when they are due, whether or not anybody waits for them."""
        if self._closed:
            return
        self._closed = True
        with _lock:
            self._dispatcher.leave(self)
            self._dispatcher.sessions -= 1
            if not self._dispatcher.sessions:
                self._ledger.dispatchers.discard(self._dispatcher)
