"""The life of one request: take a place in the limiter, send, try again, and read or raise.

Errors are raised in one place, in a frame that holds neither an answer nor a value.
"""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import attrs
import msgspec

from cliniko_async._http.account import Secret
from cliniko_async._http.answers import Failure, Response, api_error
from cliniko_async._http.retries import Patience, Repeat
from cliniko_async._http.traffic import RequestEvent, Wait
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    ClinikoError,
    DecodeError,
    OutcomeUnknownError,
    RateLimitError,
    SessionClosedError,
    TransportError,
    TransportTimeoutError,
)
from cliniko_async.limits.allowance import PlaceTimeoutError
from cliniko_async.limits.reset import TOO_MANY_REQUESTS, seconds_until_retry

if TYPE_CHECKING:
    from cliniko_async._http.request import Options, Request
    from cliniko_async._http.session import Session
    from cliniko_async.limits import Place

__all__ = ["Call"]

T = TypeVar("T")

MAX_REDIRECTS: Final = 3

_HOST: Final = re.compile(r"[a-z0-9.-]{1,253}")

SHORTEST_WAIT: Final = 0.01
"""Seconds from which on a call has waited for the rate limit: to ask takes shorter, also Redis."""

NOT_FOUND: Final = 404
REDIRECTS: Final = frozenset({301, 302, 307, 308})
FAILED: Final = frozenset({500, 502, 503, 504})
"""Statuses with which the server says that it failed, and may not the next time."""


@attrs.frozen(repr=False)
class _Done(Generic[T]):
    value: T


class Call(Generic[T]):
    """A request until it is answered or given up."""

    def __init__(self, session: Session, request: Request[T], options: Options) -> None:
        self._session = session
        self._request = request
        self._options = options
        self._patience = Patience(options.lane, options.retries)
        self._clock = asyncio.get_running_loop().time
        self._waited = 0.0
        self._took = 0.0
        self._attempts = 0
        self._redirects = 0
        self._url = Secret("") if request.is_open else session.url(request)
        self._processed = False  # whether an earlier try may have done what was asked

    async def outcome(self) -> T | ClinikoError:
        """The answer's value, or the error to raise where no frame holds an answer."""
        while True:
            reply = await self._try_once()
            verdict = self._judge(reply) if isinstance(reply, Response) else reply
            if isinstance(verdict, ClinikoError):
                return verdict
            if isinstance(verdict, _Done):
                return verdict.value
            if verdict:
                delay = None if self._session.is_closed else self._delay(verdict)
                if delay is None:
                    return self._given_up(verdict)
                self._processed = self._processed or verdict.processed
                self._session.traffic.retried += 1
                await self._session.sleep(delay)

    async def _try_once(self) -> Response | Failure | ClinikoError:
        if not self._request.is_open:
            self._spend()
        asked = self._clock()
        place = await self._place()
        waited = self._clock() - asked
        self._waited += waited
        if isinstance(place, ClinikoError):
            self._note_wait(waited)
            return place
        try:
            self._note_wait(waited)
            if self._request.is_open:
                self._settle(place)
            return await self._exchange(place, waited)
        finally:
            place.close()

    async def _exchange(self, place: Place, waited: float) -> Response | Failure:
        started = self._clock()
        self._attempts += 1
        reply: Response | Failure | None = None
        try:
            reply = await self._session.exchange(
                self._request, self._url, place, deadline=self._options.timeout
            )
            return reply
        finally:
            self._took = self._clock() - started
            if isinstance(reply, Response):
                reply.took = self._took
            if self._session.observers.watch_requests:
                self._session.observers.requested(self._event(reply, waited))

    def _spend(self) -> None:
        if self._options.budget:
            self._options.budget.spend()

    def _settle(self, place: Place) -> None:
        """Decide what is sent, now that there is a place for it."""
        try:
            self._spend()
            self._request = self._request.settled()
            self._url = self._session.url(self._request)
        except BaseException:
            place.unsent()
            raise

    def _note_wait(self, waited: float) -> None:
        if waited >= SHORTEST_WAIT:
            self._session.note_wait(Wait(self._options.lane, waited))

    async def _place(self) -> Place | ClinikoError:
        max_wait = self._options.max_wait
        try:
            return await self._session.allowance.acquire(
                lane=self._options.lane,
                max_wait=None if max_wait is None else max(max_wait - self._waited, 0),
                again=self._attempts > 0,
            )
        except PlaceTimeoutError as error:
            next_place = error.next_place
        except SessionClosedError as error:
            return self._closed(str(error))
        return self._over_the_limit(next_place)

    def _event(self, reply: Response | Failure | None, waited: float) -> RequestEvent:
        """What there is to tell of an attempt that has ended."""
        answer = reply.answer if isinstance(reply, Failure) else reply
        return RequestEvent(
            method=self._request.method,
            template=self._request.template,
            status=(reply.status or None) if reply else None,
            request_id=answer.headers.get("x-request-id") if answer else None,
            attempt=self._attempts,
            waited=waited,
            took=self._took,
            bytes=len(answer.body) if answer else 0,
            lane=self._options.lane,
        )

    def _over_the_limit(self, next_place: float | None) -> RateLimitError:
        request = self._request
        error = RateLimitError(
            f"{request.method} {request.template} was not sent: the rate limit has no place "
            f"within max_wait={self._options.max_wait:g} s",
            status=None,
            method=request.method,
            path=request.template,
        )
        if next_place is not None:
            error.reset_at = datetime.now(UTC) + timedelta(seconds=next_place)
        return error

    def _judge(self, answer: Response) -> _Done[T] | Failure | ClinikoError | None:
        """What an answer means; None if the request goes out again at once."""
        status = answer.status
        if answer.is_success or (answer.is_refusal and self._request.takes_refusals):
            return self._value(answer)
        if status == TOO_MANY_REQUESTS:
            self._session.traffic.refused += 1
            return None
        if status in REDIRECTS:
            return self._redirected(answer)
        if status in FAILED:
            return Failure(f"status {status}", status=status, answer=answer)
        if status == NOT_FOUND and self._processed and self._request.repeat is Repeat.GONE:
            return _Done(cast("T", None))  # what its empty answer would have been read as
        return self._api_error(answer)

    def _value(self, answer: Response) -> _Done[T] | Failure | ClinikoError:
        try:
            value = self._request.read(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Failure("the answer is not JSON", status=answer.status)
        if isinstance(value, DecodeError):
            return self._unreadable(value) if self._request.repeat.writes else value
        return _Done(value)

    def _redirected(self, answer: Response) -> _Done[T] | ApiError | None:
        """Follow to the API's own origin, which alone is sent credentials."""
        target = _joined(self._url.reveal(), answer.headers.get("location", "").strip())
        same = urlsplit(target)[:2] == urlsplit(self._session.account.base_url)[:2]
        if self._request.locates and not same:
            return _Done(cast("T", target))
        follows = same and not self._request.repeat.writes
        if not follows or self._redirects == MAX_REDIRECTS:
            return self._api_error(answer, None if same else _host(target))
        self._redirects += 1
        self._url = Secret(target)
        return None

    def _delay(self, failure: Failure) -> float | None:
        """Seconds until the next try, or None if there is none."""
        repeat = self._request.repeat
        if failure.hopeless or (repeat is Repeat.NEVER and failure.processed):
            return None
        if repeat.writes and failure.was_done:
            return None
        answer = failure.answer
        asked = seconds_until_retry(answer.headers, now=time.time()) if answer else 0.0
        return self._patience.next_delay(self._took, asked)

    def _closed(self, why: str) -> ClinikoError:
        """The session was closed before the call was done."""
        request = self._request
        if not (request.repeat.writes and self._processed):
            return SessionClosedError(why)
        return self._unknown(why)

    def _unknown(self, why: str) -> OutcomeUnknownError:
        request = self._request
        return OutcomeUnknownError(
            f"{request.method} {request.template} may or may not have happened ({why}): look "
            "before you send it again",
            method=request.method,
            path=request.template,
        )

    def _given_up(self, failure: Failure) -> ClinikoError:
        request = self._request
        if request.repeat.writes and failure.was_done:
            return self._unreadable(None)
        if failure.answer and request.repeat is not Repeat.NEVER:
            return self._api_error(failure.answer)
        name = f"{request.method} {request.template}"
        if request.repeat.writes and (failure.processed or self._processed):
            return self._unknown(failure.what)
        if self._session.is_closed:
            return SessionClosedError("the session was closed while this call was under way")
        kind = TransportTimeoutError if failure.timed_out else TransportError
        tries = self._patience.tries
        return kind(
            f"{name} failed{f' after {tries} tries' if tries > 1 else ''}: {failure.what}",
            method=request.method,
            path=request.template,
        )

    def _api_error(self, answer: Response, moved_to: str | None = None) -> ApiError:
        return api_error(
            answer,
            method=self._request.method,
            path=self._request.template,
            shard=self._session.account.shard,
            moved_to=moved_to,
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
    """Where a redirect leads; nowhere if its location is missing or malformed."""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def _host(url: str) -> str | None:
    """The host that a URL names; None if there is none that could be shown."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    return host if _HOST.fullmatch(host) else None
