"""What is left to a user's programs of the allowance while a stranger spends of it too.

A 429 comes from somebody whom we do not see: another program with the same user's key. To try for
all places again in each window would meet a 429 in each. So a part of the places is given up: what
was in use when the 429 came, less a little, is what is left to us. They are won back one by one,
slowly at first, so that the next 429, if the stranger is still there, is met by one request and not
by a crowd; faster as none comes, so that a stranger who has left is soon forgotten.
"""

from __future__ import annotations

import math
from typing import Final

from cliniko_async.limits.pause import LONG_AGO

__all__ = ["KEPT", "WINDOWS", "Share"]

KEPT: Final = 7 / 8
"""The part of the places in use that is kept at a 429."""

WINDOWS: Final = 8
"""Windows in which all places would be won back: n of them bring the square of n / WINDOWS."""


class Share:
    """The places that are ours at a moment. Moments come from outside."""

    def __init__(self, left: float = math.inf, least: int = 1, at: float = LONG_AGO) -> None:
        self.left: float = left
        """Places that were left at the last 429."""
        self.least: int = least
        """Places that are left at the least, whatever else that 429 brings."""
        self.at: float = at
        """When it came."""

    def give_up(self, now: float, used: int, limit: int, per: float) -> None:
        """A 429 was seen while so many places were in use, the refused request's not counted.

        Half is given up at the most: an earlier run of the same program may have used what is
        missing.
        """
        self.least = max(self.places(now, limit, per) // 2, 1)
        self.left = max(self.least, math.floor(used * KEPT))
        self.at = now

    def give_up_more(self, refusals: int) -> None:
        """Others were refused that were on their way when the 429 came."""
        self.left = max(self.least, self.left - refusals)

    def places(self, now: float, limit: int, per: float) -> int:
        """How many places are ours."""
        if self.left >= limit:
            return limit
        won = limit * ((now - self.at) / (WINDOWS * per)) ** 2
        return min(limit, int(self.left) + int(won))

    def next_won(self, now: float, limit: int, per: float) -> float | None:
        """When the next place is won back; None if all are ours."""
        ours = self.places(now, limit, per)
        if ours >= limit:
            return None
        won = (ours - self.left + 1) / limit
        return self.at + WINDOWS * per * math.sqrt(won)
