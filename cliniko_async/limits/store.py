"""Where processes meet: what one asks and tells, what it is answered, and how that may fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

__all__ = ["Question", "Reply", "Store", "StoreError"]


@attrs.frozen(kw_only=True)
class Question:
    """What a process tells and asks.

    Attributes:
        limit: Places that the user has.
        per: Seconds of a window.
        lease: Seconds until a place that is taken now comes back, if nothing is heard of it.
        reserve: Places that bulk leaves free while interactive calls come.
        interactive: Places to take for interactive calls, at the most.
        bulk: Places to take for bulk, at the most.
        name: The process; with a number, the name of a place. No place has the name of another.
        first: The number of the first place to be taken.
        refused: Seconds to hold everybody back, after a 429.
        refusals: How many requests were refused since the last question.
        seen: Seconds since an interactive call came, if one did.
        back: Seconds until places come back, by name. Too long is safe; zero is at once.
        now: The moment, for tests; otherwise the store's.
    """

    limit: int
    per: float
    lease: float
    reserve: int
    interactive: int
    bulk: int
    name: str
    first: int
    refused: float | None = None
    refusals: int = 0
    seen: float | None = None
    back: Mapping[str, float] = attrs.field(factory=dict[str, float])
    now: float | None = None

    @property
    def rate(self) -> str:
        """What this process takes the user's rate to be."""
        return f"{self.limit} per {self.per:g} s"


@attrs.frozen
class Reply:
    """What the store says.

    Attributes:
        given: Places that were taken.
        free: Places that are left.
        wait: Seconds before which no interactive call gets a place, as far as is known.
        wait_bulk: Likewise for bulk.
        pause: Until when everybody is held back, or was, by the store's clock.
        now: The store's clock.
        other_rate: What another process has lately taken the user's rate to be, if it differs.
    """

    given: int
    free: int
    wait: float
    wait_bulk: float
    pause: float
    now: float
    other_rate: str = ""


class StoreError(Exception):
    """The store gave no answer; whether it did what was asked is not known.

    Attributes:
        hopeless: Whether it will give none however often it is asked, until somebody steps in.
    """

    def __init__(self, problem: str, *, hopeless: bool = False) -> None:
        super().__init__(problem)
        self.hopeless: bool = hopeless


class Store(Protocol):
    """Where the processes that share a user's places meet."""

    async def ask(self, question: Question) -> Reply:
        """Give back, look at the pause, take; all or nothing.

        Raises:
            StoreError: No answer came.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...
