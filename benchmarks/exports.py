"""Measure exports to JSON Lines against what one would write by hand, and dlt's `rest_api` source.

    python benchmarks/exports.py    # about three minutes

Each way runs alone, in a process of its own, against a fresh clinic that another process serves.
What it wrote is held against what the server had all the time. Seconds are without the start of
the interpreter and imports.
"""

# ruff: noqa: PLC0415 - each way imports what it needs, so that its memory is its own
from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from _memory import peak_bytes
from _promise import machine, promise, summary, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    import httpx

    from cliniko_async.emulator import Clinic

KEY = "MS0xBENCH-au1"
AGENT = "Benchmark (bench@example.com)"

MOVING = ("patients", "individual_appointments", "attendees", "invoices")
CLINIC = ("users", "taxes", "businesses", "appointment_types", *MOVING)
HIDDEN = {
    "businesses": ("archived_at:*", "deleted_at:*"),
    "appointment_types": ("archived_at:*",),
    "patients": ("archived_at:*",),
    "individual_appointments": ("archived_at:*", "cancelled_at:*", "deleted_at:*"),
    "attendees": ("archived_at:*", "cancelled_at:*", "deleted_at:*"),
    "invoices": ("archived_at:*", "deleted_at:*"),
}
"""The filters that bring hidden rows to light."""


class Scene(NamedTuple):
    """The circumstances of an export.

    Attributes:
        latency: Seconds that an answer takes; they vary by a third.
        limit: Requests in a window of `per` seconds.
        hidden: Whether archived, cancelled and deleted rows are exported, too.
        churn: Whether a row is hidden and another one created with each request.
    """

    title: str
    latency: float
    limit: int = 100_000
    per: float = 60.0
    hidden: bool = True
    churn: bool = False


class Job(NamedTuple):
    """What a way is told."""

    base_url: str
    folder: str
    limit: int
    per: float
    hidden: bool

    def path(self, resource: str) -> Path:
        """Where to write a resource."""
        return Path(self.folder, f"{resource}.jsonl")

    def query(self, resource: str) -> dict[str, Any]:
        """What to ask a list for."""
        return {"per_page": 100, "q[]": list(HIDDEN.get(resource, ())) if self.hidden else []}


# The ways


async def by_export(job: Job) -> None:
    """Export with this library."""
    from cliniko_async import AsyncCliniko, RateLimit
    from cliniko_async.export import Export

    rate = RateLimit(job.limit, per=job.per)
    async with AsyncCliniko(
        KEY, user_agent=AGENT, base_url=job.base_url, rate_limit=rate
    ) as cliniko:
        await Export(cliniko, CLINIC, job.folder, include="all" if job.hidden else ()).run()


def by_hand(job: Job) -> httpx.AsyncClient:
    """Make the client that a careful user would."""
    import httpx

    headers = {"Accept": "application/json", "User-Agent": AGENT}
    return httpx.AsyncClient(base_url=job.base_url, auth=(KEY, ""), headers=headers, timeout=30)


async def get(client: httpx.AsyncClient, url: str, query: Any = None) -> Any:
    """Get a page; where the server says that it is too much, wait until it says that it is not."""
    while True:
        answer = await client.get(url, params=query)
        if answer.status_code != 429:
            return answer.raise_for_status().json()
        await asyncio.sleep(max(int(answer.headers["X-RateLimit-Reset"]) - time.time(), 0))


async def page_after_page(job: Job) -> None:
    """Follow the links, resource after resource."""
    async with by_hand(job) as client:
        for resource in CLINIC:
            with job.path(resource).open("w") as file:
                page = await get(client, f"/{resource}", job.query(resource))
                while True:
                    file.writelines(json.dumps(row) + "\n" for row in page[resource])
                    url = page["links"].get("next")
                    if url is None:
                        break
                    page = await get(client, url)


async def gathered(job: Job) -> None:
    """Gather the pages that the first one announces, of all resources at once."""
    from aiolimiter import AsyncLimiter

    bucket = AsyncLimiter(job.limit, job.per)
    async with by_hand(job) as client:

        async def get_page(resource: str, number: int) -> Any:
            async with bucket:
                return await get(client, f"/{resource}", {**job.query(resource), "page": number})

        async def export(resource: str) -> None:
            first = await get_page(resource, 1)
            numbers = range(2, -(-first["total_entries"] // 100) + 1)
            others = await asyncio.gather(*(get_page(resource, number) for number in numbers))
            with job.path(resource).open("w") as file:
                for page in [first, *others]:
                    file.writelines(json.dumps(row) + "\n" for row in page[resource])

        await asyncio.gather(*map(export, CLINIC))


def by_rest_api(job: Job) -> None:
    """Export with dlt's own source, resources in parallel."""
    import dlt
    from _rest_api import source

    dlt.config["normalize.data_writer.disable_compression"] = True
    lists = {name: job.query(name) for name in CLINIC}
    files = dlt.destinations.filesystem(job.folder, layout="{table_name}.{load_id}.{file_id}.{ext}")
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "rest_api", pipelines_dir=folder, destination=files, dataset_name="rows"
        )
        pipeline.run(source(job.base_url, KEY, AGENT, lists), loader_file_format="jsonl")


OURS = "cliniko_async"
REST_API = "dlt rest_api"
WAYS: dict[str, Callable[[Job], Any]] = {
    OURS: by_export,
    "page after page": page_after_page,
    "gathered, aiolimiter": gathered,
    REST_API: by_rest_api,
}


IMPORTS = {
    OURS: ("cliniko_async.export",),
    "page after page": ("httpx",),
    "gathered, aiolimiter": ("httpx", "aiolimiter"),
    REST_API: ("_rest_api", "dlt.destinations"),
}
"""What is not to be timed."""


def run_way(name: str, job: Job) -> None:
    """Export in one way; print the seconds that took and the most memory that the process had."""
    for module in IMPORTS[name]:
        import_module(module)
    started = time.perf_counter()
    done = WAYS[name](job)
    if done is not None:
        asyncio.run(done)
    print(json.dumps({"seconds": time.perf_counter() - started, "peak": peak_bytes()}))


# The server


class Served(NamedTuple):
    """What the server saw.

    Attributes:
        stayed: Ids of the rows that were there from beginning to end, by resource.
    """

    requests: int
    refused: int
    stayed: dict[str, set[str]]


class Churn:
    """Lets rows come and go."""

    def __init__(self, clinic: Clinic, stayed: dict[str, set[str]]) -> None:
        self._clinic = clinic
        self._stayed = stayed
        self._rows = [(name, id) for name in MOVING for id in sorted(stayed[name])]
        Random(0).shuffle(self._rows)

    def __call__(self, _method: str, _path: str) -> None:
        """Hide a row, and create another one."""
        name, id = self._rows.pop()
        self._stayed[name].discard(id)
        booking = name in ("individual_appointments", "attendees")
        self._clinic.mark(name, id, "cancelled_at" if booking else "archived_at")
        self._clinic.create(name)


def serve(scene: Scene, connection: Connection) -> None:
    """Serve a made-up clinic of 20,000 records until told to stop; tell what came of it."""
    from cliniko_async.emulator import Clinic, Emulator
    from cliniko_async.emulator.serve import running

    clinic = Clinic.seeded(patients=3500, appointments=6600)
    emulator = Emulator(
        clinic,
        limit=scene.limit,
        per=scene.per,
        latency=scene.latency,
        jitter=scene.latency / 3,
    )
    stayed = rows_of(clinic, hidden=scene.hidden)
    if scene.churn:
        emulator.on_request(Churn(clinic, stayed))

    async def until_told() -> None:
        async with running(emulator) as base_url:
            connection.send(base_url)
            await asyncio.to_thread(connection.recv)

    asyncio.run(until_told())
    connection.send(Served(emulator.report.requests, emulator.report.refused, stayed))


def rows_of(clinic: Clinic, *, hidden: bool) -> dict[str, set[str]]:
    """The ids that an export should hold, by resource."""
    from cliniko_async.emulator.lists import is_hidden

    return {
        name: {row["id"] for row in clinic.records(name) if hidden or not is_hidden(row)}
        for name in CLINIC
    }


@contextmanager
def server(scene: Scene) -> Iterator[Connection]:
    """Yield the connection to a server of its own; its base URL has been sent already."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(scene, theirs), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()


# What came of it


class Result(NamedTuple):
    """What a way came to.

    Attributes:
        lost: Rows that were there all the time and are not in the files.
        doubled: Rows that are in the files more than once, counted each time but the first.
        peak: Bytes of memory at the most.
    """

    seconds: float
    requests: int
    refused: int
    lost: int
    doubled: int
    peak: int


def measure(name: str, scene: Scene) -> Result | None:
    """Export in one way, and hold the files against the server; None if it failed."""
    with server(scene) as connection, tempfile.TemporaryDirectory() as folder:
        job = Job(connection.recv(), folder, scene.limit, scene.per, scene.hidden)
        command = [sys.executable, __file__, "--way", name, json.dumps(job)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - this program
        connection.send("stop")
        served: Served = connection.recv()
        found = ids_in(Path(folder))
    if done.returncode:
        print(done.stderr.decode(), file=sys.stderr)
        return None
    told = json.loads(done.stdout.splitlines()[-1])
    lost = sum(len(ids - found[resource].keys()) for resource, ids in served.stayed.items())
    doubled = sum(ids.total() - len(ids) for ids in found.values())
    return Result(
        **told, requests=served.requests, refused=served.refused, lost=lost, doubled=doubled
    )


def ids_in(folder: Path) -> dict[str, Counter[str]]:
    """How often each id is in the files of a folder, by resource."""
    found: dict[str, Counter[str]] = {name: Counter() for name in CLINIC}
    for path in folder.rglob("*.jsonl"):
        name = path.name.partition(".")[0]
        if name in found:  # dlt has files of its own beside them
            with path.open(encoding="utf-8") as file:
                found[name].update(json.loads(line)["id"] for line in file)
    return found


def play(scene: Scene) -> dict[str, Result]:
    """Let all ways play a scene one after the other, and print a table."""
    title(scene.title)
    print("| | seconds | times ours | requests | 429s | rows lost | doubled | MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    results: dict[str, Result] = {}
    for name in WAYS:
        result = measure(name, scene)
        if result is None:
            print(f"| {name} | failed | | | | | | |", flush=True)
            continue
        results[name] = result
        times = result.seconds / results[OURS].seconds
        print(
            f"| {name} | {result.seconds:.1f} | {times:.1f} | {result.requests} "
            f"| {result.refused} | {result.lost} | {result.doubled} "
            f"| {result.peak / 2**20:.0f} |",
            flush=True,
        )
    print()
    return results


SCENES = (
    Scene("Everything, hidden rows too, 50 ms an answer, no limit to speak of", 0.05),
    Scene("Everything, hidden rows too, 200 ms an answer, no limit to speak of", 0.2),
    Scene(
        "What lists show, 50 ms, while a row is hidden and one created with each request",
        0.05,
        hidden=False,
        churn=True,
    ),
    Scene("Everything, hidden rows too, 50 ms, 60 requests per 4 s", 0.05, limit=60, per=4),
)


def main() -> None:
    """Play all scenes, and say which promises fell short."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--true", action="store_true", help="for limiters.py; changes nothing here")
    parser.add_argument("--way", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        name, job = asked.way
        run_way(name, Job(*json.loads(job)))
        return
    machine()
    print("20,000 records of 8 resources to JSON Lines")
    ours = [play(scene)[OURS] for scene in SCENES]
    promise("rows that we lost or doubled", sum(r.lost + r.doubled for r in ours), "", most=0)
    promise("our 429s", sum(r.refused for r in ours), "", most=0)
    summary()


if __name__ == "__main__":
    main()
