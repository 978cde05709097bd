"""What came back from the archive, although its `updated_at` did not change.

Nothing in such a record says that it came back: it has no mark any more, and no new moment. But a
cursor knows the ids of all records that were in the archive, and the API counts them. One request
shows those that were archived last and how many there are in all; if that is not what is known,
the range of ids in which the counts differ is searched by halves. So a run without changes costs no
more than asking for what was archived; finding one record that came back costs one count per
halving, a page, and a request for the record. The first run reads the whole archive once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import attrs

from cliniko_async._lists.cursor import chunks
from cliniko_async._lists.listing import first_page
from cliniko_async._lists.versions import read_moments
from cliniko_async._models.moments import utc_text
from cliniko_async._query.fields import Filter
from cliniko_async.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import msgspec

    from cliniko_async._lists.listing import Listing, PageIterator

    Row = bytes | msgspec.Raw

__all__ = ["Archive", "Pages"]

A_PAGE: Final = 100
"""Records that are not worth splitting."""

IN_ARCHIVE: Final = Filter[Any]("archived_at", "?")

NOT_SORTED: Final = frozenset({400, 422})
"""What a server may say that cannot sort by `archived_at`: its answer is documented nowhere."""


class Pages:
    """The rows of a listing, page by page.

    Asking for the next ones can be cancelled and repeated.
    """

    def __init__(self, listing: Callable[[], Listing[msgspec.Raw]]) -> None:
        self._listing = listing
        self._pages: PageIterator[msgspec.Raw] | None = None

    async def next(self) -> Sequence[Row] | None:
        """The next rows; None at the end."""
        if self._pages is None:
            self._pages = self._listing().pages()
        page = await anext(self._pages, None)
        return None if page is None else page.items

    async def aclose(self) -> None:
        """Drop the pages that were read ahead."""
        if self._pages is not None:
            await self._pages.aclose()


@attrs.frozen
class _Range:
    """Ids that should be in the archive, in a range, and how many the API counts there.

    Attributes:
        where: The filters that make the range.
    """

    where: tuple[Filter[Any], ...]
    ids: Sequence[int]
    total: int


class Archive:
    """Finds what has come into the archive, and what has left it.

    It goes through steps, each of which ends with rows to look at. Asking for the next rows can be
    cancelled and repeated.

    Args:
        listing: Lists all rows, hidden ones too, that pass filters.
        known: Ids that were in the archive at the end of the last run. The caller keeps them up to
            date with the rows that it is given.
        floor: From which moment on archiving is news.
    """

    def __init__(
        self, listing: Callable[..., Listing[msgspec.Raw]], known: set[int], floor: datetime
    ) -> None:
        self._listing = listing
        self._known = known
        self._floor = floor
        self._total: int | None = None
        self._lately: Pages | None = None
        self._ranges: deque[_Range] | None = None
        self._reading: tuple[_Range, Pages, set[int]] | None = None
        self._missing: list[str] = []

    async def next(self) -> Sequence[Row] | None:
        """The next rows; None at the end."""
        if self._total is None:
            return await self._newest()
        if self._lately is not None:
            rows = await self._lately.next()
            if rows is not None:
                return rows
            self._lately = None
        if self._ranges is None:
            ids = sorted(self._known)
            self._ranges = deque([_Range((), ids, self._total)])
        while self._ranges or self._reading:
            rows = await self._search()
            if rows is not None:
                return rows
        return await self._returned()

    async def aclose(self) -> None:
        """Drop the pages that were read ahead."""
        for pages in (self._lately, self._reading[1] if self._reading else None):
            if pages is not None:
                await pages.aclose()

    async def _newest(self) -> Sequence[Row]:
        """Those that were archived last, and how many there are in all."""
        try:
            page = await first_page(self._listing(IN_ARCHIVE, sort="archived_at:desc"))
        except ApiError as error:
            if error.status not in NOT_SORTED:
                raise
            self._total = await self._listing(IN_ARCHIVE).count()
            self._lately = self._since_floor()
            return ()
        rows = page.rows if page else ()
        moments = [read_moments(row).at.get("archived_at", self._floor) for row in rows]
        sorted_ = all(a >= b for a, b in pairwise(moments))
        total = page.total if page else 0
        if len(rows) < total and not (sorted_ and moments[-1] < self._floor):
            self._lately = self._since_floor()
        self._total = total
        return [row for row, at in zip(rows, moments, strict=True) if at >= self._floor]

    def _since_floor(self) -> Pages:
        since = Filter[Any]("archived_at", f">={utc_text(self._floor)}")
        return Pages(lambda: self._listing(since))

    async def _search(self) -> Sequence[Row] | None:
        """One step of the search: rows of a range that is small enough, or None."""
        assert self._ranges is not None  # noqa: S101 - the search has begun
        if self._reading is not None:
            return await self._read_on(*self._reading)
        one = self._ranges[0]
        if one.total == len(one.ids):
            self._ranges.popleft()
        elif len(one.ids) <= A_PAGE:
            self._ranges.popleft()
            pages = Pages(lambda: self._listing(IN_ARCHIVE, *one.where))
            self._reading = (one, pages, set())
        else:
            middle = one.ids[len(one.ids) // 2]
            past = (*one.where, Filter[Any]("id", f"<{middle}"))
            count = await self._listing(IN_ARCHIVE, *past).count()
            self._ranges.popleft()
            half = len(one.ids) // 2
            since = (*one.where, Filter[Any]("id", f">={middle}"))
            self._ranges.appendleft(_Range(since, one.ids[half:], one.total - count))
            self._ranges.appendleft(_Range(past, one.ids[:half], count))
        return None

    async def _read_on(self, one: _Range, pages: Pages, found: set[int]) -> Sequence[Row] | None:
        rows = await pages.next()
        if rows is None:
            self._reading = None
            self._missing += [str(id) for id in one.ids if id not in found]
            return None
        found.update(int(id) for row in rows if (id := read_moments(row).id) is not None)
        return [row for row in rows if (id := read_moments(row).id) and int(id) not in self._known]

    async def _returned(self) -> Sequence[Row] | None:
        """The records that are not in the archive any more, as they are now."""
        if not self._missing:
            return None
        part = chunks(self._missing)[0]
        wanted = Filter[Any]("id", "=" + ",".join(part))
        rows = await self._listing(wanted).all()
        del self._missing[: len(part)]
        there = {read_moments(row).id for row in rows}
        self._known.difference_update(int(id) for id in part if id not in there)
        return rows
