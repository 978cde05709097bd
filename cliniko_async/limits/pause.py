"""What a 429 means for all calls: wait, send one request to see, then continue evenly.

A 429 comes from the allowance being spent by somebody whom we do not see: another program with
the same user's key. If all waiting calls started at once when the pause is over, they would meet
the same 429 again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cliniko_async.limits.rate import RateLimit

__all__ = ["Pause"]

LONG_AGO: Final = float("-inf")


class Pause:
    """Where a user stands after a 429. Moments come from outside."""

    def __init__(self) -> None:
        self.until: float = LONG_AGO
        self._probe_due = False
        self._probing = False
        self._even_until = LONG_AGO
        self._next_at = LONG_AGO

    def begin(self, now: float, seconds: float) -> None:
        """A 429 was seen. Several at a time make the pause longer, they do not add up."""
        self.until = max(self.until, now + seconds)
        self._probe_due = True

    def opens(self, now: float) -> float | None:
        """The moment from which one request may leave; None if it depends on the probe's answer."""
        if now < self.until:
            return self.until
        if self._probing:
            return None
        if self._probe_due or now >= self._even_until:
            return now
        return max(self._next_at, now)

    def spreads(self, now: float) -> bool:
        """Whether requests leave one by one: the probe, then evenly."""
        return self._probe_due or self._probing or now < self._even_until

    def admit(self, now: float, rate: RateLimit) -> bool:
        """A request leaves now. True if it is the probe: tell `probed` what became of it."""
        if self._probe_due:
            self._probe_due, self._probing = False, True
            return True
        if now < self._even_until:
            self._next_at = now + rate.spacing
        return False

    def probed(self, now: float, rate: RateLimit, *, passed: bool) -> None:
        """The probe came back. If it did not pass, another one goes first."""
        self._probing = False
        if passed and not self._probe_due:
            self._even_until, self._next_at = now + rate.per, now + rate.spacing
        else:
            self._probe_due = True
