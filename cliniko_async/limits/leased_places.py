"""Places that are leased from a store, and how long a lease is good.

A place is taken in the store for LEASE seconds and a window more. Its request may leave while
ATTEMPT seconds of the lease are left, so that it is answered, or given up by the API, before the
lease is over: the place is held for a window after that, whether or not the store hears of it.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from cliniko_async.limits.clock import suspended
from cliniko_async.limits.window import Window

__all__ = ["LEASE", "Lease", "LeasedPlaces"]

ATTEMPT: Final = 40.0
"""Seconds of its lease that a place must have left when its request leaves.

More than the 35 s of a session's default `timeout`. The API cuts off at 30 s what takes longer.
"""

LEASE: Final = ATTEMPT + 10.0
"""Seconds that an attempt may take, with the time before that a place waits to be used."""


@attrs.frozen
class Lease:
    """A place that was taken in the store for this process."""

    name: str
    taken: float
    suspended: float = attrs.field(factory=suspended)
    """Seconds that the machine had slept by then."""

    def is_good(self, now: float) -> bool:
        """Whether a request that leaves now is done before the lease is over."""
        slept = suspended() - self.suspended
        return now + max(slept, 0.0) <= self.taken + LEASE - ATTEMPT


class LeasedPlaces(Window):
    """The leased places that no request has yet."""

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self.leases: deque[Lease] = deque()
        self.reports: dict[str, float | None] = {}
        """When places come back that the store has not heard of yet; None is at once."""

    def free(self, now: float) -> int:
        """How many places could be used now."""
        while self.leases and not self.leases[0].is_good(now):
            self.reports[self.leases.popleft().name] = None
        return len(self.leases)

    def take_lease(self) -> Lease:
        """Take a place. Ask `free` first."""
        self.take()
        return self.leases.popleft()

    def return_all(self) -> None:
        """Give back all that no request has."""
        self.reports.update(dict.fromkeys((lease.name for lease in self.leases), None))
        self.leases.clear()
