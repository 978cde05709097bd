"""Bursts: neighbouring pages of a list, asked for together, and the seams between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import attrs

from cliniko_async._lists.ahead import NEAR, near
from cliniko_async._lists.page import Page
from cliniko_async._lists.seconds import Frontier, Span
from cliniko_async.errors import ClinikoError

if TYPE_CHECKING:
    from cliniko_async._lists.ahead import Ahead
    from cliniko_async._lists.list_request import Source

__all__ = ["Burst", "Seam", "contradict"]

TOGETHER: Final = NEAR / 2
"""Seconds within which pages have to be asked for, to be read at about the same time."""


@attrs.frozen
class Seam:
    """What lies between two pages that were not read from the same state of the list.

    Attributes:
        span: From the left one's last second to the right one's first.
        page: The rows of that span.
    """

    span: Span
    page: Page
    one_second: bool


class Burst:
    """Neighbouring pages of a list, asked for together.

    Args:
        ahead: Asks for them.
        source: The list.
        span: The part of the list whose pages these are.
        delivered: How many rows before this part were handed out.
        begin: The number of the first of them.
        last: The number of the last.
        size: Rows on a full page.
        left: The page before the first of them, if it was read.
        announced: The total that the first of them has, if nothing has changed.
        shown: What the pages before them have shown of their last second.
    """

    def __init__(
        self,
        ahead: Ahead,
        source: Source,
        span: Span,
        *,
        delivered: int,
        begin: int,
        last: int,
        size: int,
        left: Page | None = None,
        announced: int | None = None,
        shown: Frontier | None = None,
    ) -> None:
        self._ahead = ahead
        self._source = source
        self._size = size
        self._begin = begin
        self._asked = begin - 1
        self._before = left
        self._announced = announced
        self._clock = asyncio.get_running_loop().time
        self._asked_at = self._clock()
        self._pages: dict[int, asyncio.Task[Page]] = {}
        self._seams: dict[int, asyncio.Task[Seam | None]] = {}
        self.span: Span = span
        self.delivered: int = delivered
        self.number: int = begin
        """The page that is to be handed out next."""
        self.last: int = last
        self.left: Page | None = left
        """The page before it."""
        self.shown: Frontier = shown or Frontier()
        """What the pages up to there have shown of their last second."""
        if left and not shown:
            self.shown.take(left)
        self.seams: int = 0
        """How many seams had to be read."""
        self.waited: bool = False
        """Whether any of it waited for the limit."""
        self.cut: bool = False
        """Whether the pages from there on are not to be handed out."""
        self.crowded: bool = False
        """Whether that is because of a second with more rows than a page holds."""

    @property
    def length(self) -> int:
        """How many pages these are."""
        return self.last - self._begin + 1

    def ask(self, pages: int) -> bool:
        """Keep so many pages on their way; whether the last one is.

        Pages that are asked for too late for their neighbours are left to the next burst.
        """
        number = self._asked + 1
        wanted = min(self.number + pages - 1, self.last)
        if number <= wanted:
            now = self._clock()
            if self._asked >= self._begin and now - self._asked_at > TOGETHER:
                self.last = number - 1
                return False
            self._asked_at = now
        for new in range(number, wanted + 1):
            self._asked = new
            request = self._source.request(*self.span.conditions, page=new)
            self._pages[new] = self._ahead.start(request, replaceable=new > 1)
            if new > self._begin or self._before:
                self._seams[new] = self._ahead.spawn(self._look(new))
        return self._asked == self.last

    async def arrival(self) -> tuple[Page, Seam | None]:
        """The page that is to be handed out next, and the seam before it if it does not fit."""
        page, seam = await self._pages[self.number], self._seams.get(self.number)
        found = await seam if seam else None
        waits = [page.sent - self._asked_at]
        if found and self.left:
            waits.append(found.page.sent - max(self.left.came, page.came))
        self.waited = self.waited or max(waits) > TOGETHER
        return page, found

    async def _look(self, number: int) -> Seam | None:
        try:
            left, right = await self._at(number - 1), await self._at(number)
            if not left or not right or not left.ordered or not right.ordered:
                return None
            if right.first < left.last:
                return None  # they overlap: nothing can be between them, there are only doubles
            if self._fit(left, right) and not await self._is_dubious(number - 1):
                return None
        except ClinikoError:
            return None  # who waits for that page meets its error
        self.seams += 1
        span = Span.through(left.last, right.first)
        page = await self._ahead.call(self._source.request(*span.conditions))
        return Seam(span, page, one_second=left.last == right.first)

    async def _at(self, number: int) -> Page | None:
        return await self._pages[number] if number in self._pages else self._before

    async def _is_dubious(self, number: int) -> bool:
        """Whether a page's rows may be older than its total.

        The total may be counted a moment after the rows were read. Then it differs from that of
        the page before, and the rows have not moved by the difference.
        """
        page = await self._at(number)
        if not page or number not in self._pages:
            return False
        if number == self._begin and not self._before:
            return self._announced not in (None, page.total)
        before = await self._at(number - 1)
        if not before or None in (before.total, page.total) or before.came > page.came:
            return False
        seam = await self._seams[number]
        ids = set(before.ids)
        gap = set(seam.page.ids).difference(ids, page.ids) if seam else ()
        return len(gap) - len(ids.intersection(page.ids)) != (before.total or 0) - (page.total or 0)

    def _fit(self, left: Page, right: Page) -> bool:
        """Whether two neighbours were read from the same state of the list, as far as they show."""
        full = len(left) >= self._size
        return full and left.last <= right.first and _agree(left, right)

    def goes_on(self, page: Page, seam: Seam | None) -> bool:
        """Whether a page can be handed out after the one before, with the seam between them."""
        if seam:
            self.crowded = seam.one_second
            return seam.page.ends()
        if not page:
            # Nothing is behind the page before, if both are of the same list.
            return self.left is None or _agree(self.left, page)
        # A row of one second is on two pages that are not neighbours: another one is missing.
        self.crowded = page.first == self.shown.second and self.shown.knows_any(page)
        return not self.crowded

    def stand_behind(self, page: Page) -> None:
        """Note that a page was handed out."""
        self.left = page
        self.shown.take(page)
        self._pages.pop(self.number - 2, None)  # no seam compares with these any more
        self._seams.pop(self.number - 1, None)
        self.number += 1

    def onward(self, length: int) -> Burst:
        """The pages of the same list behind these."""
        return Burst(
            self._ahead,
            self._source,
            self.span,
            delivered=self.delivered,
            begin=self.number,
            last=self.number + length - 1,
            size=self._size,
            left=self.left,
            shown=self.shown,
        )

    def cancel(self) -> None:
        """Give up the pages that are no longer needed."""
        for task in (*self._pages.values(), *self._seams.values()):
            task.cancel()


def contradict(left: Page, right: Page) -> bool:
    """Whether neighbouring pages overlap although everything else says that nothing changed.

    Then the list is not in the order of creation.
    """
    return right.first < left.last and _agree(left, right)


def _agree(left: Page, right: Page) -> bool:
    same = left.total == right.total and near(left, right)
    return same and set(left.ids).isdisjoint(right.ids)
