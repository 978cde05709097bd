"""Measure listings, memory and imports against what one would write by hand.

    python benchmarks/listings.py    # about a minute

Everything that is compared runs side by side, so that ratios hold on any machine. Each figure that
the library promises is shown with its promise; one that falls short is said aloud at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
from _memory import peak_bytes
from _promise import machine, promise, summary, title
from aiolimiter import AsyncLimiter

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

KEY = "BENCH-au1"
AGENT = "Benchmark (bench@example.com)"
URL = "https://api.au1.cliniko.com/v1"
NO_LIMIT = RateLimit(1_000_000)

# A listing of 4,200 rows

Ids = list[str]


async def list_ours(emulator: Emulator) -> Ids:
    """List patients with this library."""
    async with AsyncCliniko(
        KEY,
        user_agent=AGENT,
        rate_limit=RateLimit(user=str(id(emulator))),
        transport=emulator.transport(),
    ) as cliniko:
        return [patient.id async for patient in cliniko.patients.list()]


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
    "cliniko_async": list_ours,
    "page after page": list_page_after_page,
    "gathered, aiolimiter": list_gathered,
    "dlt rest_api": list_with_dlt,
}


async def time_listing(read: Callable[[Emulator], Awaitable[Ids]], *, churn: bool) -> Sequence[Any]:
    """Seconds, requests and rows lost of one listing."""
    clinic = Clinic()
    for number in range(4200):
        moment = time.gmtime(1_600_000_000 + 3600 * number)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
        clinic.create("patients", first_name="Ann", created_at=created)
    emulator = Emulator(clinic, latency=0.2, jitter=0.1)
    stayed = {row["id"] for row in clinic.records("patients")}
    random = Random(0)

    def archive_one(_method: str, _path: str) -> None:
        gone = random.choice(sorted(stayed))
        clinic.archive("patients", gone)
        stayed.discard(gone)

    if churn:
        emulator.on_request(archive_one)
    started = time.perf_counter()
    found = await read(emulator)
    took = time.perf_counter() - started
    return took, emulator.report.requests, len(stayed - set(found)), len(found) - len(set(found))


def measure_listings() -> None:
    """Compare listings, calm and while a row is archived with every request."""
    title("A listing of 4,200 rows, 42 pages, 200 ± 100 ms an answer, 200 requests per 60 s")
    print("| | seconds | requests | seconds under churn | requests | rows lost | doubled |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    import _rest_api  # noqa: F401, PLC0415 - takes a second, which is not to be counted

    lost_by_us = 0
    for name, read in LISTINGS.items():
        calm = asyncio.run(time_listing(read, churn=False))
        moved = asyncio.run(time_listing(read, churn=True))
        print(
            f"| {name} | {calm[0]:.1f} | {calm[1]} | {moved[0]:.1f} | {moved[1]} | {moved[2]} "
            f"| {moved[3]} |"
        )
        if read is list_ours:
            lost_by_us = moved[2] + moved[3]
    print("\nChurn: a row is archived while each answer is on its way.\n")
    promise("rows that we lost or doubled under churn", lost_by_us, "", most=0)


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
    summary()


if __name__ == "__main__":
    main()
