"""Read 1,000 patients by id at 200 requests per 60 s: by the hundred, and one by one.

On a virtual clock, so that minutes of rate limit take a second. An answer takes 200 ± 100 ms.

    python benchmarks/by_id.py    # a few seconds
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from _promise import machine, promise, summary, title

from cliniko_async import AsyncCliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.clock import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Way = Callable[[Emulator, Sequence[str]], Awaitable[Sequence[str]]]

KEY = "BENCH-au1"
AGENT = "Benchmark (bench@example.com)"
URL = "https://api.au1.cliniko.com/v1"


def session(emulator: Emulator) -> AsyncCliniko:
    """Open a session with the emulator."""
    return AsyncCliniko(KEY, user_agent=AGENT, transport=emulator.transport())


async def get_many(emulator: Emulator, ids: Sequence[str]) -> Sequence[str]:
    """Read with one call of this library."""
    async with session(emulator) as cliniko:
        return [patient.id for patient in await cliniko.patients.get_many(ids)]


async def get_each(emulator: Emulator, ids: Sequence[str]) -> Sequence[str]:
    """Read with a call of this library for each."""
    async with session(emulator) as cliniko:
        return [patient.id for patient in await asyncio.gather(*map(cliniko.patients.get, ids))]


async def get_apart(emulator: Emulator, ids: Sequence[str]) -> Sequence[str]:
    """Read with a request for each."""
    async with session(emulator) as cliniko:
        patients = cliniko.with_options(batch_gets=False).patients
        return [patient.id for patient in await asyncio.gather(*map(patients.get, ids))]


async def one_by_one(emulator: Emulator, ids: Sequence[str]) -> Sequence[str]:
    """Read one after the other, and wait where the server says that it is too much."""
    found: list[str] = []
    auth, agent = (KEY, ""), {"User-Agent": AGENT}
    async with httpx.AsyncClient(
        transport=emulator.transport(), auth=auth, headers=agent
    ) as client:
        for id in ids:
            while (answer := await client.get(f"{URL}/patients/{id}")).status_code == 429:
                resets = int(answer.headers["X-RateLimit-Reset"])
                await asyncio.sleep(max(resets - emulator.clock(), 0))
            found.append(answer.raise_for_status().json()["id"])
    return found


WAYS: dict[str, Way] = {
    "cliniko_async, get_many": get_many,
    "cliniko_async, get of each, gathered": get_each,
    "the same with batch_gets=False": get_apart,
    "httpx, one after the other": one_by_one,
}


async def measure(way: Way) -> tuple[float, int, int]:
    """Seconds, requests and 429s of a way."""
    clinic = Clinic()
    ids = [clinic.create("patients", first_name="Ann")["id"] for _ in range(1000)]
    emulator = Emulator(clinic, latency=0.2, jitter=0.1)
    started = emulator.clock()
    found = await way(emulator, ids)
    if list(found) != ids:
        raise SystemExit("These are others than were asked for.")
    return emulator.clock() - started, emulator.report.requests, emulator.report.refused


def main() -> None:
    """Measure all ways."""
    machine()
    title("1,000 patients by id, 200 requests per 60 s, 200 ± 100 ms an answer, virtual clock")
    print("| | seconds | requests | 429s |\n|---|---:|---:|---:|")
    sent: dict[str, int] = {}
    for name, way in WAYS.items():
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            seconds, sent[name], refused = runner.run(measure(way))
        print(f"| {name} | {seconds:.1f} | {sent[name]} | {refused} |")
    print()
    for name in ("get_many", "get of each, gathered"):
        promise(f"requests of {name}", sent[f"cliniko_async, {name}"], "", most=12)
    summary()


if __name__ == "__main__":
    main()
