"""Compare limiters: the same reads of one user, at one counting server.

    python benchmarks/limiters.py          # 50 requests per 10 s, within a minute
    python benchmarks/limiters.py --true   # 200 requests per 60 s, about five minutes

Each limiter runs in a process of its own, as a careful user would write it around httpx, and talks
to an emulator of its own on a socket. A request takes 10 to 290 ms, any part of it before the
server counts it. Nobody tries a refused call again, so that those calls are lost.
"""

# ruff: noqa: PLC0415 - a limiter that is not installed is no error
from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from _promise import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Fetch = Callable[[str], Awaitable[object]]

AGENT = "Benchmark (bench@example.com)"
PICTURE = Path(__file__).with_name("limiters.svg")


class Rate(NamedTuple):
    """Requests within so many seconds."""

    limit: int
    per: float

    def bound(self, calls: int) -> float:
        """Seconds that so many calls take at the least."""
        return (math.ceil(calls / self.limit) - 1) * self.per


# The limiters, each a few lines around `fetch`


async def by_aiolimiter(fetch: Fetch, ids: Sequence[str], rate: Rate) -> None:
    """Take a bucket that holds a window's requests."""
    from aiolimiter import AsyncLimiter

    bucket = AsyncLimiter(rate.limit, rate.per)

    async def one(id: str) -> None:
        async with bucket:
            await fetch(id)

    await asyncio.gather(*map(one, ids))


async def by_aiolimiter_evenly(fetch: Fetch, ids: Sequence[str], rate: Rate) -> None:
    """Take a bucket that holds one request."""
    await by_aiolimiter(fetch, ids, Rate(1, rate.per / rate.limit))


async def by_limits(fetch: Fetch, ids: Sequence[str], rate: Rate) -> None:
    """Ask a moving window, and wait until it moves on."""
    from limits import RateLimitItemPerSecond
    from limits.aio.storage import MemoryStorage
    from limits.aio.strategies import MovingWindowRateLimiter

    window = MovingWindowRateLimiter(MemoryStorage())
    item = RateLimitItemPerSecond(rate.limit, int(rate.per))

    async def one(id: str) -> None:
        while not await window.hit(item, "me"):
            stats = await window.get_window_stats(item, "me")
            await asyncio.sleep(max(stats.reset_time - time.time(), 0.01))
        await fetch(id)

    await asyncio.gather(*map(one, ids))


async def by_pyrate_limiter(fetch: Fetch, ids: Sequence[str], rate: Rate) -> None:
    """Wait in its bucket in memory."""
    from pyrate_limiter import Limiter
    from pyrate_limiter import Rate as PyrateRate

    limiter = Limiter(PyrateRate(rate.limit, int(rate.per * 1000)))

    async def one(id: str) -> None:
        await limiter.try_acquire_async("me")
        await fetch(id)

    await asyncio.gather(*map(one, ids))


async def by_throttled(fetch: Fetch, ids: Sequence[str], rate: Rate) -> None:
    """Wait in its sliding window."""
    from datetime import timedelta

    from throttled.asyncio import RateLimiterType, Throttled, rate_limiter

    throttle = Throttled(
        key="me",
        using=RateLimiterType.SLIDING_WINDOW.value,
        quota=rate_limiter.per_duration(timedelta(seconds=rate.per), limit=rate.limit),
        timeout=3600,
    )

    async def one(id: str) -> None:
        while (await throttle.limit()).limited:
            pass
        await fetch(id)

    await asyncio.gather(*map(one, ids))


async def by_aiometer(fetch: Fetch, ids: Sequence[str], rate: Rate) -> None:
    """Spread the calls evenly."""
    import aiometer

    await aiometer.run_on_each(fetch, list(ids), max_per_second=rate.limit / rate.per)


async def by_nothing(fetch: Fetch, ids: Sequence[str], _rate: Rate) -> None:
    """Send all at once."""
    await asyncio.gather(*map(fetch, ids))


OURS = "cliniko_async"
LIMITERS: dict[str, Callable[[Fetch, Sequence[str], Rate], Awaitable[None]]] = {
    "aiolimiter, a window's burst": by_aiolimiter,
    "aiolimiter, evenly": by_aiolimiter_evenly,
    "limits, moving window": by_limits,
    "pyrate-limiter": by_pyrate_limiter,
    "throttled-py, sliding window": by_throttled,
    "aiometer": by_aiometer,
    "nothing": by_nothing,
}


# The client's process


async def read_ours(url: str, key: str, ids: Sequence[str], rate: Rate) -> int:
    """Read all patients with this library; give back how many calls were lost."""
    from cliniko_async import AsyncCliniko, RateLimit

    async with AsyncCliniko(
        key, user_agent=AGENT, base_url=url, rate_limit=RateLimit(rate.limit, per=rate.per)
    ) as cliniko:
        found = await asyncio.gather(*map(cliniko.patients.get, ids), return_exceptions=True)
    return sum(isinstance(patient, BaseException) for patient in found)


async def read_by(name: str, url: str, key: str, ids: Sequence[str], rate: Rate) -> int:
    """Read all patients with httpx and a limiter; give back how many calls were lost."""
    import httpx

    lost = 0
    headers = {"Accept": "application/json", "User-Agent": AGENT}
    # Nothing is to wait in httpx's pool once it has had its turn in the limiter.
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, auth=(key, ""), headers=headers, timeout=30, limits=limits
    ) as client:

        async def fetch(id: str) -> None:
            nonlocal lost
            try:
                (await client.get(f"/patients/{id}")).raise_for_status().json()
            except httpx.HTTPError:
                lost += 1

        await LIMITERS[name](fetch, ids, rate)
    return lost


def run_client(name: str, key: str, rate: Rate) -> None:
    """Read patients as told on standard input, and print what it took."""
    told = json.loads(sys.stdin.readline())

    def read(ids: Sequence[str]) -> int:
        by = read_ours if name == OURS else partial(read_by, name)
        return asyncio.run(by(told["url"], key, ids, rate))

    try:
        read([])  # for the imports, which are not what is measured
    except ImportError as error:
        print(json.dumps({"missing": error.name}))
        return
    started, cpu = time.perf_counter(), time.process_time()
    lost = read(told["ids"])
    took = time.perf_counter() - started
    print(json.dumps({"lost": lost, "seconds": took, "cpu": time.process_time() - cpu}))


# The server's process


class Result(NamedTuple):
    """What a limiter came to.

    Attributes:
        moments: Seconds from the first request to each, as the server counted them.
    """

    name: str
    moments: Sequence[float] = ()
    lost: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    trouble: str = ""

    def busiest(self, rate: Rate) -> int:
        """The most requests in any window."""
        return max(_in_window(self.moments, moment, rate.per) for moment in self.moments)

    def worst_refusals(self, rate: Rate) -> int:
        """The most 429s that a server gives, which counts in windows that begin at any moment."""
        return max(_refusals(self.moments, rate, begin) for begin in self.moments)


def _in_window(moments: Sequence[float], end: float, per: float) -> int:
    """Requests in the window that ends at this moment."""
    return bisect_right(moments, end) - bisect_right(moments, end - per)


def _refusals(moments: Iterable[float], rate: Rate, begin: float) -> int:
    counts = Counter((moment - begin) // rate.per for moment in moments)
    return sum(max(count - rate.limit, 0) for count in counts.values())


class FarAway:
    """Lets a request take 10 to 290 ms, any part of it before the server counts it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._random = Random(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, pass the request on, and wait before the answer leaves."""
        seconds = self._random.uniform(0.01, 0.29)
        there = self._random.uniform(0.0, seconds)

        async def send_later(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(seconds - there)
            await send(message)

        await asyncio.sleep(there)
        await self._app(scope, receive, send_later)


async def measure(name: str, rate: Rate, calls: int) -> Result:
    """Let one limiter's process read as many patients at a server of its own."""
    from cliniko_async.emulator import Clinic, Emulator
    from cliniko_async.emulator.serve import running

    clinic = Clinic()
    ids = [clinic.create("patients", first_name="Ann")["id"] for _ in range(calls)]
    emulator = Emulator(clinic, limit=rate.limit, per=rate.per)
    emulator.app.add_middleware(FarAway)
    command = [__file__, "--client", name, "--limit", str(rate.limit), "--per", str(rate.per)]
    async with running(emulator) as url:
        client = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        told = json.dumps({"url": url, "ids": ids}) + "\n"
        try:
            async with asyncio.timeout(rate.bound(calls) * 2 + 20):
                said, _ = await client.communicate(told.encode())
        except TimeoutError:
            client.kill()
            await client.wait()
            return Result(name, trouble="did not end in time")
    if client.returncode:
        return Result(name, trouble="failed")
    found: dict[str, Any] = json.loads(said)
    if "missing" in found:
        return Result(name, trouble=f"missing: {found['missing']} cannot be imported")
    arrivals = [arrival.at for arrival in emulator.report.arrivals]
    return Result(name, [moment - min(arrivals) for moment in sorted(arrivals)], **found)


async def measure_all(rate: Rate, calls: int) -> list[Result]:
    """Measure all limiters side by side, one starting a little after the other."""
    apart = max(1.3, rate.per / 15)

    async def later(seconds: float, name: str) -> Result:
        await asyncio.sleep(seconds)
        return await measure(name, rate, calls)

    # One's burst is not to be slowed down by another's, so that the largest comes last and alone.
    *others, last = [OURS, *LIMITERS]
    results = await asyncio.gather(*(later(apart * n, name) for n, name in enumerate(others)))
    return [*results, await measure(last, rate, calls)]


# What is shown


def show(results: Iterable[Result], rate: Rate, calls: int) -> None:
    """Print the table."""
    bound = rate.bound(calls)
    print(f"{calls} reads, {rate.limit} requests per {rate.per:g} s: {bound:g} s at the least.")
    machine()
    print()
    print(
        "| limiter | busiest window | 429s at worst | lost calls | seconds | of the bound | CPU s |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for result in results:
        if result.trouble:
            print(f"| {result.name} | {result.trouble} | | | | | |")
            continue
        share = "-" if result.lost else f"{bound / result.seconds:.0%}"
        print(
            f"| {result.name} | {result.busiest(rate)} of {rate.limit} "
            f"| {result.worst_refusals(rate)} | {result.lost} | {result.seconds:.1f} "
            f"| {share} | {result.cpu:.2f} |"
        )
    print(
        "\n429s at worst: at a server whose windows begin at the worst moment for this limiter. "
        "Lost calls: in this run."
    )


def draw(results: Iterable[Result], rate: Rate, path: Path) -> None:
    """Draw how many requests the last window held, over time."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "the same", "font.size": 10})
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    ran = [result for result in results if not result.trouble]
    until = max(result.moments[-1] for result in ran)
    for result in ran:
        ours = result.name == OURS
        line = _outline(result.moments, rate.per, step=until / 150)
        axes.plot(*line, label=result.name, linewidth=2.5 if ours else 1.2, zorder=2 + ours)
    axes.axhline(rate.limit, color="black", linestyle="--", linewidth=1, zorder=4)
    axes.text(until, rate.limit * 1.1, f"the limit: {rate.limit} ", ha="right")
    axes.set(ylim=(0, 2.5 * rate.limit), xlim=(0, until), xlabel="seconds")
    axes.set_ylabel(f"requests in the last {rate.per:g} s")
    axes.legend(loc="upper center", ncols=4, fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    print(f"The picture is in {path.name}.")


def _outline(moments: Sequence[float], per: float, *, step: float) -> tuple[list[float], list[int]]:
    """Moments, and the most that the window held since the one before."""
    ends = [step * n for n in range(1, math.ceil(moments[-1] / step) + 1)]
    since = [moments[bisect_left(moments, end - step) : bisect_right(moments, end)] for end in ends]
    tops = [
        max(_in_window(moments, moment, per) for moment in [*arrived, end])
        for arrived, end in zip(since, ends, strict=True)
    ]
    return [0.0, *ends], [0, *tops]


def main() -> None:
    """Measure, print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--true", action="store_true", help="200 requests per 60 s")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--client", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=50, help=argparse.SUPPRESS)
    parser.add_argument("--per", type=float, default=10.0, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    rate = Rate(200, 60.0) if asked.true else Rate(asked.limit, asked.per)
    if asked.client:
        run_client(asked.client, "BENCH-au1", rate)
        return
    calls = rate.limit * 4
    results = asyncio.run(measure_all(rate, calls))
    show(results, rate, calls)
    draw(results, rate, asked.picture)


if __name__ == "__main__":
    main()
