"""What has happened in a list since it was copied, in as few requests as can be.

The first page by `updated_at`, newest first, shows what was changed, and how many records there
are now. What it cannot show is told by counts: hiding a record may leave its `updated_at` alone,
and one that was deleted for good is in no list. When the copy's counts differ from the API's, the
records that were hidden lately are listed, and if that does not explain it, the range in time in
which the counts differ is searched by halves, and read anew. Once a day, what was hidden lately is
listed whatever the counts say: a second mark on a hidden record changes none of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import attrs
import msgspec

from cliniko_async._lists import undecoded
from cliniko_async._lists.listing import ListingPage, PageIterator
from cliniko_async._models.converter import decode
from cliniko_async._models.empty_dates import decode_dates
from cliniko_async._models.model import Moment
from cliniko_async._verbs.include import everything, marks_of
from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable

    from cliniko_async._lists.listing import Listing
    from cliniko_async._query.filters import Filter, Filters

__all__ = ["Ask", "Copy", "Differences", "Found", "Known", "Start", "start"]

T = TypeVar("T")

OVERLAP: Final = timedelta(minutes=5)
"""What was changed so long before the newest change known is fetched again: it may have been
written down later than its time says."""

UNCERTAIN: Final = timedelta(hours=1)
"""The same, where only this machine's clock says when the copy was made."""

A_DAY: Final = timedelta(days=1)

BATCH: Final = 1000
"""Rows that are handed over at a time, at the least: a table costs dlt 8 ms, however small."""

A_PAGE: Final = 100
"""Records that are not worth splitting."""


class Ask(Protocol):
    """Runs a request where the session's event loop is."""

    async def __call__(self, request: Coroutine[Any, Any, T], /) -> T: ...


@attrs.frozen
class Known:
    """What a copy knows of a record."""

    created_at: datetime
    hidden: bool


class Copy(Protocol):
    """What is there already."""

    def counts(self) -> tuple[int, int]:
        """How many records there are, and how many of them the API does not hide."""
        ...

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Known]:
        """The records with these ids, or all."""
        ...


@attrs.frozen(repr=False)
class Found:
    """Records that were created or changed, and ids of those that are there no more."""

    rows: Sequence[msgspec.Raw] = ()
    gone: Sequence[str] = ()


@attrs.frozen(repr=False)
class Start:
    """The beginning of a list that is read whole.

    Attributes:
        rows: The first ones.
        pages: The others, if these are not all.
        newest: The page with what was changed last, asked for after the first rows.
        seconds: How long all that took.
    """

    rows: Sequence[msgspec.Raw]
    pages: PageIterator[msgspec.Raw] | None = None
    newest: ListingPage[msgspec.Raw] | None = None
    seconds: float = 0.0


class _Head(msgspec.Struct):
    id: str | int
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None = None
    cancelled_at: Moment | None = None
    deleted_at: Moment | None = None


_head: Final = msgspec.json.Decoder(_Head)


class Differences:
    """Looks for what a copy lacks.

    Args:
        resource: Any resource with lists and `created_at`.
        ask: Runs a request where the session's event loop is.
        copy: What is there already.
        since: When the copy was made; None if there is none, or if it is not to be trusted.
        marked: When what was hidden lately was listed last, by this machine's clock.
        started: What `start` is finding out, if it was called before.
    """

    def __init__(
        self,
        resource: Any,
        ask: Ask,
        copy: Copy,
        *,
        since: datetime | None,
        marked: datetime | None = None,
        started: Awaitable[Start] | None = None,
    ) -> None:
        self._started = started
        self._resource = resource
        self._ask = ask
        self._copy = copy
        self._since = since
        self._filters: Filters = resource.filters
        kind: type[object] = resource.__class__
        self._marks = marks_of(kind)
        self._changed: dict[str, Known] = {}
        self._gone: set[str] = set()
        self._now = datetime.now(UTC)
        self.until: datetime = self._now - UNCERTAIN
        """When all that was found is from: the next copy's `since`."""
        self.marked: datetime = marked or self._now - 2 * A_DAY
        """The next copy's `marked`."""

    async def find(self) -> AsyncGenerator[Found]:
        """Yield what differs; at the end, the copy is as the API was at `until`, or later."""
        if self._resource.inactive_apart:  # there are two lists, and few records
            way = self._anew()
        elif self._since is None:
            way = self._everything()
        else:
            way = self._news(self._since - OVERLAP)
        async for found in way:
            yield found

    async def _anew(self) -> AsyncGenerator[Found]:
        async for found in self._pages(self._list()):
            yield found
        yield self._missed(self._copy.known())

    async def _everything(self) -> AsyncGenerator[Found]:
        self.marked = self._now
        started = await self._ask(_result(self._started or start(self._resource)))
        yield self._noted(started.rows)
        if started.pages is None:
            moments = [self._head(row).updated_at for row in started.rows]
            self.until = max(moments, default=self.until)
        else:
            # It was asked for a little later than the first row was read.
            self.until = self._moment(started.newest) - timedelta(seconds=started.seconds)
            while rows := await self._ask(_some(started.pages)):
                yield self._noted(rows)
        yield self._missed(self._copy.known())

    async def _news(self, floor: datetime) -> AsyncGenerator[Found]:
        page = await self._ask(_first(_by_change(self._resource)))
        rows = page.items if page else ()
        moments = [self._head(row).updated_at for row in rows]
        self.until = self._moment(page)
        if page is None or page.total_entries <= len(rows):
            self.marked = self._now
            yield self._noted(rows)
            yield self._missed(self._copy.known())
            return
        if _falls(moments) and moments[-1] < floor:
            yield self._noted([row for row, at in zip(rows, moments, strict=True) if at >= floor])
        else:
            async for found in self._pages(self._list(self._filters.updated_at >= floor)):
                yield found
        async for found in self._hidden_or_gone(page.total_entries):
            yield found

    def _moment(self, page: ListingPage[msgspec.Raw] | None) -> datetime:
        """The newest change on a page, if it has the order that was asked for."""
        moments = [self._head(row).updated_at for row in page.items] if page else []
        return moments[0] if moments and _falls(moments) else self.until

    async def _pages(self, listing: Listing[msgspec.Raw]) -> AsyncGenerator[Found]:
        pages = listing.pages()
        while rows := await self._ask(_some(pages)):
            yield self._noted(rows)

    def _list(self, *where: Filter[Any]) -> Listing[msgspec.Raw]:
        return everything(self._resource, *where)

    def _missed(self, ids: Iterable[str]) -> Found:
        """Those of the ids that were not found where they had to be."""
        gone = [id for id in ids if id not in self._changed]
        self._gone.update(gone)
        return Found(gone=gone)

    def _head(self, row: msgspec.Raw) -> _Head:
        try:
            return decode_dates(_head, row)
        except msgspec.ValidationError:
            record = decode(self._resource.model, row)
        if isinstance(record, DecodeError):
            raise record
        raise DecodeError("a record lacks an id or a moment", resource=self._resource.name)

    def _noted(self, rows: Sequence[msgspec.Raw]) -> Found:
        for row in rows:
            head = self._head(row)
            hidden = any(getattr(head, mark) is not None for mark in self._marks)
            self._changed[str(head.id)] = Known(head.created_at, hidden)
        return Found(rows)

    # What `updated_at` does not tell

    async def _hidden_or_gone(self, total: int) -> AsyncGenerator[Found]:
        visible = await self._count(hidden=False) if self._marks else total
        overdue = self._now - self.marked > A_DAY
        if self._marks and (overdue or self._expected(hidden=False) != visible):
            floor, self.marked = self.marked - UNCERTAIN, self._now
            for mark in self._marks:
                lately: Filter[Any] = getattr(self._filters, mark) >= floor
                async for found in self._pages(self._list(lately)):
                    yield found
        for hidden, count in ((True, total), (False, visible)):
            if self._expected(hidden=hidden) != count and (hidden or self._marks):
                async for found in self._search(count, hidden=hidden):
                    yield found

    async def _count(self, *where: Filter[Any], hidden: bool) -> int:
        listing = self._list(*where) if hidden else undecoded(self._resource.list(*where))
        return await self._ask(listing.count())

    def _expected(self, *, hidden: bool) -> int:
        """How many records the copy will have with all that was found, or how many visible."""
        before = self._copy.known([*self._changed, *self._gone])
        counted = self._copy.counts()[0 if hidden else 1]
        return counted - _count(before.values(), hidden) + _count(self._changed.values(), hidden)

    async def _search(self, total: int, *, hidden: bool) -> AsyncGenerator[Found]:
        """Find the ranges in time in which the counts differ, and read them anew."""
        known = {**self._copy.known(), **self._changed}
        ids = sorted(known.keys() - self._gone, key=lambda one: known[one].created_at)
        ranges: list[tuple[Sequence[Filter[Any]], list[str], int]] = [((), ids, total)]
        while ranges:
            where, ids, total = ranges.pop()
            if total == _count((known[id] for id in ids), hidden):
                continue
            middle = known[ids[len(ids) // 2]].created_at if ids else None
            older = [id for id in ids if middle and known[id].created_at < middle]
            if middle is None or not older or max(total, len(ids)) <= A_PAGE:
                async for found in self._pages(self._list(*where)):
                    yield found
                yield self._missed(ids)
                continue
            past = (*where, self._filters.created_at < middle)
            since = (*where, self._filters.created_at >= middle)
            count = await self._count(*past, hidden=hidden)
            ranges += (past, older, count), (since, ids[len(older) :], total - count)


def _count(records: Iterable[Known], hidden: bool) -> int:  # noqa: FBT001 - with those that are
    return sum(hidden or not record.hidden for record in records)


def _falls(moments: Sequence[datetime]) -> bool:
    return all(a >= b for a, b in pairwise(moments))


async def _first(listing: Listing[msgspec.Raw]) -> ListingPage[msgspec.Raw] | None:
    pages = listing.pages()
    try:
        return await _next(pages)
    finally:
        await pages.aclose()


async def _next(pages: PageIterator[msgspec.Raw]) -> ListingPage[msgspec.Raw] | None:
    return await anext(pages, None)


async def _some(pages: PageIterator[msgspec.Raw]) -> list[msgspec.Raw]:
    """The rows of as many pages as make a batch; none at the end."""
    rows: list[msgspec.Raw] = []
    while len(rows) < BATCH and (page := await _next(pages)):
        rows += page.items
    return rows


async def _result(awaited: Awaitable[T]) -> T:
    return await awaited


def _by_change(resource: Any) -> Listing[msgspec.Raw]:
    return everything(resource, sort="updated_at:desc")


async def start(resource: Any) -> Start:
    """Begin to read a resource whole."""
    started, pages = time.monotonic(), everything(resource).pages()
    page = await _next(pages)
    rows = list(page.items) if page else []
    if page is None or page.total_entries <= len(rows):
        return Start(rows)
    newest, more = await asyncio.gather(_first(_by_change(resource)), _some(pages))
    return Start([*rows, *more], pages, newest, time.monotonic() - started)
