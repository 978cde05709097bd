"""Rule 7: page numbers, where a list is not in the order of creation or cannot be asked for by it.

Page numbers drift. What the pages show of it is kept: ids that came twice, totals that changed,
rows that are fewer than the total; and where two pages are far apart in time, as when the limit
made one wait, the one before is read again.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from cliniko_async._lists.ahead import near
from cliniko_async._lists.list_request import leads_back
from cliniko_async._lists.page import Batch
from cliniko_async.errors import IncompleteListingError, ListingChangedError, NotFoundError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator

    from cliniko_async._lists.ahead import Ahead, Window
    from cliniko_async._lists.list_request import PageRequest, Source
    from cliniko_async._lists.page import Id, Page

__all__ = ["ByNumbers", "check_link"]

LINK_REPEATS: Final = "the API's link to the next page leads back, so that the list has no end"

CHANGED: Final = (
    "rows came or went while this listing was read, so that some may be missing: list in the "
    "default order, which heals itself, or accept it with on_change='ignore'"
)


class ByNumbers:
    """Reads a list by page numbers.

    Args:
        ahead: Asks for pages.
        source: The list.
        last: The last page that was handed out already.
        number: Its number.
        known: The ids of all rows that were handed out.
        window: How many pages to ask for at once.
    """

    def __init__(
        self,
        ahead: Ahead,
        source: Source,
        last: Page,
        *,
        size: int,
        number: int,
        known: set[Id | None],
        window: Window,
    ) -> None:
        self._ahead = ahead
        self._source = source
        self._size = size
        self._window = window
        self._last = last
        self._number = number
        self._link = last.next
        self._links = {last.next}
        self._known: set[Id | None] = known - {None}
        self._total: int | None = last.total
        self._seen: int = (number - 1) * size + len(last)
        self._changed: bool = len(known) != self._seen and None not in known
        self._asked = number
        self._pages: deque[asyncio.Task[Page]] = deque()

    async def read(self) -> AsyncGenerator[Batch]:
        """The rows behind the last page.

        Raises:
            ListingChangedError: After the last row, if rows came or went.
            IncompleteListingError: After the last row, if some are missing.
        """
        while self._ask():
            page = await self._arrival()
            if page is None:
                break
            batch = await self._take(page)
            self._window.note(self._seen, self._size)
            self._window.grow()
            if self._window.ahead:
                self._ask()
            if len(batch):
                yield batch
                if not self._window.ahead:
                    self._check_unchanged()
                    return
            elif page and self._seen >= (self._total or 0):
                break  # the same rows for ever
        self._check_end()

    def _ask(self) -> bool:
        """Keep pages on their way; whether there is one to wait for."""
        announced = -(-(self._total or 0) // self._size)
        while len(self._pages) < max(self._window.ahead, 1) and self._asked < announced:
            self._start()
        says_more = self._last.next is not None  # whatever the total is
        if not self._pages and (says_more or (self._total is None and self._last.full)):
            self._start()
        return bool(self._pages)

    def _start(self) -> None:
        self._asked += 1
        self._pages.append(self._ahead.start(self._request(self._asked)))

    def _request(self, number: int) -> PageRequest:
        if self._total is None and self._last.next is not None:
            return self._source.following(self._last.next)
        if self._link is None:
            return self._source.request(page=number)
        return self._source.following(self._link, page=number)

    async def _arrival(self) -> Page | None:
        """The next page, or None if there is none behind the last one."""
        try:
            page = await self._pages.popleft()
        except NotFoundError:  # the list has become shorter
            self._changed = True
            page = None
        if page:
            return page
        while self._pages:
            self._pages.pop().cancel()
        if page is not None:
            self._note(page)
        return None

    async def _take(self, page: Page) -> Batch:
        """Note a page. What it shows that is known already is not handed out again."""
        self._number += 1
        check_link(page, self._number)
        if self._total is None and page.next is not None:
            if page.next in self._links:
                raise IncompleteListingError(LINK_REPEATS)
            self._links.add(page.next)
        if not near(self._last, page):
            await self._read_again()
        self._note(page)
        batch = Batch(page).without(self._known)
        ids = [id for id in page.ids if id is not None]
        fresh = len(self._known) + len(ids)
        self._known.update(ids)
        self._changed = self._changed or len(self._known) != fresh
        self._last = page
        return batch

    async def _read_again(self) -> None:
        """See whether the page before has changed while the limit made this one wait."""
        if self._source.on_change == "raise" and self._total is not None:
            again = await self._ahead.call(self._request(self._number - 1))
            self._changed = self._changed or list(again.ids) != list(self._last.ids)

    def _note(self, page: Page) -> None:
        self._changed = self._changed or page.total != self._total
        self._total = page.total
        self._seen += len(page)

    def _check_unchanged(self) -> None:
        if self._changed and self._source.on_change == "raise":
            raise ListingChangedError(CHANGED)

    def _check_end(self) -> None:
        self._check_unchanged()
        if not self._changed and self._total is not None and self._seen != self._total:
            raise IncompleteListingError(
                f"the listing ended after {self._seen} of {self._total} rows"
            )


def check_link(page: Page, number: int) -> None:
    """See that the next link leads on. One list of the API once pointed to page 1 for ever."""
    if leads_back(page, number):
        raise IncompleteListingError(LINK_REPEATS)
