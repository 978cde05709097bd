"""The walk: reading a list by when its rows were created, so that nothing can be missed.

Page numbers drift: archive one row of page 1, and the first row of page 2 is never seen. What does
not drift is `created_at`: it never changes, every list but three can be filtered by it, and it is
the documented default order. So the walk asks for rows created from the last second it has seen,
page 1 each time, and drops the rows of that second that it knows. A second is all that the API
shows, so a second is read again, never skipped.

This module is the book-keeping, without any requests.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cliniko_async._lists.page import Batch
from cliniko_async._models.moments import utc_text
from cliniko_async.errors import IncompleteListingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._lists.page import Page

__all__ = ["Frontier", "at", "before", "since"]

Condition = tuple[str, str]

OUT_OF_ORDER = (
    "the rows of this list are not in the order of their creation, so that some may be missing"
)


def since(second: str) -> Condition:
    """The query parameter for rows created in this second or later."""
    return "q[]", f"created_at:>={second}"


def before(second: str) -> Condition:
    """The query parameter for rows created before this second."""
    return "q[]", f"created_at:<{second}"


def at(second: str) -> Sequence[Condition]:
    """The query parameters for rows created in this second."""
    return since(second), before(after(second))


def after(second: str) -> str:
    """The next second."""
    return utc_text(datetime.fromisoformat(second) + timedelta(seconds=1))


class Frontier:
    """How far a listing has come: the last second that was read, and which of its rows.

    Attributes:
        second: The second of the newest row so far.
        ids: The ids of the rows of that second that were handed out.
    """

    __slots__ = ("ids", "second")

    def __init__(self) -> None:
        self.second: str | None = None
        self.ids: set[str | int | None] = set()

    def fits(self, page: Page) -> bool:
        """Whether a page goes on from here: dated, in order, and not before this second."""
        last = self.second or ""
        for head, second in zip(page.heads, page.seconds, strict=True):
            if head.id is None or second is None or second < last:
                return False
            last = second
        return True

    def take(self, page: Page) -> Batch:
        """The rows of a page that are new, after which the frontier stands behind them.

        Raises:
            IncompleteListingError: The rows are out of order, so that holes cannot be excluded.
        """
        if not self.fits(page):
            raise IncompleteListingError(OUT_OF_ORDER)
        keep: list[int] = []
        for index, (head, second) in enumerate(zip(page.heads, page.seconds, strict=True)):
            if second != self.second:
                self.second, self.ids = second, set()
            elif head.id in self.ids:
                continue
            self.ids.add(head.id)
            keep.append(index)
        return Batch(page) if len(keep) == len(page) else Batch(page, keep)

    def stand_behind(self, batch: Batch) -> None:
        """Stand behind rows that were handed out otherwise."""
        self.second, self.ids = batch.newest()

    def knows_any(self, page: Page) -> bool:
        """Whether one of a page's rows was handed out before."""
        rows = zip(page.heads, page.seconds, strict=True)
        return any(second == self.second and head.id in self.ids for head, second in rows)

    def pass_second(self) -> None:
        """Leave the second behind, after all of its rows were read."""
        if self.second is not None:
            self.second, self.ids = after(self.second), set()


def split_tail(page: Page) -> tuple[str, Batch] | None:
    """The rows of a list's last page behind its first second, and the second they begin with.

    Rows of that first second may stand on the page before as well, those behind it cannot. None
    if the page holds rows of one second only, or undated ones, or is out of order.
    """
    if not page or not Frontier().fits(page):
        return None
    first = page.seconds[0]
    keep = [index for index, second in enumerate(page.seconds) if second != first]
    begin = page.seconds[keep[0]] if keep else None
    return None if begin is None else (begin, Batch(page, keep))
