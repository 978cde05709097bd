"""Says on a terminal that a command waits for the rate limit, once per wait."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from cliniko_async.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cliniko_async._client import AsyncCliniko
    from cliniko_async.limits import LimiterSnapshot

__all__ = ["waits_told", "words_of"]

LOOK_SECONDS: Final = 0.25
MOMENT_SECONDS: Final = 1.0
"""What is shorter is not worth a line."""


@asynccontextmanager
async def waits_told(session: AsyncCliniko, prefix: str = "") -> AsyncGenerator[None]:
    """Say on standard error, if that is a terminal, when the block waits for the limit."""
    if not sys.stderr.isatty():
        yield
        return
    looking = asyncio.create_task(_look(session, prefix))
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _look(session: AsyncCliniko, prefix: str) -> None:
    clock = asyncio.get_running_loop().time
    begin: float | None = None
    told = False
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        waiting = words_of(session.limiter)
        if waiting is None:
            begin, told = None, False
        elif begin is None:
            begin = clock()
        elif not told and clock() - begin >= MOMENT_SECONDS:
            say(prefix + waiting)
            told = True


def words_of(limiter: LimiterSnapshot) -> str | None:
    """That requests wait for the limit, and for how long, in words; None if none does."""
    if limiter.free or not sum(limiter.waiting.values()):
        return None
    if not limiter.next_place:
        return "waiting for the rate limit"
    return f"waiting {limiter.next_place:.0f} s for the rate limit"
