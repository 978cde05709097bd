"""A long run: an hour of virtual time, a thousand tasks, lanes, faults and 429s.

Prints what was sent and whether anything drifted: places, tasks, memory. It takes a minute or two.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc

from cliniko_async import AsyncCliniko, ClinikoError, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.clock import VirtualTimeLoop

TASKS = 1000
HOUR = 3600.0
KEY = "SOAK-au1"
OTHER = "OTHER-au1"


async def ask(cliniko: AsyncCliniko, until: float, seed: int) -> None:
    """Call again and again: some for people, some for jobs, some given up half-way."""
    now, choice = asyncio.get_running_loop().time, random.Random(seed)
    view = cliniko.with_options(lane="bulk" if seed % 3 else "interactive", retries=3)
    while now() < until:
        try:
            async with asyncio.timeout(choice.choice([5, 50, 500])):
                await view.taxes.list().count()
        except (TimeoutError, ClinikoError):
            pass
        await asyncio.sleep(choice.uniform(0, 300))


async def spend(emulator: Emulator, until: float) -> None:
    """Somebody else with the same user's allowance, now and then."""
    async with AsyncCliniko(
        OTHER,
        user_agent="Soak (soak@example.com)",
        transport=emulator.transport(),
        rate_limit=RateLimit(200, user="another program"),
    ) as other:
        while asyncio.get_running_loop().time() < until:
            await asyncio.gather(*(other.taxes.list().count() for _ in range(20)))
            await asyncio.sleep(47)


async def main() -> None:
    """Run, and print what there is to say."""
    emulator = Emulator(
        Clinic.seeded(patients=1, appointments=0),
        latency=0.4,
        jitter=0.35,
        keys={KEY: "ann", OTHER: "ann"},
    )
    emulator.faults.rate = 0.03
    emulator.faults.kinds = ("500", "html", "cut", "reset", "hang")
    before = len(asyncio.all_tasks())
    async with AsyncCliniko(
        KEY, user_agent="Soak (soak@example.com)", transport=emulator.transport()
    ) as cliniko:
        memory: list[int] = []
        for quarter in range(1, 5):
            until = quarter * HOUR / 4
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(spend(emulator, until))
                for seed in range(TASKS):
                    tasks.create_task(ask(cliniko, until, seed * quarter))
            emulator.report.arrivals, arrivals = [], emulator.report.arrivals
            del arrivals
            gc.collect()
            memory.append(tracemalloc.get_traced_memory()[0])
        await asyncio.sleep(HOUR + 200)  # answers that never come end here, at the emulator
        shown = cliniko.limiter
        print(f"requests {cliniko.traffic.requests}, retried {cliniko.traffic.retried}")
        print(f"429s {cliniko.traffic.refused}, busiest 60 s as sent {cliniko.traffic.busiest}")
        print(f"places free at the end {shown.free} of 200, in flight {shown.in_flight}")
        print("memory after each quarter, MiB:", [f"{size / 2**20:.2f}" for size in memory])
    print(f"tasks left over: {len(asyncio.all_tasks()) - before}")


if __name__ == "__main__":
    tracemalloc.start()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())
