"""Scans: all records of a list, in parallel and in no particular order, with nothing missing.

The first answer says how many there are. One page at each of a few evenly spaced places gives
boundaries in time, and those pages' rows are results already. Between the boundaries lie ranges of
`created_at` that do not overlap, the last one open-ended, and in each of them walks one walker:
what comes and goes in one range moves no row in another. A boundary that cannot be had only means
a walker less; a range that the server does not manage is split and tried in halves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

import attrs

from cliniko_async._lists.reader import Source, Stream
from cliniko_async._lists.walk import OUT_OF_ORDER, Frontier, before, since, split_tail
from cliniko_async._models.moments import utc_text
from cliniko_async.errors import (
    ClinikoError,
    DecodeError,
    IncompleteListingError,
    ServerError,
    SessionClosedError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._http.session import View
    from cliniko_async._lists.page import Batch, Page
    from cliniko_async._lists.plan import Reading

__all__ = ["Scan", "ScanIterator"]

T = TypeVar("T")

MOST_WALKERS: Final = 8

PAGES_PER_WALKER: Final = 8
"""A walker costs a request or two of its own, which pays from so many pages on."""

MOST_WAITING: Final = 16
"""Batches that wait for the caller: about 4 MB of full patients. Walkers wait beyond that."""

MOST_SPLITS: Final = 6
"""How often a range that keeps failing is halved."""


class Scan(Generic[T]):
    """All records of a list, in no particular order. It costs nothing until it is iterated."""

    def __init__(self, reading: Reading) -> None:
        self._reading = attrs.evolve(reading, view=reading.view.bulk())

    def __aiter__(self) -> ScanIterator[T]:
        return ScanIterator(self._reading)

    def raw(self) -> Scan[dict[str, Any]]:
        """The records as the API sent them: dicts, with whatever fields it has added since."""
        return Scan(self._reading.raw())

    async def all(self) -> list[T]:
        """All records, in memory."""
        return [record async for record in self]

    def __repr__(self) -> str:
        return f"<Scan of {self._reading.sources[0].template}>"


class ScanIterator(Generic[T]):
    """Record after record, from whichever walker has some."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._belt = _Belt()
        self._work: asyncio.Task[None] | None = None
        self._records: Sequence[Any] = ()
        self._index = 0
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while self._index >= len(self._records):
            batch = await self._next_batch()
            if batch is None:
                raise StopAsyncIteration
            self._records = self._reading.records(batch)
            self._index = 0
        record = self._records[self._index]
        self._index += 1
        if isinstance(record, DecodeError):
            raise record
        return record  # type: ignore[no-any-return] # the scan's decoder made it

    async def _next_batch(self) -> Batch | None:
        if self._work is None:
            view = self._reading.view
            walk = _Walkers(view, self._belt).scan(self._reading.sources)
            self._work = view.session.spawn(walk)
            self._work.add_done_callback(self._belt.tell)
        # Whoever is cancelled in here has taken nothing off the belt.
        while not self._belt.batches:
            if self._closed:
                return None
            if self._work.done():
                _see_end(self._work)
                return None
            await self._belt.news()
        return self._belt.take()

    async def aclose(self) -> None:
        """End the iteration, and cancel what is under way."""
        self._discard()

    def _discard(self) -> None:
        self._closed, self._records = True, ()
        self._belt.batches.clear()
        if self._work:
            self._work.cancel()

    def __del__(self) -> None:
        self._discard()

    def __repr__(self) -> str:
        return "<ScanIterator>"


def _see_end(work: asyncio.Task[None]) -> None:
    """Raise what a scan's work ended with, if it did not end well."""
    if work.cancelled():
        raise SessionClosedError("the session was closed while this scan was under way")
    work.result()


class _Belt:
    """Batches on their way from the walkers to the caller, a bounded number of them."""

    def __init__(self) -> None:
        self.batches: deque[Batch] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, batch: Batch) -> None:
        """Hand over a batch, when there is room for it."""
        while len(self.batches) >= MOST_WAITING:
            self._room.clear()
            await self._room.wait()
        if len(batch):
            self.batches.append(batch)
            self._news.set()

    def take(self) -> Batch:
        """The next batch. Look first whether there is one."""
        self._room.set()
        return self.batches.popleft()

    async def news(self) -> None:
        """Wait until there is a batch, or the work has ended."""
        self._news.clear()
        await self._news.wait()

    def tell(self, _work: object) -> None:
        """Wake the caller: the work has ended."""
        self._news.set()


@attrs.frozen
class _Range:
    """A range of `created_at`, and how far it has been walked.

    Attributes:
        until: The second before which it ends; None for the last one.
        begin: The second that it begins with; None for the first one.
    """

    frontier: Frontier
    until: str | None
    begin: str | None = None
    splits: int = 0

    def source(self, source: Source) -> Source:
        """The list, within this range."""
        begin = (since(self.begin),) if self.begin else ()
        end = (before(self.until),) if self.until else ()
        return attrs.evolve(source, params=(*source.params, *begin, *end))

    def halves(self) -> tuple[_Range, _Range] | None:
        """The rest of the range in two, or None if it cannot be split."""
        here = self.frontier.second or self.begin
        if here is None or self.splits == MOST_SPLITS:
            return None
        first = datetime.fromisoformat(here)
        end = datetime.fromisoformat(self.until) if self.until else datetime.now(UTC)
        middle = first + (end - first) // 2
        if middle <= first + timedelta(seconds=1):
            return None
        half, splits = utc_text(middle), self.splits + 1
        return (
            attrs.evolve(self, until=half, splits=splits),
            _Range(Frontier(), self.until, half, splits),
        )


class _Walkers:
    """Scans lists and puts what is found on a belt."""

    def __init__(self, view: View, belt: _Belt) -> None:
        self._view = view
        self._belt = belt

    async def scan(self, sources: Sequence[Source]) -> None:
        """Scan one list after the other."""
        for source in sources:
            await self._scan(source)

    async def _scan(self, source: Source) -> None:
        first = await self._view.call(source.request())
        frontier = Frontier()
        if not frontier.fits(first) or first.total is None:
            raise IncompleteListingError(OUT_OF_ORDER)
        await self._belt.put(frontier.take(first))
        if len(first) >= first.total:
            return
        size = max(len(first), 1)
        ranges = await self._ranges(source, first, frontier, size)
        await self._view.together(self._walk(source, part, size) for part in ranges)

    async def _ranges(
        self, source: Source, first: Page, frontier: Frontier, size: int
    ) -> Sequence[_Range]:
        """The ranges to walk, each behind the rows that are known already."""
        pages = -(-(first.total or 0) // size)
        walkers = min(MOST_WALKERS, max(pages // PAGES_PER_WALKER, 1))
        # The last page among them, so that little is left to the range that has no end.
        numbers = {1 + pages * n // walkers for n in range(1, walkers)} | {pages}
        found = await self._view.together(self._boundary(source, number) for number in numbers)
        tails = {tail[0]: tail[1] for tail in found if tail and tail[0] > (frontier.second or "")}
        begins = sorted(tails)
        ranges = [_Range(frontier, begins[0] if begins else None)]
        for begin, until in zip_longest(begins, begins[1:]):
            ranges.append(await self._known(tails[begin], begin, until))
        return ranges

    async def _known(self, batch: Batch, begin: str, until: str | None) -> _Range:
        """A range whose first rows are known from its boundary's page."""
        trimmed = batch.within(until)
        await self._belt.put(trimmed)
        frontier = Frontier()
        frontier.stand_behind(trimmed)
        return _Range(frontier, until, begin)

    async def _boundary(self, source: Source, number: int) -> tuple[str, Batch] | None:
        try:
            return split_tail(await self._view.call(source.request(page=number)))
        except ClinikoError:
            return None

    async def _walk(self, source: Source, part: _Range, size: int) -> None:
        stream = Stream.walking(self._view, part.source(source), part.frontier, size=size)
        try:
            while (batch := await stream.next()) is not None:
                await self._belt.put(batch)
        except (ServerError, TransportError):
            halves = part.halves()
            if halves is None:
                raise
            for half in halves:
                await self._walk(source, half, size)
        finally:
            stream.discard()
