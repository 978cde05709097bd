"""What interactive calls wait while a bulk job takes all it can, with lanes and without.

On a virtual clock, so that minutes of rate limit take a second: 1,500 bulk calls at 200 per 60 s,
and an interactive call every 7 s. "Without lanes" is the same in one lane.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from _promise import machine, promise, summary

from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.limits import LocalLimiter, RateLimit

if TYPE_CHECKING:
    from cliniko_async.limits import Allowance, Lane

BULK = 1500
EVERY = 7.0


async def call(allowance: Allowance, lane: Lane, random: Random) -> float:
    """Make a call; the seconds that it waited for its place."""
    now = asyncio.get_running_loop().time
    asked = now()
    place = await allowance.acquire(lane=lane)
    waited = now() - asked
    place.sent()
    await asyncio.sleep(random.uniform(0.05, 0.4))
    place.answered()
    place.close()
    return waited


async def job(allowance: Allowance, random: Random) -> None:
    """Bulk calls, all at once."""
    await asyncio.gather(*(call(allowance, "bulk", random) for _ in range(BULK)))


async def run(interactive: Lane, burst: int) -> list[float]:
    """The waits of the interactive calls while the job lasts."""
    random = Random(0)
    allowance = LocalLimiter().open(f"{interactive} {burst}", RateLimit(burst=burst))
    # The first call shows the limiter that somebody waits, before the job takes what there is.
    await call(allowance, interactive, random)
    working = asyncio.create_task(job(allowance, random))
    waits: list[float] = []
    while not working.done():
        await asyncio.sleep(EVERY)
        waits.append(await call(allowance, interactive, random))
    return waits


def main() -> None:
    """Print the waits."""
    machine()
    for burst in (200, 20, 1):
        for interactive in ("interactive", "bulk"):
            with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
                waits = runner.run(run(interactive, burst))
            worst = max(waits)
            lanes = "with lanes" if interactive == "interactive" else "without lanes"
            print(f"burst {burst:3}, {lanes:13}: longest wait {worst:7.3f} s of {len(waits)} calls")
            if interactive == "interactive" and burst == 200:
                promise("longest wait at full burst", worst, " s", most=0.1)
    summary()


if __name__ == "__main__":
    main()
