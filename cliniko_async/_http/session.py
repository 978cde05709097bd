"""A session: one HTTP client, one share in the allowance, and the tasks that go with them."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio

from cliniko_async._http.account import Secret
from cliniko_async._http.answers import Response
from cliniko_async._http.callbacks import Observers
from cliniko_async._http.traffic import TrafficCounter
from cliniko_async._models.unknown_members import UnknownMembers
from cliniko_async.errors import SessionClosedError
from cliniko_async.limits.reset import date_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from cliniko_async._http.account import Credentials
    from cliniko_async._http.answers import Failure
    from cliniko_async._http.file_host import FileHost
    from cliniko_async._http.request import Request
    from cliniko_async._http.traffic import RequestEvent, Traffic, Wait
    from cliniko_async._http.wire import Wire
    from cliniko_async.limits import Allowance, Place, RateLimit

__all__ = ["Session"]

T = TypeVar("T")

GRACE: Final = 0.05
"""Seconds in which tasks end whose calls were ended by closing the session."""

NOT_OPEN: Final = (
    "this session is not open: use it inside 'async with AsyncCliniko(...) as cliniko'"
)

NO_LOOP: Final = (
    "cliniko_async runs on asyncio, and no asyncio event loop runs here: asyncio.run(main()), or "
    "anyio.run(main, backend='asyncio'), not trio"
)


class _Ways:
    """What an open session sends with, in the event loop that it was opened in."""

    def __init__(self, wire: Wire, allowance: Allowance) -> None:
        self.wire: Wire = wire
        self.allowance: Allowance = allowance
        self.loop: asyncio.AbstractEventLoop = _running_loop()
        self.process: int = os.getpid()


class Session:
    """What all views of a session share.

    Attributes:
        rate: What the user is allowed.
        traffic: What was sent so far.
        observers: Everything that observes it.
        gatherings: Gets that wait together, by path.
        unknown_members: Members of answers that no model knows.
    """

    def __init__(
        self,
        account: Credentials,
        rate: RateLimit,
        on_wait: Callable[[Wait], object] | None = None,
        on_request: Callable[[RequestEvent], object] | None = None,
    ) -> None:
        self.account: Credentials = account
        self.rate: RateLimit = rate
        self.gatherings: dict[str, Any] = {}
        self.unknown_members: UnknownMembers = UnknownMembers()
        self._counter = TrafficCounter(rate.per)
        self.traffic: Traffic = self._counter.traffic
        self.observers: Observers = Observers(on_wait, on_request)
        self._date = ""
        self._dated = 0.0
        self._ways: _Ways | None = None
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def open(self, wire: Callable[[], Wire], allowance: Callable[[], Allowance]) -> None:
        """Open it in the running event loop.

        Args:
            wire: Makes the HTTP client.
            allowance: Takes the share in the user's allowance.

        Raises:
            SessionClosedError: It was opened before.
        """
        if self._ways is not None:
            raise SessionClosedError(
                "this session was opened before: make a new AsyncCliniko for each 'async with'"
            )
        _running_loop()
        self._ways = _Ways(wire(), allowance())

    @property
    def allowance(self) -> Allowance:
        """The share in the user's allowance."""
        return self._opened().allowance

    @property
    def file_host(self) -> FileHost:
        """The way to the hosts where files lie."""
        return self._opened().wire.file_host

    def check_open(self) -> None:
        """Check that it can be used here and now.

        Raises:
            SessionClosedError: The session is not open yet, closed, or another event loop's.
        """
        self._opened()

    def _opened(self) -> _Ways:
        """What to send with, here and now.

        Raises:
            SessionClosedError: The session is not open yet, closed, or another event loop's.
        """
        if self._ways is None:
            raise SessionClosedError(NOT_OPEN)
        if self.is_closed:
            raise SessionClosedError("this session is closed: open a new AsyncCliniko")
        if os.getpid() != self._ways.process:
            raise SessionClosedError(
                "this session was opened in the process from which this one was forked: open an "
                "AsyncCliniko in each process"
            )
        if _running_loop() is not self._ways.loop:
            raise SessionClosedError(
                "this session was opened in another event loop: open one AsyncCliniko per loop; "
                "they share the user's rate limit by themselves"
            )
        return self._ways

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task that ends with the session at the latest."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen: a page that nobody came to fetch is nobody's error

    @property
    def is_closed(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closed.is_set()

    async def sleep(self, seconds: float) -> None:
        """Wait, but only as long as the session is open."""
        with anyio.move_on_after(seconds):
            await self._closed.wait()

    async def aclose(self) -> None:
        """End all calls and tasks, and close connections and the share. It may be called twice.

        Calls that wait, are in flight or wait for their next try end with an error of their own.
        """
        if self.is_closed:
            return
        ways = self._ways
        if ways:
            self._closed.set()
            await ways.wire.interrupt()
            await ways.allowance.aclose()
        await self._end_tasks()
        if ways:
            await ways.wire.aclose()

    async def _end_tasks(self) -> None:
        """Let tasks end with their calls, whose errors may be awaited, and cancel the others."""
        tasks = self._tasks - {asyncio.current_task()}
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=GRACE if self.is_closed else 0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def exchange(
        self, request: Request[T], url: Secret, place: Place, *, deadline: float
    ) -> Response | Failure:
        """Send a request once, on a place already taken."""
        ways = self._ways
        assert ways is not None  # noqa: S101 - a call has asked
        reply = await ways.wire.exchange(
            request, url, place, deadline=deadline, on_sent=self._count
        )
        if isinstance(reply, Response) and "date" in reply.headers:
            self._date, self._dated = reply.headers["date"], ways.loop.time()
        return reply

    @property
    def server_time(self) -> datetime | None:
        """The `Date` of the latest answer that had one: the server's clock."""
        return date_of({"date": self._date})

    def server_now(self) -> datetime | None:
        """What the server's clock shows now; None if no answer has told it yet."""
        heard, ways = self.server_time, self._opened()
        return heard and heard + timedelta(seconds=ways.loop.time() - self._dated)

    def note_wait(self, wait: Wait) -> None:
        """Count a wait for the rate limit, and report it. It never raises."""
        self.traffic.waits += 1
        self.traffic.waited += wait.seconds
        self.observers.waited(wait)

    def _count(self) -> None:
        self._counter.count(asyncio.get_running_loop().time())

    def url(self, request: Request[Any]) -> Secret:
        """Where a request goes: always the API's own origin."""
        query = f"?{request.query}" if request.query else ""
        return Secret(self.account.base_url + request.path + query)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise SessionClosedError(NO_LOOP) from None
