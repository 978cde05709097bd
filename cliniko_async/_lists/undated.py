"""Rule 8: rows without a moment of creation, which no condition on it finds.

They stand at the end of a list that is otherwise in the order of creation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from cliniko_async._lists.ahead import BROKEN, REFUSED
from cliniko_async._lists.id_range import NotFilteredError, by_ids
from cliniko_async.errors import ApiError, IncompleteListingError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cliniko_async._lists.ahead import Ahead
    from cliniko_async._lists.list_request import Source
    from cliniko_async._lists.page import Page

__all__ = ["Undated"]

MOST_LOOKS: Final = 10
"""How often the last page is looked for in a list whose length changes."""

UNDATED: Final = (
    "some rows of this list show no moment of creation and cannot be asked for, so that some may "
    "be missing"
)


@attrs.frozen
class _Look:
    """A look at the end of a list: what was found, or how many rows to expect the next time."""

    total: int = 0
    found: bool | None = None


class Undated:
    """Looks for such rows, when the list's first total says that there may be some.

    Args:
        ahead: Asks for pages.
        source: The list.
        total: How many rows it announced.
        size: Rows on a page.
    """

    def __init__(self, ahead: Ahead, source: Source, total: int, size: int) -> None:
        self._ahead = ahead
        self._source = source
        self._size = size
        self._first = ahead.spawn(self._look(total))

    async def may_be(self) -> bool:
        """Whether there may be some."""
        look = await self._first
        for _ in range(MOST_LOOKS):
            if look.found is not None:
                return look.found
            look = await self._look(look.total)
        return True

    async def _look(self, total: int) -> _Look:
        number = max(-(-total // self._size), 1)
        try:
            page = await self._ahead.call(self._source.request(page=number))
        except NotFoundError:  # the list has become shorter
            return _Look(total // 2)
        except BROKEN:
            return _Look(found=True)  # as far as can be seen
        if None in page.seconds or (page and page.next is None):
            return _Look(found=None in page.seconds)
        if page:
            return _Look(max(page.total or 0, number * self._size + 1))
        return _Look(min(page.total or 0, total - self._size))

    async def pages(self) -> AsyncGenerator[Page]:
        """The rows, ids rising from page to page.

        Raises:
            IncompleteListingError: The API does not show them by themselves.
        """
        try:
            async for page in by_ids(self._ahead, self._source.undated()):
                if any(page.seconds):
                    raise IncompleteListingError(UNDATED)
                yield page
        except NotFilteredError:
            raise IncompleteListingError(UNDATED) from None
        except ApiError as error:
            if error.status not in REFUSED:
                raise
            raise IncompleteListingError(UNDATED) from None
