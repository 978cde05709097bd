"""Rule 6: rows that only their ids tell apart are read by ranges of ids, in halves of halves.

Each range is read until one answer holds all of it, because the rows have no reliable order.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import attrs

from cliniko_async.errors import IncompleteListingError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from cliniko_async._lists.ahead import Ahead
    from cliniko_async._lists.list_request import Source
    from cliniko_async._lists.page import Page
    from cliniko_async._lists.seconds import Condition

__all__ = ["NotFilteredError", "by_ids"]

CROWDED: Final = (
    "more rows were created within one second than a page holds, and they cannot be told apart by "
    "their ids, so that some may be missing"
)


class NotFilteredError(Exception):
    """The API has sent rows that were not asked for."""


async def by_ids(
    ahead: Ahead, source: Source, conditions: Sequence[Condition] = ()
) -> AsyncGenerator[Page]:
    """Pages with all rows that pass some conditions, ids rising from page to page.

    Raises:
        NotFilteredError: The API has sent rows that were not asked for.
        IncompleteListingError: The ids are not numbers, or do not tell the rows apart.
    """
    ranges = deque([_IdRange()])
    while ranges:
        part = ranges.popleft()
        page = await ahead.call(source.request(*conditions, *part.conditions))
        if not part.holds(page):
            raise NotFilteredError
        if page.ends():
            yield page
        else:
            ranges.extendleft(reversed(part.halves(page)))


@attrs.frozen
class _IdRange:
    """Ids from one on, until before another, or open."""

    low: int | None = None
    high: int | None = None

    @property
    def conditions(self) -> Sequence[Condition]:
        """The query parameters for the rows of this range."""
        found: list[Condition] = []
        if self.low is not None:
            found.append(("q[]", f"id:>={self.low}"))
        if self.high is not None:
            found.append(("q[]", f"id:<{self.high}"))
        return found

    @property
    def is_open(self) -> bool:
        """Whether these are all ids."""
        return self.low is None and self.high is None

    def holds(self, page: Page) -> bool:
        """Whether a page keeps within this range."""
        return self.is_open or all(
            (self.low is None or self.low <= id) and (self.high is None or id < self.high)
            for id in _numbers(page)
        )

    def halves(self, page: Page) -> tuple[_IdRange, _IdRange]:
        """This range in two, by the ids on one page of it.

        The page's rows are in the first half if they seem to be in the order of their ids, and in
        both halves otherwise.
        """
        found = _numbers(page)
        ids = sorted(found)
        if not ids or (self.low is not None and self.high == self.low + 1):
            raise IncompleteListingError(CROWDED)
        middle = ids[-1] + 1
        if ids != found or middle == self.high:
            middle = ids[len(ids) // 2]
        if middle == ids[0]:
            middle += 1
        if middle == self.high:  # one id, and more rows are announced
            raise IncompleteListingError(CROWDED)
        return _IdRange(self.low, middle), _IdRange(middle, self.high)


def _numbers(page: Page) -> Sequence[int]:
    try:
        return [int(id or "") for id in page.ids]
    except ValueError:
        raise IncompleteListingError(CROWDED) from None
