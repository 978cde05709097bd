"""Seconds of creation: how lists are asked for by them, and how far a listing has come.

A second is all that the API shows of a moment, so a second is read again, never skipped.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cliniko_async._lists.page import Batch
from cliniko_async._models.moments import utc_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._lists.page import Id, Page

__all__ = ["Condition", "Frontier", "Span", "after"]

Condition = tuple[str, str]


class Span:
    """A span of seconds of creation: from one on, until before another, or open."""

    __slots__ = ("begin", "end")

    def __init__(self, begin: str | None = None, end: str | None = None) -> None:
        self.begin: str | None = begin
        self.end: str | None = end

    @classmethod
    def through(cls, begin: str, last: str) -> Span:
        """From one second to another, both included."""
        return cls(begin, after(last))

    @property
    def conditions(self) -> Sequence[Condition]:
        """The query parameters for the rows of this span."""
        found: list[Condition] = []
        if self.begin is not None:
            found.append(("q[]", f"created_at:>={self.begin}"))
        if self.end is not None:
            found.append(("q[]", f"created_at:<{self.end}"))
        return found

    def holds(self, page: Page) -> bool:
        """Whether a page, in the order of creation, keeps within this span."""
        if not page:
            return True
        return (self.begin or "") <= page.first and (self.end is None or page.last < self.end)


def after(second: str) -> str:
    """The next second."""
    return utc_text(datetime.fromisoformat(second) + timedelta(seconds=1))


class Frontier:
    """How far a listing has come: the last second that was read, and which of its rows.

    Attributes:
        second: The second of the newest row so far; empty before the first one.
        ids: The ids of the rows of that second that were handed out.
    """

    __slots__ = ("ids", "second")

    def __init__(self) -> None:
        self.second: str = ""
        self.ids: set[Id | None] = set()

    def take(self, page: Page) -> Batch:
        """The rows of a page, in the order of creation, that are new; it stands behind them then.

        Rows before it were handed out, or were not there all the time.
        """
        keep: list[int] = []
        for index, (id, second) in enumerate(zip(page.ids, page.seconds, strict=True)):
            if second is None or second < self.second or (second == self.second and id in self.ids):
                continue
            if second != self.second:
                self.second, self.ids = second, set()
            self.ids.add(id)
            keep.append(index)
        return Batch(page, None if len(keep) == len(page) else keep, through=self.second)

    def knows_any(self, page: Page) -> bool:
        """Whether one of a page's rows was handed out before."""
        rows = zip(page.ids, page.seconds, strict=True)
        return any(second == self.second and id in self.ids for id, second in rows)

    def stand_before(self, second: str) -> None:
        """Stand where everything before this second was handed out, and nothing of it."""
        self.second, self.ids = second, set()

    def pass_second(self) -> None:
        """Leave the second behind, after all of its rows were read."""
        self.stand_before(after(self.second))

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands, to see whether it moves."""
        return self.second, len(self.ids)
