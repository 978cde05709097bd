"""What is in flight for a listing: tasks of the session, which can be given up all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from cliniko_async._http.view import View
from cliniko_async.errors import DecodeError, NotFoundError, ServerError, TransportError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from cliniko_async._lists.list_request import PageRequest
    from cliniko_async._lists.page import Page

__all__ = ["BROKEN", "REFUSED", "Ahead", "Window", "near"]

T = TypeVar("T")

BROKEN: Final = (NotFoundError, ServerError, TransportError, DecodeError)
"""Errors of a single page, which another way to its rows may not meet."""

REFUSED: Final = frozenset({400, 422})
"""What a server says to a condition that it does not know."""

FEW_RETRIES: Final = 2
"""How often a page is tried again that a shallower one can replace."""

NEAR: Final = 2.0
"""Seconds between the answers of two pages within which nothing is taken to come *and* go.

Two replicas of a database may be a second apart besides."""

LONGEST: Final = 64
"""Pages in a burst: as many as may be in flight, and all at once for who reads everything."""

MOST_AHEAD: Final = 16
"""Pages on their way at once for who may stop at any row: about 4 MB of full patients."""

FIRST_AHEAD: Final = 2
"""The same, at first."""

MORE: Final = 3
"""How many more for each page that was taken."""

FEW: Final = 8
"""A seam in so many pages is few."""

FEWEST: Final = 4
"""Pages in a burst at the least because of seams: at a second a round trip, still 4 a second."""

SHY: Final = 8
"""Bursts until a page is tried again that was too deep for the server; then twice as many."""


class Ahead:
    """Requests in flight for one listing."""

    def __init__(self, view: View) -> None:
        self._view = view
        retries = view.options.retries
        few = FEW_RETRIES if retries is None else min(retries, FEW_RETRIES)
        self._hasty = View(view.session, attrs.evolve(view.options, retries=few))
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, request: PageRequest, *, replaceable: bool = False) -> asyncio.Task[Page]:
        """Ask for a page.

        Args:
            request: The page.
            replaceable: Whether its rows can be read in another way, so that it is soon given up.
        """
        return self.spawn((self._hasty if replaceable else self._view).call(request))

    async def call(self, request: PageRequest) -> Page:
        """Ask for a page, and wait for it."""
        return await self.start(request)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do something beside the listing."""
        task = self._view.session.spawn(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """Give up everything in flight; its places in the limiter come back."""
        for task in tuple(self._tasks):
            task.cancel()


class Window:
    """How many pages are asked for at once.

    Args:
        eager: Whether all will be read.
        most: Rows that will be read at the most, if that is known.

    Attributes:
        length: Pages in a burst.
    """

    def __init__(self, *, eager: bool, most: int | None = None) -> None:
        eager = eager or most is not None
        self.length: int = LONGEST
        self._ahead = LONGEST if eager else FIRST_AHEAD
        self._most = most
        self._wanted = LONGEST
        self._most_ahead = LONGEST if eager else MOST_AHEAD
        self._longest = LONGEST
        self._shy = SHY
        self._good = 0
        self._limited = False

    @property
    def ahead(self) -> int:
        """Pages on their way at once; 0 if no more are needed."""
        return min(self._ahead, self._wanted)

    def note(self, rows: int, size: int) -> None:
        """Note how many rows there are so far, of pages of this size."""
        if self._most is not None:
            self._wanted = max(-(-(self._most - rows) // size), 0)

    def grow(self) -> None:
        """Ask for more at once: a page was taken, so that there will be more."""
        self._ahead = min(self._ahead + MORE, self._most_ahead)

    def adapt(self, length: int, seams: int, *, waited: bool) -> None:
        """Make bursts shorter while there are many seams, when the limit makes them expensive.

        Args:
            length: Pages of a burst that came to its end.
            seams: How many seams it had.
            waited: Whether pages waited for the limit. Until they do, seams cost no time, and
                afterwards a few pages at once are as fast as many.
        """
        self._limited = self._limited or waited
        self._good += 1
        if self._good > self._shy:
            self._longest = LONGEST
        many = self._limited and seams * FEW > length
        wanted = max(length // 2, FEWEST) if many else self.length * 2
        self.length = min(wanted, self._longest, MOST_AHEAD if self._limited else LONGEST)

    def halve(self, length: int, *, waited: bool) -> None:
        """Ask for half as many as were asked for, after a burst that did not come to its end."""
        self._limited = self._limited or waited
        self.length = max(length // 2, 1)

    def stay_above(self, number: int) -> None:
        """Ask for no page with this number for a while: the server cannot manage it."""
        self._shy = self._shy * 2 if self._longest < LONGEST or self._good else self._shy
        self._good = 0
        self._longest = max(min(self._longest, number - 1), 1)
        self.length = min(self.length, self._longest)


def near(left: Page, right: Page) -> bool:
    """Whether two pages were certainly read at about the same time."""
    return max(left.came, right.came) - min(left.sent, right.sent) <= NEAR
