"""A list's batches, one when it is asked for: what can be cancelled at any moment and go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cliniko_async._lists.ahead import Ahead
from cliniko_async._lists.reader import Reader
from cliniko_async.errors import ClinikoError, SessionClosedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cliniko_async._http.view import View
    from cliniko_async._lists.list_request import Source
    from cliniko_async._lists.page import Batch

__all__ = ["Stream"]


class Stream:
    """Reads one list, batch by batch.

    Each step runs in a task of the session's: a caller that is cancelled while it waits has lost
    nothing, and finds the step under way, or done, when it asks again.
    """

    def __init__(self, view: View, source: Source, *, eager: bool, most: int | None = None) -> None:
        self._session = view.session
        self._ahead = Ahead(view)
        self._reader = Reader(self._ahead, source, eager=eager, most=most)
        self._batches = self._reader.read()
        self._step: asyncio.Task[Batch | None] | None = None
        self._failure: ClinikoError | None = None
        self._closed = False

    @property
    def total(self) -> int:
        """How many rows the first answer announced, or how many came so far if it did not."""
        return self._reader.total

    async def next(self) -> Batch | None:
        """The next rows, or None after the last ones.

        Raises:
            IncompleteListingError: Rows may be missing.
        """
        while not self._closed:
            if self._failure:
                # Asked again, the listing must not look as if it had ended well.
                raise self._failure
            if self._step is None:
                self._step = self._session.spawn(_step(self._batches))
            step = self._step
            await asyncio.wait({step})
            if self._step is step:  # nobody else who asked has taken it
                self._step = None
                return self._taken(step)
        return None

    def _taken(self, step: asyncio.Task[Batch | None]) -> Batch | None:
        if step.cancelled():
            if self._closed:
                return None
            self._failure = SessionClosedError(
                "the session was closed while this listing was being read"
            )
            raise self._failure
        error = step.exception()
        if isinstance(error, ClinikoError):
            self._failure = error
            self._ahead.cancel()
        return step.result()

    def discard(self) -> None:
        """Give up what is under way, and end."""
        self._closed = True
        if self._step:
            self._step.cancel()
        self._ahead.cancel()


async def _step(batches: AsyncGenerator[Batch]) -> Batch | None:
    while (batch := await anext(batches, None)) is not None:
        if len(batch):
            return batch
    return None
