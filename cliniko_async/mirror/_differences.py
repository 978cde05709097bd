"""What has happened in a list since it was copied, in as few requests as possible.

The first page by `updated_at`, newest first, shows what was changed, and how many records there
are now. Hiding a record, or bringing it back, may leave its `updated_at` alone. So for each mark
that hides records, the first page of those that have it, newest first, shows which have it since,
and how many have it now. What neither page shows is found by counts: a record that was deleted for
good is in no list, and one that came back from the archive has no new moment. Where the copy's
counts differ from the API's, the range in time in which they differ is halved until it is small,
and then read again.

So a run in which nothing happened costs one request, and one per mark. What is found by halving
costs one count per halving, and a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import attrs
import msgspec

from cliniko_async._lists.cursor import chunks
from cliniko_async._lists.listing import PageIterator, RawPage, first_page
from cliniko_async._lists.versions import OVERLAP, UNCERTAIN, Moments, read_moments
from cliniko_async._verbs.include import everything
from cliniko_async.errors import ApiError
from cliniko_async.mirror._beginnings import (
    Start,
    by_change,
    falls,
    moments_of,
    news_of,
    not_before,
    result_of,
    shown_marks,
    some_rows,
    start,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable

    from cliniko_async._lists.listing import Listing
    from cliniko_async._query.fields import Filter
    from cliniko_async._query.filters import Filters

__all__ = ["Ask", "Copy", "Differences", "Found", "Known", "Since"]

T = TypeVar("T")

A_PAGE: Final = 100
"""Records that are not worth splitting."""

NOT_SORTED: Final = frozenset({400, 422})
"""What a server may say that cannot sort by a mark: its answer is documented nowhere."""


class Ask(Protocol):
    """Runs a request where the session's event loop is."""

    async def __call__(self, request: Coroutine[Any, Any, T], /) -> T: ...


@attrs.frozen
class Known:
    """What a copy knows of a record.

    Attributes:
        created_at: When it was created; None if it does not say.
        marks: The marks that hide it.
    """

    created_at: datetime | None
    marks: frozenset[str] = frozenset()


class Copy(Protocol):
    """What is there already."""

    def counts(self) -> Sequence[int]:
        """How many records there are, and how many of them have each of the marks."""
        ...

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Known]:
        """The records with these ids, or all."""
        ...


@attrs.frozen(repr=False)
class Found:
    """Records that were created or changed, and ids of those that no longer exist."""

    rows: Sequence[msgspec.Raw] = ()
    gone: Sequence[str] = ()


@attrs.frozen
class Since:
    """How far a copy is.

    Attributes:
        until: When all that was copied is from.
        through: If the list was not read to its end: the second at which the last record that was
            read was created.
        again: Ids of records that did not fit, to be asked for again.
    """

    until: datetime
    through: datetime | None = None
    again: Sequence[str] = ()


class Differences:
    """Looks for what a copy lacks.

    Args:
        resource: Any resource with lists and `created_at`.
        ask: Runs a request where the session's event loop is.
        since: How far the copy is; None if there is none, or if it is not to be relied on.
        started: What `start` is finding out, if it was called before.

    Attributes:
        until: When all that was found is from.
        through: The second up to which a list that is read whole has been read, if it is in the
            order of creation: reading can go on from there.
        total: How many records will be found; None if that is not known.
    """

    def __init__(
        self,
        resource: Any,
        ask: Ask,
        *,
        since: Since | None,
        started: Awaitable[Start] | None = None,
    ) -> None:
        self._started = started
        self._resource = resource
        self._ask = ask
        self._copy: Copy
        self._since = since
        self._filters: Filters = resource.filters
        self._marks = shown_marks(resource.__class__)
        self._changed: dict[str, Known] = {}
        self._gone: set[str] = set()
        self._in_order = True
        self._reading: PageIterator[msgspec.Raw] | None = None
        self.until: datetime = since.until if since else datetime.now(UTC) - UNCERTAIN
        self.through: datetime | None = None
        self.total: int | None = None

    def found(self, without: Sequence[str] = ()) -> int:
        """How many different records were found so far, those that no longer exist among them.

        Args:
            without: Ids of records that do not count.
        """
        gone = self._gone - self._changed.keys()
        return len(self._changed) + len(gone) - sum(id in self._changed for id in without)

    async def find(self, copy: Copy) -> AsyncGenerator[Found]:
        """Yield what differs; at the end, the copy is as the API was at `until`, or later.

        Called again when it was stopped at a `through`, it goes on there.

        Args:
            copy: What is there already.
        """
        self._copy = copy
        if self._reading is not None:
            way = self._rest(self._reading)
        elif self._resource.inactive_apart:  # there are two lists, and few records
            way = self._anew()
        elif self._since is None:
            way = self._everything()
        elif self._since.through is not None:
            way = self._rest(self._list(self._filters.created_at >= self._since.through).pages())
        else:
            way = self._news(self._since.until - OVERLAP)
        async for found in way:
            yield found

    async def _anew(self) -> AsyncGenerator[Found]:
        async for found in self._pages(self._list()):
            yield found
        yield self._missed(self._copy.known())

    # Everything

    async def _everything(self) -> AsyncGenerator[Found]:
        started = await self._ask(result_of(self._started or start(self._resource)))
        self.total = started.total
        if started.pages is None:
            self.until = self._newest(started.rows) or self.until
            yield self._noted(started.rows)
        else:
            # It was asked for a little later than the first row was read.
            self.until = self._moment(started.newest) - timedelta(seconds=started.seconds)
            yield self._in_turn(started.rows)
            async for found in self._turns(started.pages):
                yield found
        self.through = None
        yield self._missed(self._copy.known())

    async def _rest(self, pages: PageIterator[msgspec.Raw]) -> AsyncGenerator[Found]:
        """What is left of a list, and then what has happened since it was begun."""
        async for found in self._turns(pages):
            yield found
        self.through = None
        async for found in self._news(self.until - OVERLAP):
            yield found

    async def _turns(self, pages: PageIterator[msgspec.Raw]) -> AsyncGenerator[Found]:
        self._reading = pages
        while rows := await self._ask(some_rows(pages)):
            yield self._in_turn(rows)
        self._reading = None

    def _in_turn(self, rows: Sequence[msgspec.Raw]) -> Found:
        """Note rows of a list that is read whole, and how far it has been read."""
        for created in (read_moments(row).at.get("created_at") for row in rows):
            if created is None or (self.through is not None and created < self.through):
                self._in_order = False
            self.through = created
        if not self._in_order:
            self.through = None
        return self._noted(rows)

    # What is new

    async def _news(self, floor: datetime) -> AsyncGenerator[Found]:
        page = await self._ask(first_page(by_change(self._resource)))
        rows = page.rows if page else ()
        self.until = self._moment(page)
        if page is None or page.total <= len(rows):
            yield self._noted(rows)
            yield self._missed(self._copy.known())
            return
        async for found in self._again():
            yield found
        new = news_of(rows, "updated_at", floor)
        if new is not None:
            yield self._noted(new)
        else:
            async for found in self._pages(self._list(self._filters.updated_at >= floor)):
                yield found
        async for found in self._untold(page.total, floor):
            yield found

    async def _again(self) -> AsyncGenerator[Found]:
        """The records that did not fit when they were asked for last."""
        for ids in chunks(self._since.again if self._since else ()):
            async for found in self._pages(self._list(self._filters.id.is_in(ids))):
                yield found

    async def _untold(self, total: int, floor: datetime) -> AsyncGenerator[Found]:
        """The changes that `updated_at` does not show."""
        counts = {"": total}
        for mark in self._marks:
            async for found in self._marked(mark, floor, counts):
                yield found
        for mark, count in counts.items():
            if self._expected(mark) != count:
                async for found in self._search(count, mark):
                    yield found

    async def _marked(
        self, mark: str, floor: datetime, counts: dict[str, int]
    ) -> AsyncGenerator[Found]:
        """The records that have a mark since, and how many have it."""
        field: Any = getattr(self._filters, mark)
        having = field.not_null()
        new = None
        try:
            page = await self._ask(first_page(self._list(having, sort=f"{mark}:desc")))
        except ApiError as error:
            if error.status not in NOT_SORTED:
                raise
            counts[mark] = await self._ask(self._list(having).count())
        else:
            counts[mark] = page.total if page else 0
            rows = page.rows if page else ()
            new = rows if counts[mark] <= len(rows) else news_of(rows, mark, floor)
        if new is not None:
            yield self._noted(not_before(new, mark, floor))
        else:
            async for found in self._pages(self._list(field >= floor)):
                yield found

    def _moment(self, page: RawPage | None) -> datetime:
        """The newest change on a page, if it has the order that was asked for."""
        moments = moments_of(page.rows, "updated_at") if page else []
        return moments[0] if moments and falls(moments) else self.until

    def _newest(self, rows: Iterable[msgspec.Raw]) -> datetime | None:
        return max(moments_of(rows, "updated_at"), default=None)

    async def _pages(self, listing: Listing[msgspec.Raw]) -> AsyncGenerator[Found]:
        pages = listing.pages()
        while rows := await self._ask(some_rows(pages)):
            yield self._noted(rows)

    def _list(self, *where: Filter[Any], sort: str | None = None) -> Listing[msgspec.Raw]:
        return everything(self._resource, *where, sort=sort)

    def _missed(self, ids: Iterable[str]) -> Found:
        """Those of the ids that were not found where they had to be."""
        gone = [id for id in ids if id not in self._changed]
        self._gone.update(gone)
        return Found(gone=gone)

    def _noted(self, rows: Sequence[msgspec.Raw]) -> Found:
        for row in rows:
            head = read_moments(row)
            if head.id is not None:  # or else it is left out, because it does not fit
                self._changed[head.id] = self._known(head)
        return Found(rows)

    def _known(self, head: Moments) -> Known:
        marks = frozenset(mark for mark in self._marks if mark in head.at)
        return Known(head.at.get("created_at"), marks)

    # What only counts show

    async def _count(self, mark: str, *where: Filter[Any]) -> int:
        having: Any = getattr(self._filters, mark).not_null() if mark else None
        conditions = (*where, having) if mark else where
        return await self._ask(self._list(*conditions).count())

    def _expected(self, mark: str) -> int:
        """How many records with a mark the copy will have with all that was found."""
        before = self._copy.known([*self._changed, *self._gone])
        counted = self._copy.counts()[("", *self._marks).index(mark)]
        return counted - _count(before.values(), mark) + _count(self._changed.values(), mark)

    async def _search(self, total: int, mark: str) -> AsyncGenerator[Found]:
        """Find the records because of which the counts differ."""
        undated = any(one.created_at is None for one in self._copy.known().values())
        if undated:
            async for found in self._undated():
                yield found
        async for found in self._halves(total, mark):
            yield found
        if not undated and self._expected(mark) != total:
            async for found in self._undated():
                yield found

    async def _undated(self) -> AsyncGenerator[Found]:
        """Read the records again that have no `created_at`."""
        async for found in self._pages(self._list(self._filters.created_at.is_null())):
            yield found
        known = self._copy.known()
        yield self._missed(
            [id for id, one in known.items() if one.created_at is None and id not in self._gone]
        )

    async def _halves(self, total: int, mark: str) -> AsyncGenerator[Found]:
        """Find the ranges in time in which the counts differ, and read them again."""
        all_known = {**self._copy.known(), **self._changed}
        known = {id: one for id, one in all_known.items() if id not in self._gone}
        dated = {id: at for id, one in known.items() if (at := one.created_at) is not None}
        total -= _count((one for id, one in known.items() if id not in dated), mark)
        ids = sorted(dated, key=dated.__getitem__)
        ranges: list[tuple[Sequence[Filter[Any]], list[str], int]] = [((), ids, total)]
        while ranges:
            where, ids, total = ranges.pop()
            if total == _count((known[id] for id in ids), mark):
                continue
            middle = dated[ids[len(ids) // 2]] if ids else None
            older = [id for id in ids if middle and dated[id] < middle]
            if middle is None or not older or max(total, len(ids)) <= A_PAGE:
                async for found in self._pages(self._list(*where)):
                    yield found
                yield self._missed(ids)
                continue
            past = (*where, self._filters.created_at < middle)
            since = (*where, self._filters.created_at >= middle)
            count = await self._count(mark, *past)
            ranges += (past, older, count), (since, ids[len(older) :], total - count)


def _count(records: Iterable[Known], mark: str) -> int:
    """How many have a mark; all of them, for no mark."""
    return sum(not mark or mark in record.marks for record in records)
