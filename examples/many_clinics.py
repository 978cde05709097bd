"""Export many clinics with Dask: spread over workers, each user's allowance counted in Redis.

Usage: python examples/many_clinics.py CLINICS.toml FOLDER [SCHEDULER]

The file holds a name and a key a line, is readable by nobody else, and lies on all workers:

    north = "MS0x...-au1"
    south = "MS0x...-uk2"

Needs CLINIKO_USER_AGENT and CLINIKO_REDIS_URL, on the workers too. Other programs with the same
CLINIKO_REDIS_URL share the users' allowances and go first: `patient_button.py` is one. All of them
are given the same CLINIKO_RATE_LIMIT, if any, such as 150/60. Without a SCHEDULER (such as
tcp://10.0.0.5:8786), two workers are started here; FOLDER must be one that all workers share.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import distributed

from cliniko_async import AsyncCliniko
from cliniko_async.export import Export, Summary
from cliniko_async.limits import RateLimit, RedisLimiter

dask: Any = distributed  # it has no types

RESOURCES = ("patients", "practitioners", "individual_appointments", "invoices")


def export_clinic(name: str, clinics: str, folder: str) -> Summary:
    """Run on a worker: export one clinic, or go on with what a lost worker has left.

    Dask shows arguments and results on its dashboard and in its logs. So the key is neither: the
    worker reads it here, and no longer has it when the export is done.
    """
    key = tomllib.loads(Path(clinics).read_text(encoding="utf-8"))[name]
    return asyncio.run(export(key, Path(folder) / name))


async def export(key: str, folder: Path) -> Summary:
    """Export into a folder, in the bulk lane: whoever waits for an answer goes first."""
    requests, seconds = os.environ.get("CLINIKO_RATE_LIMIT", "200/60").split("/")
    async with AsyncCliniko(
        key,
        read_only=True,
        rate_limit=RateLimit(int(requests), per=float(seconds)),
        limiter=RedisLimiter(os.environ["CLINIKO_REDIS_URL"]),
    ) as cliniko:
        return await Export(cliniko, RESOURCES, folder).run()


def main() -> None:
    """Hand out the clinics, and print a line as each one is done."""
    clinics, folder, *scheduler = sys.argv[1:]
    names = list(tomllib.loads(Path(clinics).read_text(encoding="utf-8")))
    paths = str(Path(clinics).resolve()), str(Path(folder).resolve())
    failed = 0
    with connect(*scheduler) as client:
        tasks = {client.submit(export_clinic, name, *paths, pure=False): name for name in names}
        for task in dask.as_completed(tasks):
            name, error = tasks[task], task.exception()
            if error:
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}", flush=True)
                continue
            done: Summary = task.result()
            print(f"{name}: {sum(done.records.values())} records, {done.requests} requests")
    sys.exit(1 if failed else 0)


def connect(*scheduler: str) -> Any:
    """The workers of a scheduler, or two of our own that nobody else sees."""
    if scheduler:
        return dask.Client(*scheduler)
    # Threads wait for answers most of the time: four clinics at once a worker.
    return dask.Client(n_workers=2, threads_per_worker=4, dashboard_address=None)


if __name__ == "__main__":  # workers import this file, too
    main()
