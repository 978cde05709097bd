"""The pages of one list, in order and complete: every listing reads from here.

Page numbers drift: archive a row of page 1, and the first row of page 2 is never seen. What does
not drift is `created_at`: it never changes, every list but three can be filtered by it, and it is
the documented default order. So pages are read in bursts, each of which begins at a moment of
creation and not at a number. The rules, in the order in which they stand below:

1. The first burst follows page 1: pages 2, 3 ... of the same list, but only of rows that were
   created before page 1 was answered (its `Date`), so that no new row can balance one that leaves.
   What was created since, the tail, is asked for in the same breath as the last page. Later bursts
   are anchored: rows created since the second of the last row, pages 1, 2 ..., without the rows of
   that second that are known. If what is left fits on a page, one anchored request without the
   bound is enough. A tail that does not fit on a page is read to what is its newest row by then.
2. How many pages: up to 64 at once for a caller who reads everything, or a known number of rows;
   for one who may stop at any row, 2 at first, then more and more, up to 16 ahead. A burst has up
   to 64, and fewer where the limit is what one waits for, above all while there are many seams
   (`ahead`).
3. Two neighbouring pages of a burst fit if they were read of the same list (`burst`). They are
   suspect if their totals differ, if they share a row, if the left one is short, or if they may
   have been read more than two seconds apart. So is the pair behind a page whose total has changed
   though its rows have not moved: totals may be counted after rows. Between suspect pages a seam
   is read: what was created from the left one's last second to the right one's first.
4. A seam that does not fit on a page, a page that does not come, an empty page where rows were
   announced: there the burst is cut, and the next one is anchored behind the last row, with half
   the pages. So a deep page is replaced by a shallow one; a shallow one that fails is an error.
5. A list ends when the total says so and no link leads to a next page.
6. A second with more rows than a page holds is read by page numbers while its pages fit, and else
   by ranges of ids (`id_range`): rows of one second have no order of their own.
7. A list in another order, or that cannot be filtered by `created_at`, is read by page numbers
   (`numbers`).
8. So is a list whose rows are not in the order of creation, or begin without a moment of creation.
   Rows without one at the end of a list that is otherwise in order are listed by themselves
   (`undated`).

Why nothing is missing: let r be a row that is there all the time and on no page of a burst. When
a page was read, r stood before its rows or behind them. It stands behind the first page's, or the
anchor would have shown it, and before the end of the last one's. So there are neighbours, with r
behind the rows of the left one and before those of the right one when each was read; then r was
created between the last row of the one and the first row of the other, which is what a seam reads,
in one answer. If these two overlap there is no such r, only rows that come twice, which the
frontier drops. Pages that fit need no seam: they are of the same list, and r is on one of them.

The one exception: a row leaves and another comes in while two neighbouring pages are both under
way, so that their totals agree. (Page 1 and the first answer behind it are neighbours, too: as
many rows may come in then as there are rows without a moment.) Nothing that can be asked would
show it.
"""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cliniko_async._lists.ahead import BROKEN, REFUSED, Ahead, Window
from cliniko_async._lists.burst import Burst, contradict
from cliniko_async._lists.id_range import NotFilteredError, by_ids
from cliniko_async._lists.numbers import check_link
from cliniko_async._lists.page import Batch
from cliniko_async._lists.plain import Plain
from cliniko_async._lists.seconds import Frontier, Span, after
from cliniko_async._lists.undated import Undated
from cliniko_async._models.moments import utc_text
from cliniko_async.errors import ApiError, IncompleteListingError, NotFoundError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from cliniko_async._lists.list_request import PageRequest, Source
    from cliniko_async._lists.page import Page
    from cliniko_async._lists.seconds import Condition

__all__ = ["Reader"]

LOCAL_MARGIN: Final = timedelta(minutes=1)
"""How far the local clock is mistrusted if the server does not say what time it is."""

MOST_IDLE: Final = 4
"""Bursts without a new row after which a listing is given up."""

OUT_OF_ORDER: Final = (
    "the rows of this list are not in the order of their creation, so that some may be missing"
)
STUCK: Final = "the API announces rows and sends none that are new, so that some may be missing"


class _NotByCreationError(Exception):
    """This list is not in the order of creation, or does not filter by it."""


class Reader:
    """Reads one list."""

    def __init__(
        self, ahead: Ahead, source: Source, *, eager: bool, most: int | None = None
    ) -> None:
        self._ahead = ahead
        self._source = source
        self._window = Window(eager=eager, most=most)
        self._front = Frontier()
        self._size = 1
        self._announced: int | None = None
        self._least = 0
        self._delivered = 0
        self._left = 0
        self._over = False
        self._tail: asyncio.Task[Page] | None = None
        self._tail_at: int | None = None
        self._tailed = False
        self._plain = Plain()
        self._undated: Undated | None = None

    @property
    def total(self) -> int:
        """How many rows the first answer announced, or how many came so far if it did not.

        Always more than it had itself, if it was not the last one.
        """
        return max(self._announced or self._delivered, self._least)

    async def read(self) -> AsyncGenerator[Batch]:
        """All rows.

        Raises:
            IncompleteListingError: Some may be missing.
        """
        first = await self._first()
        by_creation = self._source.dated and first.ordered
        if first.ends():
            through = first.last if first and by_creation else None
            yield self._counted(Batch(first, through=through).without(set()))
            return
        if not first:
            raise IncompleteListingError(STUCK)
        self._least = len(first) + 1
        self._plain.note(first, 1)
        if not by_creation:
            yield self._counted(Batch(first))
        else:
            try:
                async with aclosing(self._by_creation(first)) as batches:
                    async for batch in batches:
                        yield batch
                        if not self._window.ahead:
                            break
            except _NotByCreationError:
                self._ahead.cancel()
            else:
                self._ahead.cancel()
                return
        if self._window.ahead:
            async for batch in self._plain.behind(self._ahead, self._source, self._window):
                yield self._counted(batch)

    async def _first(self) -> Page:
        page = await self._ahead.call(self._source.request())
        check_link(page, 1)
        if not page and not page.ends() and self._source.dated:
            # The total may lag: asked in another way, it may be counted anew.
            page = await self._ahead.call(self._request(Span(end=_bound(page))))
        self._announced, self._size = page.total, max(len(page), 1)
        return page

    def _counted(self, batch: Batch) -> Batch:
        self._delivered += len(batch)
        self._window.note(self._delivered, self._size)
        return batch

    def _take(self, page: Page) -> Batch:
        batch = self._counted(self._front.take(page))
        self._plain.know(batch)
        return batch

    def _request(self, span: Span, *extra: Condition) -> PageRequest:
        return self._source.request(*span.conditions, *extra)

    # Rule 1: bursts, all but the first of them anchored

    async def _by_creation(self, first: Page) -> AsyncGenerator[Batch]:
        yield self._take(first)
        self._left = max((first.total or 0) - len(first), 1)
        until = _bound(first)
        if first.total is not None and until > first.last and not self._fits_on_a_page:
            async for batch in self._bursts(until, self._first_burst(first, until)):
                yield batch
            if self._over:
                self._front.stand_before(until)
        if not (self._over and self._plain.is_two_pages):
            async for batch in self._rest():
                yield batch
        if self._undated and await self._undated.may_be():
            async for page in self._undated.pages():
                yield self._counted(Batch(page))

    @property
    def _fits_on_a_page(self) -> bool:
        return self._left + len(self._front.ids) <= self._size

    def _first_burst(self, first: Page, until: str) -> Burst:
        pages = -(-(first.total or 0) // self._size)
        last = min(pages, 1 + self._window.length)
        self._tail_at = last if last == pages > 2 else None  # noqa: PLR2004 - two full pages need no third request
        return Burst(
            self._ahead,
            self._source,
            Span(end=until),
            delivered=0,
            begin=2,
            last=last,
            size=self._size,
            left=first,
        )

    def _next_burst(self, burst: Burst | None, until: str | None) -> Burst:
        known = len(self._front.ids)
        # Within a second that fills pages, an anchored burst would show known rows: go on instead.
        before = burst if burst and known >= self._size and not burst.cut else None
        rows = self._left + (0 if before else known)
        pages = 1 if self._announced is None else max(-(-rows // self._size), 1)
        length = min(self._window.length, pages)
        if before:
            burst = before.onward(length)
        else:
            burst = Burst(
                self._ahead,
                self._source,
                Span(self._front.second, until),
                delivered=self._delivered - known,
                begin=1,
                last=length,
                size=self._size,
                announced=rows if until and self._announced is not None else None,
            )
        self._tail_at = burst.last if length == pages else None
        return burst

    async def _bursts(self, until: str | None, burst: Burst | None = None) -> AsyncGenerator[Batch]:
        """Read burst after burst to the end, or until what is left fits on a page with the tail.

        Args:
            until: The bound.
            burst: The first one, which is not anchored. Without one there is no tail.
        """
        idle = 0
        self._tailed = burst is not None
        burst = burst or self._next_burst(None, until)
        while True:
            place = self._front.place
            async for batch in self._deliver(burst):
                yield batch
            burst.cancel()
            if burst.cut and (burst.crowded or len(self._front.ids) >= self._size):
                async for batch in self._crowd():
                    yield batch
            idle = 0 if self._front.place != place else idle + 1
            if idle > MOST_IDLE:
                raise IncompleteListingError(STUCK)
            if self._over or (self._tailed and self._tail is None and self._fits_on_a_page):
                return
            burst = self._next_burst(burst, until)

    def _keep_asking(self, burst: Burst, *, least: int = 0) -> None:
        """Keep pages on their way, and the tail with the last of the list."""
        is_asked = burst.ask(max(self._window.ahead, least))
        if is_asked and self._tailed and self._tail is None and burst.last == self._tail_at:
            self._tail = self._ahead.start(self._request(Span(burst.span.end)))

    async def _rest(self) -> AsyncGenerator[Batch]:
        """What was created since the bound, or all that is left if that fits on a page."""
        span = Span(self._front.second)
        page = await (self._tail or self._ahead.call(self._request(span)))
        self._see(page, span)
        yield self._take(page)
        if page.ends():
            return
        self._left, self._over = max((page.total or 0) - len(page), 1), False
        # A list may grow faster than it is read: what is newest now ends the chase.
        async for batch in self._bursts(await self._newest()):
            yield batch

    async def _newest(self) -> str | None:
        """The second behind the newest row; None if the API does not say."""
        try:
            page = await self._ahead.call(self._source.newest())
        except ApiError:
            return None
        second = page.seconds[0] if page else None
        # Where the order is ignored, this is the oldest row.
        known = second is not None and self._plain.begin < second >= self._front.second
        return after(second) if second and known else None

    # Rules 2 to 5: a burst, its seams, its cut and the end. Rule 2's figures are in Window

    async def _deliver(self, burst: Burst) -> AsyncGenerator[Batch]:
        """The rows of a burst, up to where it is cut."""
        while True:
            self._keep_asking(burst, least=1)
            if burst.number > burst.last:
                break
            found = await self._arrival(burst)
            if not found:
                return
            page, seam = found
            if seam:
                yield self._take(seam)
            batch = self._take(page)
            self._stand_behind(page, burst)
            if self._over:
                yield batch
                return
            self._window.grow()
            self._keep_asking(burst)
            yield batch
        self._window.adapt(burst.length, burst.seams, waited=burst.waited)

    async def _arrival(self, burst: Burst) -> tuple[Page, Page | None] | None:
        """A page and the seam before it, or None if the burst is cut here."""
        number = burst.number
        try:
            page, seam = await burst.arrival()
        except BROKEN as error:
            if number == 1:
                raise
            self._cut(burst)
            if not isinstance(error, NotFoundError):
                self._window.stay_above(number)
            return None
        except ApiError as error:
            self._see_refused(error)
            raise
        self._see(page, burst.span, left=burst.left)
        if seam:
            self._see(seam.page, seam.span)
        if not burst.goes_on(page, seam) or not (page or page.ends(self._before(number))):
            self._cut(burst)
            return None
        return page, seam.page if seam else None

    def _before(self, number: int) -> int:
        return (number - 1) * self._size

    def _stand_behind(self, page: Page, burst: Burst) -> None:
        before = self._before(burst.number)
        if burst.span.begin is None:
            self._plain.note(page, burst.number)
        burst.stand_behind(page)
        behind = (page.total or 0) - before - len(page)
        self._left = max(behind, int(page.next is not None))
        # A server that knows no page numbers sends the same rows again.
        came = self._delivered - burst.delivered >= (page.total or 0)
        self._over = page.ends(before) and (came or not before)

    def _cut(self, burst: Burst) -> None:
        burst.cut = True
        self._window.halve(burst.length, waited=burst.waited)

    # Rule 6: a second with more rows than a page holds

    async def _crowd(self) -> AsyncGenerator[Batch]:
        """The rows of the frontier's second."""
        span = Span.through(self._front.second, self._front.second)
        try:
            async for page in by_ids(self._ahead, self._source, span.conditions):
                self._see(page, span)
                batch = self._take(page)
                self._left = max(self._left - len(batch), 1)
                yield batch
        except NotFilteredError:
            self._turn()
        self._front.pass_second()

    # Rules 7 and 8: other orders, and rows without a moment of creation

    def _see(self, page: Page, span: Span, *, left: Page | None = None) -> None:
        """See that an answer is in the order of creation, and what was asked for."""
        if not page.ordered or not span.holds(page) or (left and page and contradict(left, page)):
            self._turn()
        self._plain.compare(page, span)
        if not self._plain.is_accounted_for and self._undated is None:
            self._undated = Undated(self._ahead, self._source, self._announced or 0, self._size)

    def _see_refused(self, error: ApiError) -> None:
        if error.status in REFUSED and self._plain.is_all:
            raise _NotByCreationError from None

    def _turn(self) -> None:
        """Go by page numbers from here on, which can be done while all rows were read by them."""
        if self._plain.is_all:
            raise _NotByCreationError
        raise IncompleteListingError(OUT_OF_ORDER)


def _bound(first: Page) -> str:
    return utc_text(first.date or datetime.now(UTC) - LOCAL_MARGIN)
