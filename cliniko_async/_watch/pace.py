"""When a watch polls: at even intervals, and later if its share of the rate limit is used up."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import attrs

from cliniko_async._http.request import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async._http.session import Session

__all__ = ["Pace", "Tally"]

GLANCE: Final = 10.0
"""Seconds between two checks of the wall clock, which goes on while a machine sleeps: when it has
woken up, the poll that is due begins within this time."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0
"""Seconds between a failed poll and the next try, doubled with each failure. Before a poll fails,
its requests have been repeated for about 2 minutes."""

STRETCHED: Final = 4
"""How many times as long an interval becomes at the most while other calls wait for the limit."""


@attrs.define(eq=False)
class Tally(Budget):
    """Counts the requests of a view, and charges them to the view's own budget if it has one."""

    own: Budget | None = None

    def spend(self) -> None:
        """Count a request."""
        if self.own is not None:
            self.own.spend()
        self.spent += 1


class Pace:
    """Says when the next poll is due.

    Args:
        session: Whose allowance it is.
        every: Seconds from the start of a poll to the start of the next.
        share: The part of the allowance that polls take at the most.
        tally: Counts the requests of polls.
        wall: The wall clock, which goes on while the machine sleeps.
    """

    def __init__(
        self,
        session: Session,
        *,
        every: float,
        share: float,
        tally: Tally,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._every = every
        self._request = session.rate.per / (share * session.rate.requests)
        self._tally = tally
        self._wall = wall
        self._stretch = 1
        self._began: float | None = None
        self._spent = 0
        self._pause = FIRST_PAUSE
        self._due: tuple[float, float] | None = None

    async def wait(self) -> None:
        """Wait until something is to be asked. It can be cancelled and repeated."""
        while self._due is not None:
            left = min(self._due[0] - _now(), self._due[1] - self._wall())
            if left <= 0:
                self._due = None
                break
            await self._session.sleep(min(left, GLANCE))
            _ = self._session.allowance  # raises if the session was closed
        if self._began is None:
            self._began, self._spent = _now(), self._tally.spent

    def polled(self) -> None:
        """A poll has ended: the next one is due after the interval."""
        self._pause = FIRST_PAUSE
        self._stretch = min(self._stretch * 2, STRETCHED) if self._is_short() else 1
        cost = (self._tally.spent - self._spent) * self._request
        began = _now() if self._began is None else self._began
        self._wait(began + max(self._every * self._stretch, cost) - _now())
        self._began = None

    def failed(self) -> None:
        """A poll has failed: it is tried again after a pause."""
        self._wait(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _wait(self, seconds: float) -> None:
        self._due = (_now() + seconds, self._wall() + seconds)

    def _is_short(self) -> bool:
        """Whether other calls wait for the limit, or the API has told this user to wait."""
        allowance = self._session.allowance.snapshot()
        return any(allowance.waiting.values()) or allowance.paused > 0


def _now() -> float:
    return asyncio.get_running_loop().time()
