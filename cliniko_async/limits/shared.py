"""Limiters whose users' places are counted where several processes meet."""

from __future__ import annotations

import asyncio
import hashlib
import os
from threading import Lock
from typing import TYPE_CHECKING, Final

import anyio

from cliniko_async.errors import InvalidValueError, SessionClosedError, expect
from cliniko_async.limits.leases import LeasedLedger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliniko_async.limits.allowance import Lane, LimiterSnapshot, Place
    from cliniko_async.limits.rate import RateLimit
    from cliniko_async.limits.store import Store

__all__ = ["SharedAllowance", "SharedLimiter"]

CLOSE_SECONDS: Final = 2.0
"""Seconds to report the last places when a user's last session closes."""

_Key = tuple[str, str]


class _Ledgers:
    """The leased places of this process, by event loop, then by store and user."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_loop: dict[asyncio.AbstractEventLoop, dict[_Key, LeasedLedger]] = {}
        self._parents: list[object] = []

    def start_clean(self) -> None:
        """After a fork, in the child."""
        # What the parent has open must not be closed here: its connections are shared.
        self._parents.append(self.by_loop)
        self.lock = Lock()  # another thread of the parent may hold it
        self.by_loop = {}

    def bury_dead_loops(self) -> None:
        """Let go of loops that ended. What they have in the store comes back by itself."""
        for loop in [loop for loop in self.by_loop if loop.is_closed()]:
            del self.by_loop[loop]


_ledgers: Final = _Ledgers()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_ledgers.start_clean)


class SharedLimiter:
    """Counts the places of all users in a store.

    Args:
        where: What tells this store from others of its kind. It may hold a password, and is not
            kept.
        patience: Seconds that a call waits for a store that does not answer.

    Raises:
        InvalidTypeError: `patience` is not a number.
        InvalidValueError: `patience` is below zero, or not finite.
    """

    def __init__(self, where: str, *, patience: float) -> None:
        name = type(self).__name__
        expect(patience, (int, float), f"{name}(patience=...) takes a number of seconds")
        if not 0 <= patience < float("inf"):
            raise InvalidValueError(f"{name}(patience=...) takes a number of seconds")
        self._where = hashlib.sha256(where.encode("utf-8", "surrogatepass")).hexdigest()
        self._patience = patience

    def open(self, user: str, rate: RateLimit) -> SharedAllowance:
        """Join the sessions of a user, in the running event loop.

        Raises:
            InvalidValueError: Another open session gives this user another rate.
        """
        loop, key = asyncio.get_running_loop(), (self._where, user)
        with _ledgers.lock:
            _ledgers.bury_dead_loops()
            ledgers = _ledgers.by_loop.setdefault(loop, {})
            ledger = ledgers.get(key)
            if ledger is None:
                store = self._store(hashlib.sha256(user.encode()).hexdigest()[:32])
                ledger = ledgers[key] = LeasedLedger(user, rate, store, patience=self._patience)
            elif ledger.rate != rate:
                raise InvalidValueError(
                    "this user has an open session with another rate_limit, and the limit is the "
                    "user's: pass the same RateLimit to both sessions"
                )
            return SharedAllowance(ledger, key)

    def _store(self, name: str) -> Store:
        """Where a user's places are; the name is a hash."""
        raise NotImplementedError


class SharedAllowance:
    """A session's share in a user's places; see `Allowance`."""

    def __init__(self, ledger: LeasedLedger, key: _Key) -> None:
        self._ledger = ledger
        self._key = key
        self._closed = False
        ledger.dispatcher.sessions += 1

    async def acquire(
        self, *, lane: Lane = "interactive", max_wait: float | None = None, again: bool = False
    ) -> Place:
        """Wait for a place."""
        if self._closed:
            raise SessionClosedError("this session is closed: open a new one")
        return await self._ledger.dispatcher.acquire(
            self, lane=lane, max_wait=max_wait, again=again
        )

    def hold(self, seconds: Iterable[float]) -> None:
        """Take places that an earlier process has used, each for so many seconds."""
        for wait in seconds:
            if wait > 0:
                self._ledger.hold(wait)

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stood when the store was asked last."""
        return self._ledger.dispatcher.snapshot()

    async def aclose(self) -> None:
        """Leave. The last session of a user reports what it has used, and returns the rest."""
        if self._closed:
            return
        self._closed = True
        dispatcher = self._ledger.dispatcher
        dispatcher.leave(self)
        dispatcher.sessions -= 1
        if dispatcher.sessions:
            return
        with _ledgers.lock:
            of_loop = _ledgers.by_loop.get(dispatcher.loop, {})
            if of_loop.get(self._key) is self._ledger:
                del of_loop[self._key]
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await self._ledger.aclose()
