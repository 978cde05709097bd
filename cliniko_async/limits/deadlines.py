"""Deadlines of the calls that do not wait as long as it takes."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliniko_async.limits.line import Waiter

__all__ = ["Deadlines"]

FEW: Final = 64
"""Calls that have gone away and are not worth being cleared out."""


class Deadlines:
    """Waiting calls by the end of their wait; those that went away are passed over."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Waiter]] = []
        self._number = count()
        self._clear_at = FEW

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, waiter: Waiter) -> None:
        """Remember a call until `waiter.until`."""
        heappush(self._heap, (waiter.until, next(self._number), waiter))
        if len(self._heap) > self._clear_at:
            self._heap = [entry for entry in self._heap if not entry[2].place.done()]
            heapify(self._heap)
            self._clear_at = 2 * len(self._heap) + FEW

    def first(self) -> Waiter | None:
        """The call whose wait ends first."""
        while self._heap and self._heap[0][2].place.done():
            heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def by(self, moment: float) -> list[Waiter]:
        """Take out the calls whose waits end by a moment."""
        found: list[Waiter] = []
        while self._heap and self._heap[0][0] <= moment:
            found.append(heappop(self._heap)[2])
        return found

    def before(self, moment: float, *, asked_by: float) -> Iterator[Waiter]:
        """Take out the calls that came by one moment and whose waits end before another."""
        kept: list[tuple[float, int, Waiter]] = []
        while self._heap and self._heap[0][0] < moment:
            entry = heappop(self._heap)
            if entry[2].asked <= asked_by:
                yield entry[2]
            elif not entry[2].place.done():
                kept.append(entry)
        for entry in kept:
            heappush(self._heap, entry)
