"""Any httpx client behind the same limiters, for code that has one or that calls another API.

    transport = LimitedTransport(rate_limit=RateLimit(200))
    async with httpx.AsyncClient(transport=transport, auth=(key, "")) as client:
        ...

Each request waits for a place, which comes back a window after its answer was seen. A 429 is handed
to the caller like any other answer, and holds back all requests of the same user meanwhile.

The user is the one whom the request's credentials name, as `AsyncCliniko` knows users: a session
and a client with the same key share one allowance.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64decode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import httpx

from cliniko_async.errors import InvalidTypeError, InvalidValueError, expect
from cliniko_async.limits.allowance import PlaceTimeoutError
from cliniko_async.limits.identity import user_of
from cliniko_async.limits.named import chosen_limiter, chosen_rate
from cliniko_async.limits.reset import TOO_MANY_REQUESTS, seconds_until_reset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cliniko_async.limits.allowance import Allowance, Lane, Limiter, Place
    from cliniko_async.limits.rate import RateLimit

__all__ = ["LimitedTransport"]

CONNECTIONS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=64)
"""The limiter bounds what is in flight: nothing may wait for a connection while it has a place."""


class LimitedTransport(httpx.AsyncBaseTransport):
    """An httpx transport around another one that sends each request on a place of its user's.

    Args:
        transport: What sends; by default httpx's own, with as many connections as are needed.
        rate_limit: What each user is allowed; `RateLimit(user=...)` names the one user of all
            requests. By default that of `CLINIKO_RATE_LIMIT`, or 200 per 60 s.
        limiter: Where the places are counted; by default as `CLINIKO_LIMITER` says, or in this
            process.
        lane: "interactive", or "bulk" for jobs.
        max_wait: Seconds that a request waits for a place before `httpx.PoolTimeout`; by default
            as long as it takes. httpx's own pool time-out does not count.

    Raises:
        InvalidTypeError: An argument has another type.
        InvalidValueError: An argument cannot be right.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        rate_limit: RateLimit | None = None,
        limiter: Limiter | None = None,
        lane: Lane = "interactive",
        max_wait: float | None = None,
    ) -> None:
        if lane not in ("interactive", "bulk"):
            raise InvalidValueError("lane= takes 'interactive' or 'bulk'")
        if max_wait is not None:
            expect(max_wait, (int, float), "max_wait= takes a number of seconds")
        if transport is not None and not hasattr(transport, "handle_async_request"):
            raise InvalidTypeError(
                "LimitedTransport takes an asynchronous transport, such as httpx.AsyncHTTPTransport"
            )
        self._transport = transport or httpx.AsyncHTTPTransport(limits=CONNECTIONS)
        self._reports = isinstance(self._transport, httpx.AsyncHTTPTransport)
        self._rate = chosen_rate(rate_limit)
        self._limiter = chosen_limiter(limiter)
        self._lane: Lane = lane
        self._max_wait = max_wait
        self._allowances: dict[tuple[asyncio.AbstractEventLoop, str], Allowance] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a place, and send the request on it.

        Raises:
            httpx.PoolTimeout: `max_wait` is over, or certainly not enough.
            LimiterUnavailableError: A shared limiter cannot be reached.
        """
        place = await self._place(request)
        try:
            return await self._send(request, place)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol):
            place.unsent()
            place.close()
            raise
        except BaseException:
            place.close()  # it may have left, and nothing more will be seen of it
            raise

    async def _place(self, request: httpx.Request) -> Place:
        allowance = self._allowance(self._rate.user or _user(request))
        try:
            return await allowance.acquire(lane=self._lane, max_wait=self._max_wait)
        except PlaceTimeoutError:
            pass
        raise httpx.PoolTimeout(
            f"the rate limit has no place within max_wait={self._max_wait:g} s", request=request
        )

    def _allowance(self, user: str) -> Allowance:
        key = (asyncio.get_running_loop(), user)
        allowance = self._allowances.get(key)
        if allowance is None:
            for old in [old for old in self._allowances if old[0].is_closed()]:
                del self._allowances[old]
            allowance = self._allowances[key] = self._limiter.open(user, self._rate)
        return allowance

    async def _send(self, request: httpx.Request, place: Place) -> httpx.Response:
        told: Any = request.extensions.get("trace")

        async def trace(event: str, info: Any) -> None:
            is_tunnel = getattr(info.get("request"), "method", b"") == b"CONNECT"
            if event.endswith("send_request_headers.started") and not is_tunnel:
                _leave(place, request, connected=True)
            if told:
                await told(event, info)

        if not self._reports:
            _leave(place, request, connected=False)
        request.extensions = {**request.extensions, "trace": trace}
        response = await self._transport.handle_async_request(request)
        if response.status_code == TOO_MANY_REQUESTS:
            place.refused(seconds_until_reset(response.headers, now=time.time()))
        else:
            place.answered()
        if response.is_closed:
            place.close()
        else:
            response.stream = _Stream(response.stream, place)
        return response

    async def aclose(self) -> None:
        """Close the transport, and leave the users' allowances."""
        allowances, self._allowances = self._allowances, {}
        for (loop, _), allowance in allowances.items():
            if loop is asyncio.get_running_loop():
                await allowance.aclose()
        await self._transport.aclose()


class _Stream(httpx.AsyncByteStream):
    """A body whose connection is free again when it is closed."""

    def __init__(self, stream: Any, place: Place) -> None:
        self._stream = stream
        self._place = place

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._place.close()


def _leave(place: Place, request: httpx.Request, *, connected: bool) -> None:
    if not place.sent(connected=connected):
        raise httpx.ConnectError(
            "the place in the limiter ran out before the request left", request=request
        )


def _user(request: httpx.Request) -> str:
    """Whom a request's credentials name, at its server."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    name = token
    if kind.lower() == "basic":
        with suppress(ValueError):
            name = b64decode(token).decode().partition(":")[0]
    return user_of(name, str(request.url))
