"""An event loop on a virtual clock, so that minutes of rate limit pass in milliseconds.

The clock does not move while there is work, and moves on to the next timer when there is none:

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
"""

from __future__ import annotations

import asyncio
import selectors

__all__ = ["VirtualClock", "VirtualTimeLoop"]

CREEP = 1e-6
"""Seconds by which an idle moment advances the clock: sums of floats may round a timer to 'now'."""

PATIENCE = 10.0
"""Real seconds to wait for a socket or a thread before saying that nothing can ever happen."""


class VirtualClock:
    """Virtual seconds, shared by all loops that are given the same clock."""

    def __init__(self, now: float = 0.0) -> None:
        self.now: float = now


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer: moves the clock forward instead."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None:
            self._clock.now += max(timeout, CREEP)
            return ready
        ready = super().select(PATIENCE)
        if not ready:
            raise RuntimeError("nothing can ever happen: no timer, no ready task, no socket")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is a virtual clock.

    Args:
        clock: Given to several loops, it goes on from one to the next. By default each loop
            starts at zero.
    """

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock: VirtualClock = clock or VirtualClock()
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        """Seconds since the virtual clock began."""
        return self.clock.now
