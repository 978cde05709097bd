"""One request on the wire. Only this, `file_host` and `transports` know the HTTP library.

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

from cliniko_async._http import silence
from cliniko_async._http.account import SHARD_HOST
from cliniko_async._http.answers import Failure, Response
from cliniko_async._http.file_host import CONNECT_SECONDS, FileHost
from cliniko_async._http.frames import without_frames
from cliniko_async._http.sent_request import CLOSE_SECONDS, SentRequest, give_back, pieces_of, words
from cliniko_async._http.transports import Transports
from cliniko_async._http.unpack import ACCEPTED, UnpackError
from cliniko_async.limits.reset import TOO_MANY_REQUESTS, seconds_until_reset

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cliniko_async._http.account import Credentials, Secret
    from cliniko_async._http.request import Request
    from cliniko_async._http.transports import Way
    from cliniko_async.limits import Place

__all__ = ["Wire"]

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""Bytes of an answer's body, unpacked, above which it is not read on."""

PROXY_REFUSED: Final = 407

# An attempt has one deadline as a whole.
_TIMEOUTS: Final = httpx.Timeout(None, connect=CONNECT_SECONDS).as_dict()


class Wire:
    """A session's way to the API and to file hosts.

    Args:
        account: Whose key is sent.
        user_agent: The application's name and address.
        connections: How many idle connections are kept.
        transport: The caller's own, if there is one.
    """

    def __init__(
        self,
        account: Credentials,
        *,
        user_agent: str,
        connections: int,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        silence.install()
        self._transports = Transports(connections=connections, given=transport)
        self._headers: list[tuple[str, str]] = [
            ("Accept", "application/json"),
            ("Accept-Encoding", ACCEPTED),
            ("User-Agent", user_agent),
        ]
        self._account = account
        self.file_host: FileHost = FileHost(self._transports, user_agent)
        self._under_way: set[anyio.CancelScope] = set()
        self._interrupted: anyio.Event | None = None

    async def interrupt(self) -> None:
        """End the requests in flight, and send no more."""
        self._interrupted = anyio.Event()
        for scope in self._under_way:
            scope.cancel()
        if self._under_way:
            with anyio.move_on_after(CLOSE_SECONDS):
                await self._interrupted.wait()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transports.aclose()

    def exchange(
        self,
        request: Request[Any],
        url: Secret,
        place: Place,
        *,
        deadline: float,
        on_sent: Callable[[], None],
    ) -> Coroutine[Any, Any, Response | Failure]:
        """Send a request once, on a place already taken, and read its answer.

        Args:
            request: What to send.
            url: Where to.
            place: Learns what becomes of the request.
            deadline: Seconds for all of it, from making a connection to the body's last byte.
            on_sent: Called when the connection stands and the request leaves.
        """
        return without_frames(self._exchange(request, url, _Attempt(place, on_sent), deadline))

    async def _exchange(
        self, request: Request[Any], url: Secret, attempt: _Attempt, deadline: float
    ) -> Response | Failure:
        try:
            sent = self._built(request, url, attempt)
        except (httpx.InvalidURL, UnicodeError):  # of a redirect
            attempt.never_left()
            return Failure("the URL is malformed", processed=False, hopeless=True)
        with anyio.move_on_after(deadline) as scope, silence.Sending():
            self._under_way.add(scope)
            try:
                if self._interrupted is None:
                    return await attempt.run(sent, self._transports.way_to(sent.url))
            finally:
                self._has_ended(scope)
        if self._interrupted:
            return Failure("the session was closed", processed=attempt.may_have_left)
        return Failure(
            f"no answer within {deadline:g} s", processed=attempt.may_have_left, timed_out=True
        )

    def _has_ended(self, scope: anyio.CancelScope) -> None:
        self._under_way.discard(scope)
        if self._interrupted and not self._under_way:
            self._interrupted.set()

    def _built(self, request: Request[Any], url: Secret, attempt: _Attempt) -> SentRequest:
        headers = [*self._headers, ("Authorization", self._account.authorization.reveal())]
        if request.body is not None:
            headers.append(("Content-Type", "application/json"))
        return SentRequest(
            request.method,
            url.reveal(),
            headers=headers,
            content=request.body,
            extensions={"trace": attempt.trace, "timeout": _TIMEOUTS},
        )


class _Attempt:
    """One request on the wire. Knows whether it may have reached the server."""

    def __init__(self, place: Place, on_sent: Callable[[], None]) -> None:
        self._place = place
        self._on_sent = on_sent
        self.may_have_left = False

    async def trace(self, event: str, info: Any) -> None:
        """Stamp the moment at which the connection stands and the request begins to leave."""
        if event.endswith("send_request_headers.started") and not _is_for_proxy(info):
            self._leaves(connected=True)

    def _leaves(self, *, connected: bool) -> None:
        """Note that the request leaves now, or, where the connection cannot be seen, will soon."""
        if not self._place.sent(connected=connected):
            raise httpx.ConnectError("the place in the limiter ran out before the request left")
        if not self.may_have_left:
            self.may_have_left = True
            self._on_sent()

    def never_left(self) -> None:
        """Give the place back at once."""
        self._place.unsent()

    async def run(self, request: SentRequest, way: Way) -> Response | Failure:
        """Send it and read the answer to its end."""
        try:
            if not way.reports:
                self._leaves(connected=False)
            response = await way.transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            self.never_left()
            return Failure(_why_not_connected(error, way, request.url.host), processed=False)
        except httpx.ProxyError as error:
            self.never_left()
            return _refused_by_proxy(error, way)
        except way.failures as error:
            return Failure(words(error), processed=self.may_have_left)
        if response.status_code == TOO_MANY_REQUESTS:
            self._place.refused(seconds_until_reset(response.headers, now=time.time()))
        else:
            self._place.answered()
        try:
            return await _read(response)
        finally:
            await give_back(response)


def _is_for_proxy(info: Any) -> bool:
    """Whether an event is of the request that asks a proxy for a tunnel."""
    return getattr(info.get("request"), "method", b"") == b"CONNECT"


async def _read(response: httpx.Response) -> Response | Failure:
    status = response.status_code
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in pieces_of(response):
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                return Failure("the answer is too large", status=status, hopeless=True)
            chunks.append(chunk)
    except UnpackError as error:
        return Failure(str(error), status=status, hopeless=error.hopeless)
    except Exception as error:  # noqa: BLE001 - a body that breaks off is a failure, whoever says it
        return Failure(f"the answer broke off ({words(error)})", status=status)
    if _is_cut(response, size):
        return Failure("the answer broke off", status=status)
    return Response(status, response.headers, b"".join(chunks))


def _is_cut(response: httpx.Response, size: int) -> bool:
    # A transport of the caller's may hand over less than was announced without an error.
    announced = response.headers.get("content-length", "")
    plain = "content-encoding" not in response.headers
    return plain and announced.isdecimal() and size < int(announced)


def _refused_by_proxy(error: httpx.ProxyError, way: Way) -> Failure:
    said = str(error)[:3]
    status = int(said) if said.isdecimal() else 0
    proxy = f"the proxy that {way.proxy} names" if way.proxy else "the proxy"
    if status == PROXY_REFUSED:
        what = f"{proxy} wants a user and a password (407): http://user:password@host:port"
        return Failure(what, processed=False, hopeless=True)
    answered = f" ({status})" if status else ""
    return Failure(f"{proxy} made no connection{answered}", processed=False)


def _why_not_connected(error: httpx.HTTPError, way: Way, host: str) -> str:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(cause)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "no connection: the server's TLS certificate was not accepted"
    by = f" (by the proxy that {way.proxy} names)" if way.proxy else ""
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"no connection: the host name was not found{by}: {host}{_of_shard(host)}"
    return f"no connection could be made{by}"


def _of_shard(host: str) -> str:
    found = SHARD_HOST.fullmatch(host)
    return f". Is {found[1]}, the end of the key, the account's shard?" if found else ""
