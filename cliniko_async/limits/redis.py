"""The limiter across processes and hosts: a user's places are counted in Redis.

    async with AsyncCliniko(limiter=RedisLimiter("redis://redis.internal:6379/0")) as cliniko:
        ...

The rule is the one of a single process (`window` has the proof), with the moments taken from the
Redis server's clock: a place is leased for longer than an attempt takes, and a window more. Once
its request is answered, it comes back a window after the answer; if its process dies, when the
lease is over, which is 50 s and a window after it was taken. A process looks at the lease again
just before a request leaves. Give all processes the same `RateLimit`.

What is in Redis: two keys a user, `cliniko:{<hash of user and shard>}:places` and `...:state`. They
hold random names, numbers and moments, no key and nobody's data, and expire by themselves. 200
places take about 25 kB. It runs on Redis 6.2 or later and on Valkey, on one server with or without
replicas, which must not be set to evict keys.

What it costs: each process has one conversation with Redis for each user and event loop, however
many calls wait, and it sleeps unless there is something to ask or to tell. One EVALSHA fetches
places for all who wait, and reports those that were answered. Four processes that use up 200
requests a minute need about 0.1 commands a request; where places come back one by one, as after
`burst=1`, each process makes up to 200 commands a window. A lone call costs two: one to fetch and
one to report, and the second is saved if another call follows soon. A wait costs one command when
it begins and one when a place is due, for each process that waits, not for each call.

What is shared: places, the reserve that bulk leaves while interactive calls come anywhere, and the
pause after a 429 that anybody has seen; each process then sends one request first, and goes on
evenly. First come, first served holds within a process. Between processes, who asks first gets
the places that are free.

When Redis is gone, calls wait and it is tried again; after `patience` seconds they end with
`LimiterUnavailableError`. No request is ever sent without a place. A call's `max_wait` is over no
sooner than Redis has answered once, or after a second.

A Redis that has lost its data (a flush, a restart without persistence, a fail-over to a replica
that lagged) has forgotten which places are taken: for one window, more requests may leave than are
allowed. The API answers those with 429, which holds all processes back, and they are sent again.
Its clock must not be set forward by hand; slewing is fine.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Final

import anyio
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cliniko_async.errors import InvalidValueError, expect
from cliniko_async.limits.leases import LeasedLedger, Store, StoreError
from cliniko_async.limits.script import SCRIPT, Question, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliniko_async.limits.allowance import Lane, LimiterSnapshot, Place
    from cliniko_async.limits.rate import RateLimit

__all__ = ["RedisLimiter"]

CALL_SECONDS: Final = 5.0
"""Seconds after which Redis is taken to be gone."""

CLOSE_SECONDS: Final = 2.0
"""Seconds to report the last places when a user's last session closes."""

_Key = tuple[str, str]

_ledgers: Final[dict[asyncio.AbstractEventLoop, dict[_Key, LeasedLedger]]] = {}


class RedisLimiter:
    """Counts a user's places in Redis, for all processes that are given the same one.

    Args:
        url: Such as `redis://localhost:6379/0`, `rediss://...` for TLS, or `unix://...`.
        patience: Seconds that a call waits for a Redis that does not answer.

    Raises:
        InvalidTypeError: An argument is of another type.
        InvalidValueError: An argument cannot be right.
    """

    def __init__(self, url: str, *, patience: float = 30.0) -> None:
        expect(url, str, "RedisLimiter takes a URL such as 'redis://localhost:6379/0'")
        expect(patience, (int, float), "RedisLimiter(patience=...) takes a number of seconds")
        if not 0 <= patience < float("inf"):
            raise InvalidValueError("RedisLimiter(patience=...) takes a number of seconds")
        self._url = url
        self._patience = patience
        _connect(url)  # connects to nothing yet, but reads the URL

    def open(self, user: str, rate: RateLimit) -> RedisAllowance:
        """Join the sessions of a user, in the running event loop.

        Raises:
            InvalidValueError: Another open session gives this user another rate.
        """
        _bury_dead_loops()
        ledgers = _ledgers.setdefault(asyncio.get_running_loop(), {})
        key = (self._url, user)
        ledger = ledgers.get(key)
        if ledger is None:
            store = self._store(hashlib.sha256(user.encode()).hexdigest()[:32])
            ledger = ledgers[key] = LeasedLedger(user, rate, store, patience=self._patience)
        elif ledger.rate != rate:
            raise InvalidValueError(
                "this user has an open session with another rate_limit, and the limit is the "
                "user's: pass the same RateLimit to both sessions"
            )
        return RedisAllowance(ledger, key)

    def _store(self, name: str) -> Store:
        return RedisStore(_connect(self._url), name)


def _connect(url: str) -> Any:
    # Any: redis-py's own types differ too much between the versions that we work with.
    connect: Any = Redis.from_url  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # likewise
    try:
        # A call that was lost must not be sent again as it was: the conversation makes a new one.
        return connect(
            url,
            socket_timeout=CALL_SECONDS,
            socket_connect_timeout=CALL_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError:
        raise InvalidValueError(
            "RedisLimiter takes a URL such as 'redis://localhost:6379/0', 'rediss://...' or "
            "'unix://...'"
        ) from None


def _bury_dead_loops() -> None:
    for loop in [loop for loop in _ledgers if loop.is_closed()]:
        del _ledgers[loop]


class RedisStore:
    """Where processes meet, for one user."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._keys = [f"cliniko:{{{name}}}:places", f"cliniko:{{{name}}}:state"]
        self._script = client.register_script(SCRIPT)

    async def ask(self, question: Question) -> Reply:
        """Run the script.

        Raises:
            StoreError: No answer came.
        """
        try:
            return Reply.read(await self._script(keys=self._keys, args=question.arguments()))
        except Exception as error:  # noqa: BLE001 - whatever it is, no call may hang for it
            problem = type(error).__name__  # its message may name hosts
        raise StoreError(problem)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class RedisAllowance:
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
        return await self._ledger.dispatcher.acquire(
            self, lane=lane, max_wait=max_wait, again=again
        )

    def hold(self, seconds: Iterable[float]) -> None:
        """Take places for so many seconds each, which an earlier process has used."""
        for wait in seconds:
            if wait > 0:
                self._ledger.hold(wait)

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stood when Redis was asked last."""
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
        _ledgers[dispatcher.loop].pop(self._key, None)
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await self._ledger.aclose()
