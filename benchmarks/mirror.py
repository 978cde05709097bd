"""Patients into DuckDB: `mirror` against dlt's own `rest_api` source, on one server.

Both use dlt and write the same patients to a DuckDB file, merged by id. The server is the
emulator, in a process of its own, whose answers take 150 ms. Seconds are from the first line of a
way to the last; those of the whole process, with the interpreter's start and imports, stand beside.

    python benchmarks/mirror.py [--patients 6000] [--latency 0.15]
"""

# ruff: noqa: PLC0415 - each way is measured in a process of its own
from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from _promise import machine, promise, summary, title

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

KEY = "MS0xBENCH-au1"
AGENT = "Benchmark (bench@example.com)"


def serve(patients: int, latency: float, tell: Connection) -> None:
    """Serve a made-up clinic until the process ends."""
    from cliniko_async.emulator import Clinic, Emulator
    from cliniko_async.emulator.serve import running

    async def forever() -> None:
        clinic = Clinic.seeded(patients=patients, appointments=0)
        emulator = Emulator(clinic, limit=100_000, latency=latency, jitter=latency / 3)
        async with running(emulator) as base_url:
            tell.send(base_url)
            await asyncio.Event().wait()

    asyncio.run(forever())


@contextmanager
def server(patients: int, latency: float) -> Iterator[str]:
    """Yield the base URL of a server of its own."""
    spawn = multiprocessing.get_context("spawn")
    hear, tell = spawn.Pipe()
    process = spawn.Process(target=serve, args=(patients, latency, tell), daemon=True)
    process.start()
    try:
        yield hear.recv()
    finally:
        process.terminate()
        process.join()


def with_mirror(base_url: str, target: Path) -> float:
    """Copy the patients with `mirror`. Return the seconds that took."""
    from cliniko_async import AsyncCliniko, RateLimit
    from cliniko_async.mirror import mirror

    async def run() -> None:
        rate = RateLimit(100_000)
        async with AsyncCliniko(
            KEY, user_agent=AGENT, base_url=base_url, rate_limit=rate
        ) as cliniko:
            await mirror(cliniko, target, ["patients"])

    started = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - started


def with_rest_api(base_url: str, target: Path) -> float:
    """Copy the patients with dlt's own source."""
    import dlt
    from _rest_api import source

    started = time.perf_counter()
    lists = {"patients": {"per_page": 100, "q[]": "archived_at:*"}}
    patients = source(base_url, KEY, AGENT, lists, primary_key="id", write_disposition="merge")
    pipeline = dlt.pipeline(
        "rest_api",
        pipelines_dir=str(target.parent / "pipelines"),
        destination=dlt.destinations.duckdb(str(target)),
        dataset_name="main",
    )
    pipeline.run(patients)
    return time.perf_counter() - started


WAYS = {"mirror": with_mirror, "rest_api": with_rest_api}


def measure(way: str, base_url: str, patients: int) -> tuple[float, float]:
    """Seconds of a way, and of its whole process."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "clinic.duckdb"
        command = [sys.executable, __file__, "--way", way, base_url, str(target)]
        started = time.perf_counter()
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - this program
        process = time.perf_counter() - started
        with duckdb.connect(str(target)) as database:
            ((rows,),) = database.execute("SELECT count(*) FROM patients").fetchall()
    if rows != patients:
        raise SystemExit(f"{way}: {rows} rows instead of {patients}")
    return float(told.stdout), process


def main() -> None:
    """Measure both ways three times, turn by turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--true", action="store_true", help="for limiters.py; changes nothing here")
    parser.add_argument("--patients", type=int, default=6000)
    parser.add_argument("--latency", type=float, default=0.15)
    parser.add_argument("--way", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        way, base_url, target = asked.way
        print(WAYS[way](base_url, Path(target)))
        return
    machine()
    title(f"{asked.patients:,} patients at {asked.latency * 1000:.0f} ms into DuckDB, best of 3")
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    with server(asked.patients, asked.latency) as base_url:
        for _ in range(3):
            for way, times in found.items():
                times.append(measure(way, base_url, asked.patients))
    for way, times in found.items():
        seconds, process = min(times)
        print(f"  {way:<10}{seconds:6.1f} s   whole process {process:6.1f} s")
    share = min(found["mirror"])[0] / min(found["rest_api"])[0]
    print(f"  mirror is {1 / share:.1f} times as fast")
    promise("mirror's share of rest_api's time", share, "", most=0.2)
    summary()


if __name__ == "__main__":
    main()
