"""Faults of networks and servers, which tests ask for."""

from __future__ import annotations

from random import Random
from typing import Final, Literal, get_args

import attrs

__all__ = ["FAULTS", "Fault", "Faults", "ResetError"]

Fault = Literal["500", "502", "503", "504", "cut", "html", "reset", "refuse", "hang"]
"""A status with an HTML body; a body cut short; a page of HTML with 200; a connection that is reset
after the request was done; one that is never made; an answer that never comes."""

FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)


class ResetError(Exception):
    """The connection breaks: nothing of an answer is sent."""


@attrs.define
class Faults:
    """Which requests go wrong, and how.

    Attributes:
        rate: The share of requests that go wrong by chance.
        kinds: What happens to them.
        methods: The methods that are hit by chance.
    """

    rate: float = 0.0
    kinds: tuple[Fault, ...] = ("500", "502", "503", "cut")
    methods: tuple[str, ...] = ("GET",)
    _due: list[tuple[Fault, str | None]] = attrs.field(factory=list[tuple[Fault, str | None]])
    _random: Random = attrs.field(factory=lambda: Random(0))  # noqa: S311 - the same each time

    def next(self, fault: Fault, *, times: int = 1, path: str | None = None) -> None:
        """Let the next requests go wrong, or the next ones to a path."""
        self._due.extend((fault, path) for _ in range(times))

    def pick(self, method: str, path: str) -> Fault | None:
        """What happens to a request."""
        for index, (fault, only) in enumerate(self._due):
            if only in (None, path):
                del self._due[index]
                return fault
        if method in self.methods and self._random.random() < self.rate:
            return self._random.choice(self.kinds)
        return None
