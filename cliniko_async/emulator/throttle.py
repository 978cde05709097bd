"""The rate limit as the API enforces it: a fixed window for each user."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Throttle"]


class Throttle:
    """Counts requests in windows that begin at multiples of their length."""

    def __init__(self, limit: int, per: float, clock: Callable[[], float]) -> None:
        self.limit: int = limit
        self.per: float = per
        self._clock = clock
        self._counts: Counter[tuple[str, int]] = Counter()

    def admits(self, user: str) -> bool:
        """Count a request; False if it is one too many."""
        window = (user, int(self._clock() // self.per))
        self._counts[window] += 1
        return self._counts[window] <= self.limit

    def resets_at(self) -> int:
        """When the present window ends, in whole seconds since the epoch."""
        return math.ceil((self._clock() // self.per + 1) * self.per)
