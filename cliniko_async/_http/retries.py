"""What may be sent again, and how long to keep trying."""

from __future__ import annotations

import random
from enum import Enum
from typing import Final

import attrs

from cliniko_async.limits import Lane

__all__ = ["Patience", "Repeat"]

FIRST_DELAY: Final = 0.4
"""Seconds before the second try, give or take half."""

LONGEST_DELAY: Final = 20.0
"""Seconds before any try, give or take half."""

FEWEST_TRIES: Final = 4
"""Tries that a call gets in any case, unless `retries` says otherwise."""

PATIENCE: Final[dict[str, float]] = {"interactive": 10.0, "bulk": 120.0}
"""Seconds of tries and pauses that a call may spend, by lane, without its waits for the limit."""


class Repeat(Enum):
    """What it means to send a request twice. It follows the verb, not the HTTP method."""

    READ = "nothing is changed"
    SAME = "the second time changes nothing more: update, cancel, unarchive"
    GONE = "likewise, and a 404 the second time says that the first was done: archive, delete"
    NEVER = "it may happen twice, for the API knows no idempotency keys: create"

    @property
    def writes(self) -> bool:
        """Whether the verb changes anything."""
        return self is not Repeat.READ


@attrs.define
class Patience:
    """How often one call has been tried, and whether it will be again."""

    lane: Lane
    retries: int | None
    tries: int = 0
    spent: float = 0.0

    def next_delay(self, took: float, asked: float = 0.0) -> float | None:
        """Seconds to wait before the next try, or None to give up.

        Args:
            took: Seconds that the failed try took.
            asked: Seconds that the server has asked to wait, which are granted within the patience.
        """
        self.tries += 1
        self.spent += took
        if self._is_over():
            return None
        delay = min(FIRST_DELAY * 2.0 ** (self.tries - 1), LONGEST_DELAY)
        delay *= random.uniform(0.5, 1.5)  # noqa: S311 - so that a crowd does not come back at once
        if self.retries is None and self.spent < PATIENCE[self.lane]:
            delay = min(delay, max(PATIENCE[self.lane] - self.spent, FIRST_DELAY))
        delay = max(delay, min(asked, PATIENCE[self.lane] - self.spent))
        self.spent += delay
        return delay

    def _is_over(self) -> bool:
        if self.retries is not None:
            return self.tries > self.retries
        return self.tries >= FEWEST_TRIES and self.spent >= PATIENCE[self.lane]
