"""Ranges of ids, for rows that nothing else tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from cliniko_async.errors import IncompleteListingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._lists.page import Page
    from cliniko_async._lists.seconds import Condition

__all__ = ["IdRange"]

CROWDED: Final = (
    "more rows were created within one second than a page holds, and they cannot be told apart by "
    "their ids, so that some may be missing"
)


@attrs.frozen
class IdRange:
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

    def holds(self, page: Page) -> bool:
        """Whether a page keeps within this range."""
        return all(
            (self.low is None or self.low <= id) and (self.high is None or id < self.high)
            for id in _numbers(page)
        )

    def halves(self, page: Page) -> tuple[IdRange, IdRange]:
        """This range in two, at the middle of the ids on one page of it."""
        ids = sorted(_numbers(page))
        if not ids or (self.low is not None and self.high == self.low + 1):
            raise IncompleteListingError(CROWDED)
        middle = ids[len(ids) // 2]
        if middle == ids[0]:
            middle += 1
        return IdRange(self.low, middle), IdRange(middle, self.high)


def _numbers(page: Page) -> Sequence[int]:
    try:
        return [int(id or "") for id in page.ids]
    except ValueError:
        raise IncompleteListingError(CROWDED) from None
