"""A view of a session: the session's transport and tasks, with options of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from cliniko_async.errors import SessionClosedError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from cliniko_async._http.request import Options, Request
    from cliniko_async._http.call import Transport

__all__ = ["Core", "View"]

T = TypeVar("T")

NOT_OPEN: Final = (
    "this session is not open: use it inside 'async with AsyncCliniko(...) as cliniko'"
)


class Core:
    """What all views of a session share: the transport once it is open, and its tasks."""

    def __init__(self) -> None:
        self.transport: Transport | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def opened(self) -> Transport:
        """The transport, if it may be used here and now.

        Raises:
            SessionClosedError: The session is not open yet, closed, or another event loop's.
        """
        if self.transport is None:
            raise SessionClosedError(NOT_OPEN)
        self.transport.check_open()
        return self.transport

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

    async def aclose(self) -> None:
        """Cancel all tasks and close the transport."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.transport:
            await self.transport.aclose()


class View:
    """A session with the options of one of its views."""

    __slots__ = ("core", "options")

    def __init__(self, core: Core, options: Options) -> None:
        self.core: Core = core
        self.options: Options = options

    def bulk(self) -> View:
        """The same view in the bulk lane, for what is a job whoever asks for it."""
        return View(self.core, attrs.evolve(self.options, lane="bulk"))

    async def call(self, request: Request[T]) -> T:
        """Send a request and read its answer."""
        return await self.core.opened().call(request, self.options)

    def start(self, request: Request[T]) -> asyncio.Task[T]:
        """Send a request in a task of the session's."""
        return self.core.spawn(self.call(request))

    def __repr__(self) -> str:
        return "<View>"
