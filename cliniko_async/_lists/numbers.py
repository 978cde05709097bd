"""Where a listing stands that goes by page numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

import attrs

from cliniko_async.errors import IncompleteListingError

if TYPE_CHECKING:
    from cliniko_async._lists.page import Page

__all__ = ["LINK_REPEATS", "Numbers", "check_link"]

LINK_REPEATS: Final = "the API's link to the next page leads back, so that the list has no end"


@attrs.define
class Numbers:
    """Where a listing stands that goes by page numbers.

    Attributes:
        total: Rows in all, by the answers so far; expected, before the first one.
        size: Rows a page.
        asked: Pages that were asked for.
        done: Pages that arrived.
        seen: Rows that arrived.
        changed: Whether the total was another one before.
    """

    total: int
    size: int
    asked: int = 0
    done: int = 0
    seen: int = 0
    changed: bool = False

    @property
    def pages(self) -> int:
        """Pages in all, at least one."""
        return max(-(-self.total // self.size), 1)

    @property
    def over(self) -> bool:
        """Whether all rows arrived."""
        return self.seen >= self.total

    def agrees(self, page: Page) -> bool:
        """Whether a page shows the same list as the pages before it."""
        total = page.total if self.done == 0 else self.total
        rest = (total or 0) - self.seen
        return page.total == total and len(page) == min(self.size, rest)

    def arrived(self, page: Page) -> None:
        """Note a page that agrees."""
        self.total = page.total or 0
        self.done += 1
        self.seen += len(page)

    def follow(self, page: Page) -> None:
        """Note a page, whether it agrees or not."""
        self.changed = self.changed or page.total != self.total
        self.arrived(page)


def check_link(page: Page, number: int) -> None:
    """See that the next link leads on. One list of the API once pointed to page 1 for ever."""
    query = dict(parse_qsl(urlsplit(page.next or "").query))
    following = query.get("page", "")
    if following.isdecimal() and int(following) <= number:
        raise IncompleteListingError(LINK_REPEATS)
