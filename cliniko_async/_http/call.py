"""One request's way: take a place in the limiter, send, try again, and read or raise.

Errors are raised in one place, in a frame that holds neither an answer nor a value.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import anyio
import attrs
import msgspec

from cliniko_async._http.answers import Answer, api_error, date_of
from cliniko_async._http.retries import Patience, Repeat
from cliniko_async._http.traffic import Traffic, Wait
from cliniko_async._http.wire import Failure, Wire
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    ClinikoError,
    DecodeError,
    OutcomeUnknownError,
    RateLimitError,
    ReadOnlyError,
    SessionClosedError,
    TransportError,
    TransportTimeoutError,
)
from cliniko_async.limits import PlaceTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async._http.account import Account
    from cliniko_async._http.file_host import Elsewhere
    from cliniko_async._http.request import Options, Request
    from cliniko_async.limits import Allowance, Place, RateLimit

__all__ = ["Transport"]

T = TypeVar("T")

MAX_REDIRECTS: Final = 3

NOT_FOUND: Final = 404
TOO_MANY_REQUESTS: Final = 429
REDIRECTS: Final = frozenset({301, 302, 307, 308})
FAILED: Final = frozenset({500, 502, 503, 504})
"""Statuses with which the server says that it failed, and may not the next time."""


@attrs.frozen(repr=False)
class _Done(Generic[T]):
    value: T


class Transport:
    """A session's way to the API: one HTTP client, one share in the user's allowance."""

    def __init__(
        self,
        account: Account,
        *,
        wire: Wire,
        allowance: Allowance,
        rate: RateLimit,
        on_wait: Callable[[Wait], object] | None = None,
    ) -> None:
        self.account: Account = account
        self.allowance: Allowance = allowance
        self.traffic: Traffic = Traffic(rate.per)
        self.server_time: datetime | None = None
        """The `Date` of the latest answer: the server's clock, for what is compared with it."""
        self.elsewhere: Elsewhere = wire.elsewhere
        self._wire = wire
        self._on_wait = on_wait
        self._loop = asyncio.get_running_loop()
        self._closed = False

    def check_open(self) -> None:
        """See that this session may be used here and now.

        Raises:
            SessionClosedError: It is closed, or belongs to another event loop.
        """
        if self._closed:
            raise SessionClosedError("this session is closed: open a new AsyncCliniko")
        if asyncio.get_running_loop() is not self._loop:
            raise SessionClosedError(
                "this session was opened in another event loop: open one AsyncCliniko per loop; "
                "they share the user's rate limit by themselves"
            )

    async def aclose(self) -> None:
        """Close all connections; whoever waits for a place gets `SessionClosedError`."""
        self._closed = True
        await self.allowance.aclose()
        await self._wire.aclose()

    async def call(self, request: Request[T], options: Options) -> T:
        """Send a request, again if need be, and read its answer.

        Raises:
            ApiError: The API answered with an error status.
            TransportError: No usable answer came.
            OutcomeUnknownError: A write may or may not have happened.
            AnswerUnreadableError: A write was done, but its answer is not readable.
            DecodeError: The answer does not fit the model.
            ReadOnlyError: A write on a read-only session.
        """
        self.check_open()
        if options.read_only and request.repeat.writes:
            raise ReadOnlyError(
                f"{request.method} {request.template} writes, and this session was opened with "
                "read_only=True"
            )
        outcome = await _Call(self, request, options).outcome()
        if isinstance(outcome, ClinikoError):
            raise outcome
        return outcome

    async def exchange(
        self, request: Request[T], url: str, place: Place, *, deadline: float
    ) -> Answer | Failure:
        """Send a request once, on a place already taken."""
        reply = await self._wire.exchange(
            request, url, place, deadline=deadline, on_sent=self._note_sent
        )
        if isinstance(reply, Answer):
            self.server_time = date_of(reply.headers) or self.server_time
        return reply

    def _note_sent(self) -> None:
        self.traffic.count(self._loop.time())

    def note_wait(self, wait: Wait) -> None:
        """Count a wait for the rate limit, and tell who wants to know."""
        self.traffic.waits += 1
        self.traffic.waited += wait.seconds
        if self._on_wait:
            self._on_wait(wait)

    def url(self, request: Request[Any]) -> str:
        """Where a request goes: always the API's own origin."""
        return self.account.base_url + request.path + (f"?{request.query}" if request.query else "")


class _Call(Generic[T]):
    """A request until it is answered or given up."""

    def __init__(self, transport: Transport, request: Request[T], options: Options) -> None:
        self._transport = transport
        self._request = request
        self._options = options
        self._patience = Patience(options.lane, options.retries)
        self._clock = asyncio.get_running_loop().time
        self._waited = 0.0
        self._took = 0.0
        self._again = False
        self._redirects = 0
        self._url = transport.url(request)
        self._processed = False  # whether an earlier try may have done what was asked

    async def outcome(self) -> T | ClinikoError:
        """The answer's value, or the error to raise where no frame holds an answer."""
        while True:
            reply = await self._try_once()
            verdict = self._judge(reply) if isinstance(reply, Answer) else reply
            if isinstance(verdict, ClinikoError):
                return verdict
            if isinstance(verdict, _Done):
                return verdict.value
            if verdict:
                delay = self._delay(verdict)
                if delay is None:
                    return self._given_up(verdict)
                self._processed = self._processed or verdict.processed
                self._transport.traffic.retried += 1
                await anyio.sleep(delay)
            self._again = True

    async def _try_once(self) -> Answer | Failure | ClinikoError:
        if self._options.budget:
            self._options.budget.spend()
        place = await self._place()
        if isinstance(place, RateLimitError):
            return place
        started = self._clock()
        try:
            return await self._transport.exchange(
                self._request, self._url, place, deadline=self._options.timeout
            )
        finally:
            place.close()
            self._took = self._clock() - started

    async def _place(self) -> Place | RateLimitError:
        max_wait = self._options.max_wait
        asked = self._clock()
        try:
            return await self._transport.allowance.acquire(
                lane=self._options.lane,
                max_wait=None if max_wait is None else max(max_wait - self._waited, 0),
                again=self._again,
            )
        except PlaceTimeoutError as error:
            next_place = error.next_place
        finally:
            waited = self._clock() - asked
            self._waited += waited
            if waited:
                self._transport.note_wait(Wait(self._options.lane, waited))
        return self._over_the_limit(next_place)

    def _over_the_limit(self, next_place: float | None) -> RateLimitError:
        request = self._request
        error = RateLimitError(
            f"{request.method} {request.template} was not sent: the rate limit has no place "
            f"within max_wait={self._options.max_wait:g} s",
            status=TOO_MANY_REQUESTS,
            method=request.method,
            path=request.template,
        )
        if next_place is not None:
            error.reset_at = datetime.now(UTC) + timedelta(seconds=next_place)
        return error

    def _judge(self, answer: Answer) -> _Done[T] | Failure | ClinikoError | None:
        """What an answer means; None if the request goes out again at once."""
        status = answer.status
        if 200 <= status < 300:  # noqa: PLR2004 - the 2xx
            return self._value(answer)
        if status == TOO_MANY_REQUESTS:
            self._transport.traffic.refused += 1
            return None
        if status in REDIRECTS:
            return self._redirected(answer)
        if status in FAILED:
            return Failure(f"status {status}", answer=answer)
        if status == NOT_FOUND and self._processed and self._request.repeat is Repeat.GONE:
            return _Done(cast("T", None))  # what its empty answer would have been read as
        return self._api_error(answer)

    def _value(self, answer: Answer) -> _Done[T] | Failure | ClinikoError:
        try:
            value = self._request.parse(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Failure("the answer is not JSON", status=answer.status)
        if isinstance(value, DecodeError):
            return self._unreadable(value) if self._request.repeat.writes else value
        return _Done(value)

    def _redirected(self, answer: Answer) -> _Done[T] | ApiError | None:
        """Follow to the API's own origin, which alone is sent credentials."""
        target = _joined(self._url, answer.headers.get("location", ""))
        same = urlsplit(target)[:2] == urlsplit(self._transport.account.base_url)[:2]
        if self._request.locates and not same:
            return _Done(cast("T", target))
        if self._request.repeat.writes or not same or self._redirects == MAX_REDIRECTS:
            return self._api_error(answer)
        self._redirects += 1
        self._url = target
        return None

    def _delay(self, failure: Failure) -> float | None:
        """Seconds until the next try, or None if there is none."""
        repeat = self._request.repeat
        if failure.hopeless or (repeat is Repeat.NEVER and failure.processed):
            return None
        if repeat.writes and 200 <= failure.status < 300:  # noqa: PLR2004 - the 2xx
            return None
        return self._patience.next_delay(self._took)

    def _given_up(self, failure: Failure) -> ClinikoError:
        request = self._request
        if request.repeat.writes and 200 <= failure.status < 300:  # noqa: PLR2004 - the 2xx
            return self._unreadable(None)
        if failure.answer and request.repeat is not Repeat.NEVER:
            return self._api_error(failure.answer)
        name = f"{request.method} {request.template}"
        if request.repeat.writes and (failure.processed or self._processed):
            return OutcomeUnknownError(
                f"{name} may or may not have happened ({failure.what}): look before you send it "
                "again",
                method=request.method,
                path=request.template,
            )
        kind = TransportTimeoutError if failure.timed_out else TransportError
        return kind(
            f"{name} failed after {self._patience.tries} tries: {failure.what}",
            method=request.method,
            path=request.template,
        )

    def _api_error(self, answer: Answer) -> ApiError:
        return api_error(
            answer,
            method=self._request.method,
            path=self._request.template,
            shard=self._transport.account.shard,
        )

    def _unreadable(self, problem: DecodeError | None) -> AnswerUnreadableError:
        request = self._request
        return AnswerUnreadableError(
            f"{request.method} {request.template} was done, but its answer is not readable"
            + (f": {problem}" if problem else "")
            + ". Do not send it again: fetch the record",
            resource=problem.resource if problem else request.template,
            id=problem.id if problem else None,
            problems=problem.problems if problem else (),
        )


def _joined(url: str, location: str) -> str:
    """Where a redirect leads; nowhere if its location is malformed."""
    try:
        return urljoin(url, location)
    except ValueError:
        return ""
