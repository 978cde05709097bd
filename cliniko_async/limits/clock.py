"""The clock of an event loop, as far as it can be trusted with a user's places."""

from __future__ import annotations

import time
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["clock_of", "suspended"]


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """What tells the moments at which things happen in a loop.

    asyncio's loops tell the system's monotonic time, and a test's virtual loop tells its own.
    uvloop tells the moment at which its present round began: an answer that is read late in a
    long round would seem to have come before the server counted the request.
    """
    told = getattr(loop.time, "__func__", loop.time)
    return loop.time if isinstance(told, FunctionType) else time.monotonic


def suspended() -> float:
    """Seconds that this machine has slept since it was started, where the system tells.

    Monotonic clocks of Linux stand still meanwhile; a store's clock on another host does not.
    """
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boottime is None else time.clock_gettime(boottime) - time.monotonic()
