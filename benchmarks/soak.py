"""A long run: a thousand tasks with all kinds of calls, lanes, faults, time-outs and 429s.

Looks for drift: places that do not come back, tasks, connections and memory that stay. An hour of
virtual time by default, which takes a minute or two; `--real 10` takes ten real minutes against a
server in a process of its own, at 200 requests per 6 s. Ends with status 1 if anything drifted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs

from cliniko_async import AsyncCliniko, ClinikoError, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.emulator.serve import running

TASKS = 1000
QUARTERS = 4
AGENT = "Soak (soak@example.com)"
KEY = "SOAK-au1"
OTHER = "OTHER-au1"
MOST_GROWTH = 3.0
"""MiB of Python objects by which memory may grow between the second quarter and the last."""
MOST_GROWTH_IN_ALL = 30.0
"""Likewise of the process, whose allocator keeps some of what it has been given."""

Call = Callable[[AsyncCliniko], Awaitable[object]]


@attrs.frozen
class Run:
    """How long, how fast, and against what.

    Attributes:
        seconds: Of load.
        per: Seconds of the rate limit's window.
        open: Makes a session with a key.
        measure: Memory of Python objects in MiB.
        every: Seconds between two lines that say how it goes.
        settle: Seconds after which answers that never come have ended at the server, too, if it
            is in this process.
    """

    seconds: float
    per: float
    open: Callable[[str, RateLimit], AsyncCliniko]
    measure: Callable[[], float]
    every: float = 60.0
    settle: float = 0.0


def emulator(per: float) -> Emulator:
    """An API that fails now and then."""
    made = Emulator(
        Clinic.seeded(patients=150, appointments=0),
        per=per,
        latency=0.4 * per / 60,
        jitter=0.35 * per / 60,
        keys={KEY: "ann", OTHER: "ann"},
    )
    made.faults.rate = 0.03
    made.faults.kinds = ("500", "html", "cut", "reset", "hang")
    made.faults.methods = ("GET", "POST", "PATCH")
    return made


async def break_off(cliniko: AsyncCliniko) -> None:
    """Begin to read a list, and leave it."""
    async for _ in cliniko.patients.list():
        break


CALLS: tuple[Call, ...] = (
    lambda c: c.taxes.list().count(),
    lambda c: c.taxes.list().count(),
    lambda c: c.taxes.list().count(),
    lambda c: c.patients.list().all(),
    lambda c: c.patients.list(sort="last_name").all(),
    lambda c: c.patients.scan().all(),
    lambda c: c.patients.get_many(map(str, range(150)), missing="none"),
    lambda c: c.taxes.create(name="GST"),
    break_off,
)


async def ask(cliniko: AsyncCliniko, run: Run, until: float, seed: int) -> None:
    """Call again and again: some for people, some for jobs, some given up half-way."""
    now, choice = asyncio.get_running_loop().time, random.Random(seed)
    lane = "bulk" if seed % 3 else "interactive"
    view = cliniko.with_options(lane=lane, retries=3, timeout=35 * run.per / 60)
    while (left := until - now()) > 0:
        patience = choice.choice([5, 50, 500]) * run.per / 60
        with contextlib.suppress(TimeoutError, ClinikoError):
            async with asyncio.timeout(min(patience, left + run.per)):
                await choice.choice(CALLS)(view)
        await asyncio.sleep(min(choice.uniform(0, 5 * run.per), max(until - now(), 0)))


async def spend(run: Run, until: float) -> None:
    """Somebody else with the same user's allowance, now and then."""
    limit = RateLimit(200, per=run.per, user="another program")
    async with run.open(OTHER, limit) as other:
        while asyncio.get_running_loop().time() < until:
            counts = (other.taxes.list().count() for _ in range(20))
            await asyncio.gather(*counts, return_exceptions=True)
            await asyncio.sleep(0.8 * run.per)


async def load(cliniko: AsyncCliniko, run: Run) -> AsyncIterator[float]:
    """Four quarters of load; yields the memory after each."""
    now = asyncio.get_running_loop().time
    for quarter in range(1, QUARTERS + 1):
        until = now() + run.seconds / QUARTERS
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(spend(run, until))
            for seed in range(TASKS):
                tasks.create_task(ask(cliniko, run, until, seed * quarter))
        await asyncio.sleep(run.per / 6)  # what was given up at the end comes to its own end
        gc.collect()
        yield run.measure()


def tell(when: str, cliniko: AsyncCliniko) -> None:
    """Print a line about everything that could drift."""
    traffic, shown = cliniko.traffic, cliniko.limiter
    print(
        f"{when}: {traffic.requests} requests, {traffic.retried} retried, {traffic.refused} 429s; "
        f"{shown.free} free, {shown.in_flight} in flight, {sum(shown.waiting.values())} waiting; "
        f"{len(asyncio.all_tasks())} tasks, {open_files()} files, {traced():.2f} MiB "
        f"({resident():.0f} in all)",
        flush=True,
    )


async def watch(cliniko: AsyncCliniko, run: Run) -> None:
    """Say now and then how it goes."""
    for number in itertools.count(1):
        await asyncio.sleep(run.every)
        tell(f"minute {number * run.every / 60:g}", cliniko)


async def soak(run: Run) -> list[str]:
    """Run, print what there is to say, and return what drifted."""
    tasks, files = len(asyncio.all_tasks()), open_files()
    memory: list[float] = []
    in_all: list[float] = []
    async with run.open(KEY, RateLimit(200, per=run.per)) as cliniko:
        watching = asyncio.create_task(watch(cliniko, run))
        async for size in load(cliniko, run):
            memory.append(size)
            in_all.append(resident())
            tell(f"end of quarter {len(memory)}", cliniko)
        watching.cancel()
        # A place that got no answer comes back 30 s after it was sent, and a window.
        await asyncio.sleep(31 + 2 * run.per + run.settle)
        shown, busiest = cliniko.limiter, cliniko.traffic.busiest
    await asyncio.sleep(1)
    left = len(asyncio.all_tasks()) - tasks
    print(f"busiest window as sent {busiest}; afterwards {shown.free} places free of 200,")
    print(f"{shown.in_flight} in flight, {left} tasks and {open_files() - files} files left over")
    problems = {
        "places are missing": shown.free != 200 or shown.in_flight or any(shown.waiting.values()),
        "tasks are left over": left,
        "files are left open": open_files() > files,
        "memory grows": memory[-1] - memory[1] > MOST_GROWTH,
        "memory in all grows": in_all[-1] - in_all[1] > MOST_GROWTH_IN_ALL,
        "more was sent than is allowed": busiest > 200,
    }
    return [problem for problem, found in problems.items() if found]


def open_files() -> int:
    """Files and sockets that are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def resident() -> float:
    """Memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def traced() -> float:
    """Memory that Python has given out, in MiB."""
    return tracemalloc.get_traced_memory()[0] / 2**20


def virtual_hour() -> list[str]:
    """An hour on a virtual clock, with the server in this process."""
    server = emulator(60)
    tracemalloc.start()

    def measure() -> float:
        server.report.arrivals.clear()
        server.clinic.table("taxes").__init__()
        gc.collect()
        return traced()

    def session(key: str, limit: RateLimit) -> AsyncCliniko:
        return AsyncCliniko(key, user_agent=AGENT, transport=server.transport(), rate_limit=limit)

    async def main() -> list[str]:
        return await soak(Run(3600, 60, session, measure, every=600, settle=3600))

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())


def real_minutes(minutes: float) -> list[str]:
    """Some minutes on the real clock, with the server in another process."""
    tracemalloc.start()

    def session(key: str, limit: RateLimit) -> AsyncCliniko:
        return AsyncCliniko(key, user_agent=AGENT, base_url=base_url, rate_limit=limit)

    program = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(  # noqa: S603 - this file
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin  # noqa: S101 - for type checkers
        assert server.stdout  # noqa: S101 - likewise
        base_url = server.stdout.readline().strip()
        problems = asyncio.run(soak(Run(60 * minutes, 6, session, traced)))
        server.stdin.close()
        print(server.stdout.readline().strip())
        server.kill()  # some of its answers never come
    return problems


async def serve() -> None:
    """Serve until there is nobody to serve; then say how it was."""
    server = emulator(6)
    async with running(server) as base_url:
        print(base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        requests, busiest = server.report.requests, server.report.busiest(6, key=KEY)
        print(
            f"at the server: {requests} requests, at most {busiest} of ours within 6 s", flush=True
        )


def main() -> None:
    """Soak, and end with status 1 if anything drifted."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--real", type=float, metavar="MINUTES", help="ten: fewer are warm-up")
    options.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.serve:
        asyncio.run(serve())
        return
    problems = real_minutes(chosen.real) if chosen.real else virtual_hour()
    print("; ".join(problems) or "nothing drifted")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
