"""The pages of one list, in order, with nothing missing: what every listing reads from.

In the default order, a list is read in four steps, each of which is safe on its own:

1. Page 1. Most listings end here, after one request.
2. One step of the walk, and at the same time the last page, which shows the time range.
3. All that was created in between, page by page and several at once. No new row can enter a range
   that lies in the past, so any difference in the totals means that a row left or came back.
4. What the last page showed behind that range.

When a total differs in step 3, the pages ahead are thrown away and the walk goes on from the last
row delivered, to the end. In another order, or where `created_at` is no filter, there are only
page numbers and totals: a change is then an error, after the last row.

Awaiting is safe to cancel: requests run in tasks of the session's, and nothing is noted down
before they are done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from cliniko_async._lists.list_request import OnChange, Source
from cliniko_async._lists.numbers import LINK_REPEATS, Numbers, check_link
from cliniko_async._lists.page import Batch, Page
from cliniko_async._lists.walk import Frontier, at, before, since, split_tail
from cliniko_async.errors import (
    ClinikoError,
    IncompleteListingError,
    ListingChangedError,
    SessionClosedError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cliniko_async._http.request import Request
    from cliniko_async._http.session import View
    from cliniko_async._lists.walk import Condition

__all__ = ["OnChange", "Source", "Stream"]

MOST_AHEAD: Final = 16
"""Pages that are read ahead of the caller: about 4 MB of full patients."""

WORTH_SPLITTING: Final = 2
"""Pages left above which steps 2 and 3 save time; up to here the walk is as fast."""

MOST_PASSES: Final = 5
"""How often a second that keeps changing is read before the listing is given up."""


class Stream:
    """Reads one list, batch by batch."""

    def __init__(self, view: View, source: Source) -> None:
        self._view = view
        self._source = source
        self._step: Callable[[], Awaitable[Batch | None]] = self._first
        self._ahead: deque[asyncio.Task[Page]] = deque()
        self._window = 1
        self._frontier = Frontier()
        self._walked = False
        self._failure: ClinikoError | None = None
        self._delivered = 0
        self._size = 1
        self._total = 0
        self._numbers = Numbers(0, 0)
        self._tail: Batch | None = None
        self._range: tuple[Condition, ...] = ()
        self._link: str | None = None
        self._links_seen: set[str | None] = set()
        self._passes = 0
        self._in_pass: set[str | int | None] = set()

    async def next(self) -> Batch | None:
        """The next rows, or None when there are no more.

        Raises:
            IncompleteListingError: Rows may be missing.
            ListingChangedError: After the last row, if rows came or went meanwhile.
        """
        if self._failure:
            raise self._failure
        try:
            batch = await self._step()
        except ClinikoError as error:
            # Asked again, the listing must not look as if it had ended well.
            self._failure = error
            self.discard()
            raise
        self._delivered += len(batch) if batch else 0
        return batch

    @classmethod
    def walking(cls, view: View, source: Source, frontier: Frontier, *, size: int) -> Stream:
        """A stream that walks on from a frontier, request after request."""
        stream = cls(view, source)
        stream._frontier, stream._size, stream._walked = frontier, size, True
        stream._step = stream._walk
        return stream

    @property
    def total(self) -> int:
        """How many rows the first answer announced, or how many came so far if it did not."""
        return self._total or self._delivered

    def discard(self) -> None:
        """Cancel what is being read ahead."""
        while self._ahead:
            self._ahead.pop().cancel()

    async def _end(self) -> Batch | None:
        return None

    # One page

    async def _get(self, request: Request[Page]) -> Page:
        # Asked again after a cancellation, the page is on its way already.
        if not self._ahead:
            self._ahead.append(self._view.start(request))
        return await self._arrival()

    async def _arrival(self) -> Page:
        task = self._ahead[0]
        await asyncio.wait({task})
        if self._ahead and self._ahead[0] is task:
            self._ahead.popleft()
        if task.cancelled():
            raise SessionClosedError("the session was closed while this listing was being read")
        return task.result()

    async def _go_on(self, step: Callable[[], Awaitable[Batch | None]]) -> Batch | None:
        self._step = step
        return await step()

    # Step 1: the first page

    async def _first(self) -> Batch | None:
        page = await self._get(self._source.request())
        if page.total is None:
            check_link(page, 1)
            self._step = self._linked
            self._link = page.next
            return Batch(page)
        self._total, self._size = page.total, max(len(page), 1)
        if len(page) >= page.total:
            self._step = self._end
            return Batch(page)
        if not page:
            raise IncompleteListingError("the API announces rows and sends none")
        self._link = page.next
        if not self._source.walkable or not self._frontier.fits(page):
            check_link(page, 1)
            self._step = self._number_pages()
            return Batch(page)
        pages_left = -(-(page.total - len(page)) // self._size)
        if page.seconds[0] == page.seconds[-1]:
            batch = self._frontier.take(page)
            self._step = self._begin_second(page)
            return batch
        self._step = self._spread if pages_left > WORTH_SPLITTING else self._walk
        return self._frontier.take(page)

    # Step 2: one step of the walk, and the last page

    async def _spread(self) -> Batch | None:
        step = self._source.request(*self._from_here())
        last = self._source.request(page=-(-self._total // self._size))
        self._ahead.extend([self._view.start(step), self._view.start(last)])
        return await self._go_on(self._spread_step)

    async def _spread_step(self) -> Batch | None:
        page = await self._arrival()
        if not self._frontier.fits(page):
            self.discard()
            return await self._go_on(self._number_pages())
        self._step = self._spread_last
        return await self._advance(page)

    async def _spread_last(self) -> Batch | None:
        page = await self._arrival()
        here = self._frontier.second
        tail = split_tail(page)
        same = page.total == self._total and len(page) == (self._total - 1) % self._size + 1
        if tail is None or not same or here is None or tail[0] <= here:
            return await self._go_on(self._walk)
        until, self._tail = tail
        known = self._delivered - len(self._frontier.ids)
        self._range = (since(here), before(until))
        self._numbers = Numbers(self._total - known - len(self._tail), self._size)
        return await self._go_on(self._ranged)

    # Step 3: the range in between, in parallel

    async def _ranged(self) -> Batch | None:
        self._read_ahead(lambda number: self._source.request(*self._range, page=number))
        page = await self._arrival()
        if not self._numbers.agrees(page) or not self._continues(page):
            self.discard()
            return await self._go_on(self._walk)
        self._window = min(self._window + 1, MOST_AHEAD)
        self._numbers.arrived(page)
        self._cut_ahead()
        if self._numbers.over:
            self._step = self._tailed
        self._read_ahead(lambda number: self._source.request(*self._range, page=number))
        batch = self._frontier.take(page)
        return batch if len(batch) else await self._step()

    def _continues(self, page: Page) -> bool:
        if not self._frontier.fits(page):
            return False
        # The first page begins with the rows of the second that has been read; no other does.
        return self._numbers.done == 0 or not self._frontier.knows_any(page)

    def _read_ahead(self, request: Callable[[int], Request[Page]]) -> None:
        while len(self._ahead) < self._window and self._numbers.asked < self._numbers.pages:
            self._numbers.asked += 1
            self._ahead.append(self._view.start(request(self._numbers.asked)))

    def _cut_ahead(self) -> None:
        """Give up pages that turned out not to exist."""
        while self._ahead and self._numbers.asked > self._numbers.pages:
            self._ahead.pop().cancel()
            self._numbers.asked -= 1

    # Step 4: what the last page showed

    async def _tailed(self) -> Batch | None:
        self._step = self._end
        return self._tail

    # The walk

    def _from_here(self) -> Sequence[Condition]:
        second = self._frontier.second
        return (since(second),) if second else ()

    async def _walk(self) -> Batch | None:
        page = await self._get(self._source.request(*self._from_here()))
        if not self._frontier.fits(page) and not self._walked:
            return await self._go_on(self._number_pages())
        return await self._advance(page)

    async def _advance(self, page: Page) -> Batch | None:
        """Hand out a step of the walk, and see where it leads."""
        self._walked = True
        stuck = bool(page) and page.seconds[-1] == self._frontier.second
        batch = self._frontier.take(page)
        if len(page) >= (page.total or 0):
            self.discard()
            self._step = self._end
        elif not page:
            raise IncompleteListingError("the API announces rows and sends none")
        elif stuck:
            self.discard()
            self._passes = 0
            self._step = self._begin_second()
        elif self._step != self._spread_last:
            self._step = self._walk
        return batch if len(batch) else await self._step()

    # A second with more rows than a page holds

    def _begin_second(self, first: Page | None = None) -> Callable[[], Awaitable[Batch | None]]:
        """Page through the frontier's second.

        Args:
            first: The list's first page, if the list seems to be of this second alone. If its
                total is not the second's, the second is read from its own first page.
        """
        self._window = 1
        self._numbers = Numbers(self._total, self._size)
        self._in_pass = set()
        if first:
            self._numbers.asked = 1
            self._numbers.arrived(first)
            self._in_pass = {head.id for head in first.heads}
        return self._in_second

    async def _in_second(self) -> Batch | None:
        second = self._frontier.second
        conditions = at(second) if second else ()
        self._read_ahead(lambda number: self._source.request(*conditions, page=number))
        page = await self._arrival()
        batch = self._frontier.take(page)
        ids = {head.id for head in page.heads}
        # Rows of one second have no order of their own: one that moves shows twice, or not at all.
        if not self._numbers.agrees(page) or ids & self._in_pass:
            self.discard()
            self._passes += 1
            if self._passes > MOST_PASSES:
                raise IncompleteListingError("rows come and go too fast within one second")
            self._step = self._begin_second()
        else:
            self._in_pass |= ids
            self._window = min(self._window + 1, MOST_AHEAD)
            self._numbers.arrived(page)
            self._cut_ahead()
            if self._numbers.over:
                self.discard()
                self._frontier.pass_second()
                self._step = self._walk
        return batch if len(batch) else await self._step()

    # Page numbers, where the walk cannot be

    def _number_pages(self) -> Callable[[], Awaitable[Batch | None]]:
        self._numbers = Numbers(self._total, self._size, asked=1, done=1, seen=self._size)
        return self._numbered

    async def _numbered(self) -> Batch | None:
        self._read_ahead(self._numbered_request)
        if not self._ahead:
            self._check_end()
            return None
        page = await self._arrival()
        self._window = min(self._window + 1, MOST_AHEAD)
        check_link(page, self._numbers.done + 1)
        self._numbers.follow(page)
        self._cut_ahead()
        self._read_ahead(self._numbered_request)
        return Batch(page) if page else await self._step()

    def _numbered_request(self, number: int) -> Request[Page]:
        if self._link is None:
            return self._source.request(page=number)
        return self._source.following(self._link, page=number)

    def _check_end(self) -> None:
        numbers = self._numbers
        if numbers.changed and self._source.on_change == "raise":
            raise ListingChangedError(
                "rows came or went while this listing was read, so that some may be missing or "
                "doubled: list in the default order, which heals itself, or accept it with "
                "on_change='ignore'"
            )
        if not numbers.changed and numbers.seen != numbers.total:
            raise IncompleteListingError(
                f"the listing ended after {numbers.seen} of {numbers.total} rows"
            )
        self._step = self._end

    # Links alone, where the answer has no total

    async def _linked(self) -> Batch | None:
        if self._link is None:
            return None
        page = await self._get(self._source.following(self._link))
        self._links_seen.add(self._link)
        if page.next in self._links_seen:
            raise IncompleteListingError(LINK_REPEATS)
        self._link = page.next
        return Batch(page)
