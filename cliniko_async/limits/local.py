"""The limiter of one process: one ledger per user, whoever asks and from wherever."""

from __future__ import annotations

import asyncio
import logging
import os
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Final

from cliniko_async.errors import InvalidValueError, SessionClosedError
from cliniko_async.limits.clock import clock_of
from cliniko_async.limits.dispatcher import Dispatcher
from cliniko_async.limits.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliniko_async.limits.allowance import Lane, LimiterSnapshot, Place
    from cliniko_async.limits.rate import RateLimit

__all__ = ["LocalAllowance", "LocalLimiter", "forget"]

logger: Final = logging.getLogger("cliniko_async.limits")

IDLE_LOOKS: Final = 2
"""Ledgers without sessions that are looked at when a session opens: more than it can add."""


class _Ledgers:
    """The ledgers of this process, by user."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_user: dict[str, Ledger] = {}
        self.idle: dict[str, None] = {}  # users whose last session is closed, oldest first
        self.forked = False

    def start_clean(self) -> None:
        """After a fork, in the child: what the parent has in flight is none of its business."""
        self.forked = self.forked or bool(self.by_user)
        self.lock = Lock()  # another thread of the parent may hold it
        self.by_user = {}
        self.idle = {}

    def clear_out(self, now: float) -> None:
        """Let go of some users who have neither sessions nor places."""
        for user in tuple(islice(self.idle, IDLE_LOOKS)):
            del self.idle[user]
            ledger = self.by_user.get(user)
            if ledger is None or ledger.queues:
                continue
            if ledger.is_idle(now):
                del self.by_user[user]
            else:
                self.idle[user] = None

    def has_forked(self) -> bool:
        """Whether this is a child of a process with sessions. True once."""
        forked, self.forked = self.forked, False
        return forked


_ledgers: Final = _Ledgers()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_ledgers.start_clean)


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
        now = clock_of(asyncio.get_running_loop())()
        with _ledgers.lock:
            _ledgers.clear_out(now)
            ledger = _ledgers.by_user.get(user)
            if ledger:
                ledger.bury_dead_loops()
            if ledger is None or _is_of_another_clock(ledger, now):
                ledger = _ledgers.by_user[user] = Ledger(user, rate)
            _set_rate(ledger, rate)
            allowance = LocalAllowance(ledger, user)
            if _ledgers.has_forked():
                logger.warning(
                    "this process was forked from one that uses the same limiter, and shares "
                    "nothing with it: each sends as many requests as the user is allowed. Give "
                    "all of them a HostLimiter or a RedisLimiter"
                )
        return allowance


def forget() -> None:
    """Forget the places of all users without an open session.

    For tests, whose servers and clocks begin anew. A real server does not forget.
    """
    with _ledgers.lock:
        for user, ledger in tuple(_ledgers.by_user.items()):
            ledger.bury_dead_loops()
            if not ledger.queues:
                del _ledgers.by_user[user]


def _is_of_another_clock(ledger: Ledger, now: float) -> bool:
    # The clock of event loops never runs backwards; a test's virtual clock begins anew.
    return not ledger.queues and now < ledger.latest


def _set_rate(ledger: Ledger, rate: RateLimit) -> None:
    if ledger.rate == rate:
        return
    if ledger.queues:
        raise InvalidValueError(
            "this user has an open session with another rate_limit, and the limit is the user's: "
            "pass the same RateLimit to both sessions"
        )
    with ledger.lock:
        ledger.rate = rate
        ledger.window.places = rate.requests


class LocalAllowance:
    """A session's share in a user's places; see `Allowance`."""

    def __init__(self, ledger: Ledger, user: str) -> None:
        self._ledger = ledger
        self._user = user
        self._closed = False
        self._dispatcher = _dispatcher(ledger)
        self._dispatcher.sessions += 1
        if self._dispatcher not in ledger.queues:
            ledger.queues.add(self._dispatcher)
            for queue in tuple(ledger.queues) if len(ledger.queues) > 1 else ():
                queue.watch()

    async def acquire(
        self, *, lane: Lane = "interactive", max_wait: float | None = None, again: bool = False
    ) -> Place:
        """Wait for a place."""
        if self._closed:
            raise SessionClosedError("this session is closed: open a new one")
        return await self._dispatcher.acquire(self, lane=lane, max_wait=max_wait, again=again)

    def hold(self, seconds: Iterable[float]) -> None:
        """Take places that an earlier process has used, each for so many seconds."""
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
        with _ledgers.lock:
            self._dispatcher.leave(self)
            self._dispatcher.sessions -= 1
            if not self._dispatcher.sessions:
                self._ledger.queues.discard(self._dispatcher)
            if not self._ledger.queues and _ledgers.by_user.get(self._user) is self._ledger:
                _ledgers.idle[self._user] = None


def _dispatcher(ledger: Ledger) -> Dispatcher:
    """The running event loop's calls of a user."""
    loop = asyncio.get_running_loop()
    queues = (queue for queue in ledger.queues if isinstance(queue, Dispatcher))
    return next((queue for queue in queues if queue.loop is loop), None) or Dispatcher(ledger)
