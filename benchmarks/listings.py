"""Measure listings, memory and imports against what one would write by hand.

    python benchmarks/listings.py    # about a minute

Everything that is compared runs side by side, so that ratios hold on any machine. Each figure that
the library promises is shown with its promise; one that falls short is said aloud at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import httpx
from _memory import peak_bytes
from _promise import machine, promise, summary, title
from aiolimiter import AsyncLimiter

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

KEY = "BENCH-au1"
AGENT = "Benchmark (bench@example.com)"
URL = "https://api.au1.cliniko.com/v1"
NO_LIMIT = RateLimit(1_000_000)

# A listing of 4,200 rows

Ids = list[str]


def ours(emulator: Emulator, requests: int = 1_000_000) -> AsyncCliniko:
    """Make a session of a user of its own, who may send so many requests a minute."""
    return AsyncCliniko(
        KEY,
        user_agent=AGENT,
        rate_limit=RateLimit(requests, per=60, reserve=0, user=str(id(emulator))),
        transport=emulator.transport(),
    )


async def list_all(emulator: Emulator) -> Ids:
    """Read a list of patients with this library, all at once."""
    async with ours(emulator) as cliniko:
        return [row["id"] for row in await cliniko.patients.list().raw().all()]


async def iterate(emulator: Emulator) -> Ids:
    """Iterate over it, as who may stop at any row."""
    async with ours(emulator) as cliniko:
        return [row["id"] async for row in cliniko.patients.list().raw()]


async def scan(emulator: Emulator) -> Ids:
    """Scan it."""
    async with ours(emulator) as cliniko:
        return [row["id"] async for row in cliniko.patients.scan().raw()]


def by_hand(emulator: Emulator) -> httpx.AsyncClient:
    """Make the client that a careful user would."""
    return httpx.AsyncClient(
        transport=emulator.transport(), auth=(KEY, ""), headers={"User-Agent": AGENT}, timeout=30
    )


async def list_page_after_page(emulator: Emulator) -> Ids:
    """Follow the links."""
    found: Ids = []
    url: str | None = f"{URL}/patients?per_page=100"
    async with by_hand(emulator) as client:
        while url:
            page = (await client.get(url)).raise_for_status().json()
            found += [row["id"] for row in page["patients"]]
            url = page["links"].get("next")
    return found


async def list_gathered(emulator: Emulator) -> Ids:
    """Take the number of pages from the first, and gather the others."""
    bucket = AsyncLimiter(200, 60)
    async with by_hand(emulator) as client:

        async def get(number: int) -> Any:
            async with bucket:
                query = {"per_page": 100, "page": number}
                answer = await client.get(f"{URL}/patients", params=query)
            return answer.raise_for_status().json()

        first = await get(1)
        numbers = range(2, -(-first["total_entries"] // 100) + 1)
        pages = [first, *await asyncio.gather(*map(get, numbers))]
    return [row["id"] for page in pages for row in page["patients"]]


async def list_with_dlt(emulator: Emulator) -> Ids:
    """Read dlt's own source in a thread, on a socket: it knows no other transports."""
    from _rest_api import source  # noqa: PLC0415 - not in the process whose memory is measured

    def read(url: str) -> Ids:
        return [row["id"] for row in source(url, KEY, AGENT, {"patients": {"per_page": 100}})]

    async with running(emulator) as url:
        return await asyncio.to_thread(read, url)


LISTINGS = {
    "**cliniko_async**, `all()`": list_all,
    "cliniko_async, `async for`": iterate,
    "cliniko_async, `scan()`": scan,
    "httpx, page after page": list_page_after_page,
    "httpx, pages gathered, aiolimiter": list_gathered,
    "dlt `rest_api`": list_with_dlt,
}

QUIET, EARLY, ALWAYS = "nothing changes", "one row leaves early", "a row leaves with each request"


def clinic_of(rows: int) -> Clinic:
    """A clinic of so many patients, created an hour apart."""
    clinic = Clinic()
    for number in range(rows):
        moment = time.gmtime(1_400_000_000 + 3600 * number)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
        clinic.create("patients", first_name="Ann", created_at=created)
    return clinic


@attrs.frozen
class Outcome:
    """What a listing took and lost."""

    seconds: float
    requests: int
    lost: int
    doubled: int


async def time_listing(
    read: Callable[[Emulator], Awaitable[Ids]], rows: int, churn: str = QUIET
) -> Outcome:
    """Read a list, and see what it took and lost."""
    clinic = clinic_of(rows)
    emulator = Emulator(clinic, latency=0.2, jitter=0.1, limit=1_000_000)
    shown = [row["id"] for row in clinic.records("patients")]
    stayed, random, count = set(shown), Random(0), itertools.count(1)

    def archive_one(_method: str, _path: str) -> None:
        if churn == ALWAYS or next(count) == 2:
            gone = shown.pop(random.randrange(len(shown) if churn == ALWAYS else 50))
            clinic.archive("patients", gone)
            stayed.discard(gone)

    if churn != QUIET:
        emulator.on_request(archive_one)
    clock = asyncio.get_running_loop().time
    started = clock()
    found = await read(emulator)
    lost, doubled = len(stayed - set(found)), len(found) - len(set(found))
    return Outcome(clock() - started, emulator.report.requests, lost, doubled)


def measured(read: Callable[[Emulator], Awaitable[Ids]], rows: int, churn: str) -> Outcome:
    """Measure on a virtual clock, or by the clock on the wall what knows no other."""
    real = read is list_with_dlt
    with asyncio.Runner(loop_factory=None if real else VirtualTimeLoop) as runner:
        return runner.run(time_listing(read, rows, churn))


def measure_listings() -> None:
    """Compare listings, calm and while rows are archived."""
    import _rest_api  # noqa: F401, PLC0415 - takes a second, which is not to be counted

    for rows in (4_200, 20_000):
        title(f"A listing of {rows:,} rows, 200 ± 100 ms an answer, no limit in the way")
        print("Seconds, requests, rows lost and doubled.\n")
        print(f"| | {QUIET} | {EARLY} | {ALWAYS} |\n|---|---|---|---|")
        found = {
            name: [measured(read, rows, churn) for churn in (QUIET, EARLY, ALWAYS)]
            for name, read in LISTINGS.items()
            if rows == 4_200 or ("aiolimiter" not in name and read is not list_with_dlt)
        }
        for name, outcomes in found.items():
            cells = (f"{o.seconds:.1f} s, {o.requests}, {o.lost}, {o.doubled}" for o in outcomes)
            print(f"| {name} | {' | '.join(cells)} |")
        print()
        promise_listings(rows, *list(found.values()))


def promise_listings(rows: int, *found: Sequence[Outcome]) -> None:
    """See what the library promises of its listings."""
    everything, each, scanned, one_by_one, *others = found
    pages, trip = -(-rows // 100), 0.2
    quiet, early, always = everything
    lost = sum(o.lost + o.doubled for outcomes in (everything, each, scanned) for o in outcomes)
    promise("rows that we lost or doubled", lost, "", most=0)
    promise("requests beyond the pages", quiet.requests - pages, "", most=1 if pages <= 64 else 8)
    if others:
        gathered = others[0][0].seconds
        promise("all() against gathering", quiet.seconds / gathered, " times", most=1.25)
        promise("async for against gathering", each[0].seconds / gathered, " times", most=3)
    promise("all(), in round trips", quiet.seconds / trip, "", most=8)
    promise("scan(), in round trips", scanned[0].seconds / trip, "", most=16)
    more = (early.seconds - quiet.seconds) / trip
    promise("round trips more if one row leaves early", more, "", most=3)
    slower = always.seconds / quiet.seconds
    promise("a row with each request against none", slower, " times", most=2.5)
    print(f"  page after page: {one_by_one[0].seconds / trip:.0f} round trips\n")


async def list_at_the_limit(apart: float | None, first: float = 0.0) -> Outcome:
    """Read 600 pages at 200 a minute, while a row leaves every so many seconds."""
    clinic = clinic_of(60_000)
    emulator = Emulator(clinic, latency=0.2, jitter=0.1, limit=1_000_000)
    shown = [row["id"] for row in clinic.records("patients")]
    stayed, random, clock = set(shown), Random(0), asyncio.get_running_loop().time

    async def leave() -> None:
        await asyncio.sleep(first)
        while apart:
            await asyncio.sleep(apart)
            gone = shown.pop(random.randrange(len(shown)))
            clinic.archive("patients", gone)
            stayed.discard(gone)

    leaving, started = asyncio.ensure_future(leave()), clock()
    async with ours(emulator, 200) as cliniko:
        found = [row["id"] for row in await cliniko.patients.list().raw().all()]
    took = clock() - started
    leaving.cancel()
    lost, doubled = len(stayed - set(found)), len(found) - len(set(found))
    return Outcome(took, emulator.report.requests, lost, doubled)


def one_at_the_limit(apart: float | None, first: float) -> Outcome:
    """One such listing, on a virtual clock."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(list_at_the_limit(apart, first))


def measure_at_the_limit() -> None:
    """See what a long listing makes of the rate limit."""
    title("600 pages at 200 requests per 60 s, 180 s at least; the mean of four runs")
    print("| a row leaves | seconds | requests | lost |\n|---|---:|---:|---:|")
    found: list[tuple[str, float, float, int]] = []
    for apart in (None, 5.0, 1.0):
        runs = [one_at_the_limit(apart, share * (apart or 0)) for share in (0, 0.25, 0.5, 0.75)]
        name = f"every {apart:g} s" if apart else "never"
        seconds = statistics.mean(run.seconds for run in runs)
        requests = statistics.mean(run.requests for run in runs)
        lost = sum(run.lost + run.doubled for run in runs)
        print(f"| {name} | {seconds:.1f} | {requests:.0f} | {lost} |")
        found.append((name, seconds, requests, lost))
    print()
    for (name, seconds, requests, lost), most in zip(found, (608, 635, 635), strict=True):
        promise(f"{name}: seconds against the bound", seconds / 180, " times", most=1 / 0.98)
        promise(f"{name}: requests", requests, "", most=most)
        promise(f"{name}: rows lost or doubled", lost, "", most=0)


# Memory, then imports


async def list_in_client(url: str) -> None:
    """Iterate over all patients, and print the most memory that the process had, in bytes."""
    async with AsyncCliniko(KEY, user_agent=AGENT, base_url=url, rate_limit=NO_LIMIT) as cliniko:
        async for _ in cliniko.patients.list():
            pass
    print(peak_bytes())


async def peak_of_listing(rows: int) -> float:
    """MiB that a process has at the most, which iterates over so many rows on a socket."""
    emulator = Emulator(Clinic.seeded(patients=rows, appointments=0), limit=1_000_000)
    async with running(emulator) as url:
        client = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--client", url, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await client.communicate()
    return int(said) / 2**20


def measure_memory() -> None:
    """Compare the memory of listings of two sizes."""
    title("Memory of a process that iterates over a listing")
    small, large = (asyncio.run(peak_of_listing(rows)) for rows in (5_000, 20_000))
    print(f"  5,000 rows: {small:.1f} MiB at the most, 20,000 rows: {large:.1f} MiB\n")
    promise("growth with four times the rows", large - small, " MiB", most=25)


THEIRS = "httpx, attrs, cattrs, aiolimiter"
"""What we stand on."""


def import_seconds(modules: str) -> float:
    """Seconds that an import takes in a fresh process."""
    program = (
        f"import time; t = time.perf_counter(); import {modules}; print(time.perf_counter() - t)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)  # noqa: S603 - our own program
    return float(done.stdout)


def measure_imports() -> None:
    """Compare our import with that of what we stand on."""
    title("Imports, the median of 15 processes each")
    imports = ["cliniko_async", "cliniko_async.resources.patients", THEIRS]
    took: dict[str, list[float]] = {modules: [] for modules in imports}
    for _ in range(15):
        for modules, times in took.items():
            times.append(import_seconds(modules))
    each = {modules: statistics.median(times) for modules, times in took.items()}
    for modules, seconds in each.items():
        print(f"  {modules}: {seconds * 1000:.0f} ms")
    print()
    promise("our import against theirs", each["cliniko_async"] / each[THEIRS], " times", most=1.25)


def main() -> None:
    """Measure everything, and say which promises fell short."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--true", action="store_true", help="for limiters.py; changes nothing here")
    parser.add_argument("--client", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.client:
        asyncio.run(list_in_client(asked.client))
        return
    machine()
    measure_imports()
    measure_memory()
    measure_listings()
    measure_at_the_limit()
    summary()


if __name__ == "__main__":
    main()
