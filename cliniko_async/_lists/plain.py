"""The pages that were read of a list as it is, before anything was asked by when it was created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliniko_async._lists.ahead import near
from cliniko_async._lists.numbers import ByNumbers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cliniko_async._lists.ahead import Ahead, Window
    from cliniko_async._lists.list_request import Source
    from cliniko_async._lists.page import Batch, Id, Page
    from cliniko_async._lists.seconds import Span

__all__ = ["Plain"]


class Plain:
    """What was read of a list by page numbers alone.

    While that is all, a list can still be read on so. Once an answer has kept to a condition, it
    is known that the list can be filtered, and the ids need not be kept.
    """

    def __init__(self) -> None:
        self.is_all: bool = True
        """Whether no condition is known to work."""
        self.is_accounted_for: bool = True
        """Whether the first condition was passed by all rows that were announced."""
        self._first: Page | None = None
        self.begin: str = ""
        """The second of the list's first row."""
        self._total: int | None = None
        self._last: Page | None = None
        self._number = 0
        self._size = 1
        self._ids: set[Id | None] = set()

    def note(self, page: Page, number: int) -> None:
        """Note a page that was handed out, and is the last one so far."""
        if self._last is None:
            self._first, self._size = page, max(len(page), 1)
            self._total = page.total
            self.begin = page.first if page.ordered else ""
            self._ids.update(page.ids)
        self._last, self._number = page, number

    @property
    def is_two_pages(self) -> bool:
        """Whether two pages are everything, because the second has the total of the first.

        The second one was bounded, so that nothing is behind the bound.
        """
        return self._number == 2 and self._last is not None and self._last.total == self._total  # noqa: PLR2004

    def know(self, batch: Batch) -> None:
        """Note rows that were handed out."""
        if self.is_all:
            self._ids.update(batch.ids)

    def compare(self, page: Page, span: Span) -> None:
        """See whether the first answer to a condition accounts for all rows of the list.

        Rows that show no moment of creation pass no condition.
        """
        if span.begin is not None and (span.begin > self.begin or not page):
            self.is_all = False
            self._ids.clear()
        first, self._first = self._first, None
        if first and page.total is not None:
            before = sum(second < (span.begin or "") for second in first.seconds if second)
            # Rows that came since may stand for rows that do not pass.
            self.is_accounted_for = first.total == page.total + before and near(first, page)

    def behind(self, ahead: Ahead, source: Source, window: Window) -> AsyncGenerator[Batch]:
        """The rows behind the last page, by page numbers."""
        assert self._last is not None  # noqa: S101 - there is a first page
        return ByNumbers(
            ahead,
            source,
            self._last,
            size=self._size,
            number=self._number,
            known=self._ids,
            window=window,
        ).read()
