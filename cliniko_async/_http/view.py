"""A session with options of its own: what resources and listings send through."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from cliniko_async._http.call import Call
from cliniko_async.errors import ClinikoError, ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from cliniko_async._http.request import Options, Request
    from cliniko_async._http.session import Session

__all__ = ["View"]

T = TypeVar("T")


class View:
    """A session with the options of one of its views."""

    __slots__ = ("options", "session")

    def __init__(self, session: Session, options: Options) -> None:
        self.session: Session = session
        self.options: Options = options

    def bulk(self) -> View:
        """The same view in the bulk lane, for what is always a job."""
        return View(self.session, attrs.evolve(self.options, lane="bulk"))

    async def call(self, request: Request[T]) -> T:
        """Send a request, again if need be, and read its answer.

        Raises:
            ApiError: The API answered with an error status.
            TransportError: No usable answer came.
            OutcomeUnknownError: A write may or may not have happened.
            AnswerUnreadableError: A write was done, but its answer cannot be read.
            DecodeError: The answer does not fit the model.
            ReadOnlyError: A write on a read-only session.
            SessionClosedError: The session is not open here and now.
        """
        self.session.check_open()
        if self.options.read_only and request.repeat.writes:
            raise ReadOnlyError(
                f"{request.method} {request.template} writes, and this session was opened with "
                "read_only=True"
            )
        outcome = await self._outcome(request)
        if isinstance(outcome, ClinikoError):
            raise outcome
        return outcome

    async def _outcome(self, request: Request[T]) -> T | ClinikoError:
        call = Call(self.session, request, self.options)
        around = self.session.observers.around
        if around is None:
            return await call.outcome()
        with around(request.method, request.template, self.options.lane) as ended:
            outcome = await call.outcome()
            ended(outcome)
            return outcome

    def start(self, request: Request[T]) -> asyncio.Task[T]:
        """Send a request in a task of the session's."""
        return self.session.spawn(self.call(request))

    async def together(self, works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
        """Do several things at once, and return their results in order.

        At the first error, whichever it is, the others are cancelled and have ended when it is
        raised.
        """
        tasks = [self.session.spawn(work) for work in works]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def __repr__(self) -> str:
        return "<View>"
