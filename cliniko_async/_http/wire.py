"""One request on the wire: with `file_host`, the only module that knows the HTTP library.

Nothing beneath it follows redirects, adds credentials or retries, so that every request that
leaves has a place in the limiter. No error of the HTTP library gets out: they carry the request,
and with it the key and what was asked for.
"""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx

from cliniko_async._http import quiet_logs
from cliniko_async._http.answers import Answer, Failure, seconds_until_reset
from cliniko_async._http.file_host import CLOSE_SECONDS, CONNECT_SECONDS, FileHost, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async._http.account import Account
    from cliniko_async._http.request import Request
    from cliniko_async.limits import Place

__all__ = ["Wire"]

KEEP_ALIVE_SECONDS: Final = 4.0
"""Seconds that an idle connection is kept: shorter than servers do, so that none is lost in use."""

TOO_MANY_REQUESTS: Final = 429

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an answer's body, unpacked, above which it is not read on."""


class Wire:
    """A session's HTTP client."""

    def __init__(
        self,
        account: Account,
        *,
        user_agent: str,
        connections: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        quiet_logs.install()
        self._account = account
        self._traced = transport is None
        self._client = httpx.AsyncClient(
            transport=transport,
            headers={"Accept": "application/json", "User-Agent": user_agent},
            # An attempt has one deadline as a whole, and the limiter bounds what is in flight, so
            # that nothing ever waits in the pool while it holds a place.
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=connections,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
            ),
            follow_redirects=False,
        )
        self.file_host: FileHost = FileHost(self._client)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def exchange(
        self,
        request: Request[Any],
        url: str,
        place: Place,
        *,
        deadline: float,
        on_sent: Callable[[], None],
    ) -> Answer | Failure:
        """Send a request once, on a place already taken, and read its answer.

        Args:
            request: What to send.
            url: Where to.
            place: Is told what becomes of the request.
            deadline: Seconds for all of it, from making a connection to the body's last byte.
            on_sent: Is called when the connection stands and the request leaves.
        """
        attempt = _Attempt(self._client, place, on_sent, traced=self._traced)
        headers = {"Authorization": self._account.authorization.reveal()}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            sent = self._client.build_request(
                request.method,
                url,
                headers=headers,
                content=request.body,
                extensions={"trace": attempt.trace},
            )
        except httpx.InvalidURL:  # of a redirect
            place.unsent()
            return Failure("the URL is malformed", processed=False, hopeless=True)
        with anyio.move_on_after(deadline), quiet_logs.sending():
            return await attempt.run(sent)
        return Failure(
            f"no answer within {deadline:g} s", processed=attempt.is_sent, timed_out=True
        )


class _Attempt:
    """One request on the wire. Knows whether it may have reached the server."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        place: Place,
        on_sent: Callable[[], None],
        *,
        traced: bool,
    ) -> None:
        self._client = client
        self._place = place
        self._on_sent = on_sent
        self._traced = traced
        self.is_sent = False

    async def trace(self, event: str, _info: Any) -> None:
        """Stamp the moment at which the connection stands and the request begins to leave."""
        if event.endswith("send_request_headers.started"):
            self._mark_sent()

    def _mark_sent(self) -> None:
        if not self._place.sent():
            raise httpx.ConnectError("the place in the limiter ran out before the request left")
        self.is_sent = True
        self._on_sent()

    async def run(self, request: httpx.Request) -> Answer | Failure:
        """Send it and read the answer to its end."""
        try:
            if not self._traced:
                self._mark_sent()
            response = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            self._place.unsent()
            return Failure(_why_not_connected(error), processed=False)
        except httpx.HTTPError as error:
            return Failure(words(error), processed=self.is_sent)
        if response.status_code == TOO_MANY_REQUESTS:
            self._place.refused(seconds_until_reset(response.headers, now=time.time()))
        else:
            self._place.answered()
        return await _read(response)


async def _read(response: httpx.Response) -> Answer | Failure:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                status = response.status_code
                return Failure("the answer is too large", status=status, hopeless=True)
            chunks.append(chunk)
    except httpx.HTTPError as error:
        return Failure(f"the answer broke off ({words(error)})", status=response.status_code)
    finally:
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            await response.aclose()
    if _is_cut(response, size):
        return Failure("the answer broke off", status=response.status_code)
    return Answer(response.status_code, response.headers, b"".join(chunks))


def _is_cut(response: httpx.Response, size: int) -> bool:
    # A transport of the caller's may hand over less than was announced without an error.
    announced = response.headers.get("content-length", "")
    plain = "content-encoding" not in response.headers
    return plain and announced.isdecimal() and size < int(announced)


def _why_not_connected(error: httpx.HTTPError) -> str:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "no connection: the server's TLS certificate was not accepted"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "no connection: the host name was not found"
    return "no connection could be made"
