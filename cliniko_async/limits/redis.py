"""The limiter across processes and hosts: a user's places are counted in Redis.

    async with AsyncCliniko(limiter=RedisLimiter("redis://redis.internal:6379/0")) as cliniko:
        ...

The rule is the one of a single process (`window` has the proof), with the moments taken from the
Redis server's clock: a place is leased for longer than an attempt takes, and a window more. Once
its request is answered, it comes back a window after the answer; if its process dies, when the
lease is over, which is 50 s and a window after it was taken. A process looks at the lease again
just before a request leaves. Give all processes the same `RateLimit`.

What is in Redis: two keys per user, `cliniko:{<hash of user and shard>}:places` and `...:state`.
They hold random names, numbers and moments, no key and nobody's data, and expire by themselves. 200
places take about 25 kB. It runs on Redis 6.2 or later and on Valkey, on one server with or without
replicas, which must not be set to evict keys.

What it costs: each process has one conversation with Redis for each user and event loop, however
many calls wait, and it sleeps unless there is something to ask or to tell. One EVALSHA fetches
places for all who wait, and reports those that were answered. Four processes that use up 200
requests per minute need about 0.1 commands per request; where places come back one by one, as
after `burst=1`, each process makes up to 200 commands per window. A lone call costs two: one to
fetch and one to report, and the second is saved if another call follows soon. A wait costs
one command when it begins and one when a place is due, for each process that waits, not for each
call.

What is shared: places, the reserve that bulk leaves while interactive calls come anywhere, and the
pause after a 429 that anybody has seen; each process then sends one request first, and goes on
evenly. First come, first served holds within a process. Between processes, who asks first gets
the places that are free.

When Redis is gone, calls wait and it is tried again; after `patience` seconds they end with
`LimiterUnavailableError`. They end at once if Redis refuses the password, belongs to a cluster, or
is something else. No request is ever sent without a place. A call's `max_wait` is over no sooner
than Redis has answered once, or after a second.

A Redis that has lost its data (a flush, a restart without persistence, a fail-over to a replica
that lagged) has forgotten which places are taken: for one window, more requests may leave than are
allowed. The API answers those with 429, which holds all processes back, and they are sent again.
Its clock must not be set forward by hand; slewing is fine.
"""

from __future__ import annotations

from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterCrossSlotError,
    ClusterDownError,
    InvalidResponse,
    MovedError,
    NoPermissionError,
    ReadOnlyError,
    ResponseError,
)

from cliniko_async.errors import ClinikoError, InvalidValueError, expect
from cliniko_async.limits.script import SCRIPT, arguments, read
from cliniko_async.limits.shared import SharedLimiter
from cliniko_async.limits.store import Question, Reply, Store, StoreError

__all__ = ["RedisLimiter"]

CALL_SECONDS: Final = 5.0
"""Seconds after which Redis is taken to be gone, if `patience` is not shorter."""

LEAST_SECONDS: Final = 0.5
"""The same, whatever `patience` is: a Redis that is well may take some milliseconds."""


_NOT_LET_IN: Final = "are the URL's user, password and database right?"
_ADVICE: Final[dict[tuple[type[Exception], ...], str]] = {
    (AuthenticationError, NoPermissionError): _NOT_LET_IN,
    (MovedError, AskError, ClusterDownError, ClusterCrossSlotError): (
        "this server is part of a cluster, which is not followed: name a Redis that stands alone"
    ),
    (ReadOnlyError,): "this server is a replica: name the one that takes writes",
    (InvalidResponse, TypeError, ValueError): "what answers there is not Redis",
}


class RedisLimiter(SharedLimiter):
    """Counts a user's places in Redis, for all processes that are given the same one.

    Args:
        url: Such as `redis://localhost:6379/0`, `rediss://...` for TLS, or `unix://...`.
        patience: Seconds that a call waits for a Redis that does not answer. It is looked at when
            an attempt has failed, which takes up to 5 s.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: An argument cannot be right.
    """

    def __init__(self, url: str, *, patience: float = 30.0) -> None:
        problem = self._set_up(url, patience)
        del url  # a crash reporter shows the variables of the frames that an error has passed
        if problem:
            raise problem

    def _set_up(self, url: str, patience: float) -> ClinikoError | None:
        try:
            expect(url, str, "RedisLimiter takes a URL such as 'redis://localhost:6379/0'")
            super().__init__(url, patience=patience)
            self._url = url
            _connect(url, patience)  # connects to nothing yet, but reads the URL
        except ClinikoError as error:
            return error.with_traceback(None)
        return None

    def _store(self, name: str) -> Store:
        return RedisStore(_connect(self._url, self._patience), name)


def _connect(url: str, patience: float) -> Any:
    seconds = max(min(CALL_SECONDS, patience), LEAST_SECONDS)
    # Any: redis-py's own types differ too much between the versions that we work with.
    connect: Any = Redis.from_url  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # likewise
    try:
        # A call that was lost must not be sent again as it was: the conversation makes a new one.
        client = connect(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )
        client.connection_pool.make_connection()  # reads the URL's options
    except (ValueError, TypeError):
        problem = "or an option in it is not one of redis-py's" if "?" in url else ""
    else:
        return client
    raise InvalidValueError(
        "RedisLimiter takes a URL such as 'redis://localhost:6379/0', 'rediss://...' or "
        f"'unix://...'; this is none, {problem}".rstrip(", ")
    )


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
            return read(await self._script(keys=self._keys, args=arguments(question)))
        except Exception as error:  # noqa: BLE001 - whatever it is, no call may hang for it
            problem = type(error).__name__  # its message may name hosts
            advice = _advice(error)
            hopeless = bool(advice) and not isinstance(error, ReadOnlyError)  # a fail-over ends
        raise StoreError(f"{problem}: {advice}" if advice else problem, hopeless=hopeless)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _advice(error: Exception) -> str:
    """What somebody has to do, if Redis was reached and trying again may not help."""
    for kinds, advice in _ADVICE.items():
        if isinstance(error, kinds):
            return advice
    # Not one of its subclasses, such as those of a server that loads or fails over.
    refused = type(error) is ResponseError
    if refused and any(word in str(error) for word in ("DB index", "WRONGPASS", "unknown")):
        return _NOT_LET_IN
    return ""
