"""Many clinics on Dask workers, whose users' allowances are shared with a web service."""

from __future__ import annotations

import asyncio
import importlib
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from example_programs import environment, output, serving
from redis_server import Server, emptied, started

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running
from cliniko_async.export import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async.emulator.report import Arrival

psutil: Any = importlib.import_module("psutil")  # comes with Dask, and has no types

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

shared_server = pytest.fixture(started, scope="module")
server = pytest.fixture(emptied)

RESOURCES = ("patients", "practitioners", "individual_appointments", "invoices")
KEYS = {name: f"MS0xSECRET{name.upper()}-au1" for name in ("north", "south", "east", "west")}
USERS = {KEYS[name]: name for name in ("north", "south", "east")}
"""The users whom the API knows: west's key has been deleted."""

SEVERAL_PAGES = 1_000_000
"""Bytes."""


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


def key_file(folder: Path, *names: str) -> str:
    path = folder / "clinics.toml"
    path.write_text("".join(f'{name} = "{KEYS[name]}"\n' for name in names), encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def assert_complete(folder: Path, clinic: Clinic) -> None:
    """All records are there, each once, and the files are what the manifest says."""
    assert verify(folder) == []
    for resource in RESOURCES:
        lines = (folder / f"{resource}.jsonl").read_text(encoding="utf-8").splitlines()
        ids = [json.loads(line)["id"] for line in lines]
        assert sorted(ids) == sorted(row["id"] for row in clinic.records(resource))


def records(clinic: Clinic) -> int:
    """How many records an export has."""
    return sum(len(clinic.records(resource)) for resource in RESOURCES)


async def until(condition: Callable[[], bool], program: asyncio.Task[str]) -> None:
    """Wait for a file that a program writes, or for the program's end."""
    while not (condition() or program.done()):  # noqa: ASYNC110 - files have no events
        await asyncio.sleep(0.01)


async def test_workers_and_a_web_service_keep_to_each_users_limit_together(
    server: Server, tmp_path: Path
) -> None:
    clinic = Clinic.seeded(patients=600, appointments=1000)
    emulator = Emulator(clinic, limit=20, per=2, latency=0.02, jitter=0.02, keys=USERS)
    button = {"patient_id": clinic.records("patients")[0]["id"]}
    names, statuses = ("north", "south", "east"), list[int]()
    async with running(emulator) as base_url:
        shared = {"CLINIKO_REDIS_URL": server.url, "CLINIKO_RATE_LIMIT": "20/2"}
        env = environment(base_url, **shared, CLINIKO_API_KEY=KEYS["north"])
        async with serving(env) as service:
            program = asyncio.create_task(
                output("many_clinics.py", key_file(tmp_path, *names), str(tmp_path), env=env)
            )
            await until((tmp_path / "north").exists, program)
            for _ in range(6):
                answer = await service.browser.get("/patient", params=button)
                statuses.append(answer.status_code)
                await asyncio.sleep(0.2)
            said = await program
    for name in names:
        assert f"{name}: {records(clinic)} records" in said
        assert_complete(tmp_path / name, clinic)
        assert emulator.report.busiest(2, key=KEYS[name]) <= 20
    assert emulator.report.refused == 0
    assert statuses == [200] * 6
    assert emulator.report.busiest(60, key=KEYS["north"]) > 40  # two windows were not enough
    assert "SECRET" not in service.log


async def test_dask_is_told_names_and_no_key(server: Server, tmp_path: Path) -> None:
    told = tmp_path / "told"
    async with running(Emulator(keys=USERS)) as base_url:
        env = environment(
            base_url,
            CLINIKO_REDIS_URL=server.url,
            DASK_DISTRIBUTED__SCHEDULER__PRELOAD=str(Path(__file__).parents[1] / "dask_told.py"),
            DASK_TOLD=str(told),
        )
        keys = key_file(tmp_path, "north", "west")
        said = await output("many_clinics.py", keys, str(tmp_path), env=env)
    assert "north: 0 records" in said
    assert "west: AuthenticationError: " in said
    assert "SECRET" not in said
    assert b"west" in told.read_bytes()
    assert b"AuthenticationError" in told.read_bytes()
    assert b"SECRET" not in told.read_bytes()


async def test_an_export_goes_on_when_its_worker_is_killed(server: Server, tmp_path: Path) -> None:
    clinic = Clinic.seeded(patients=150, appointments=3000)
    emulator = Emulator(clinic, limit=200, per=2, latency=0.1, keys=USERS)
    folder, key = tmp_path / "north", KEYS["north"]
    async with running(emulator) as base_url:
        env = environment(base_url, CLINIKO_REDIS_URL=server.url, CLINIKO_RATE_LIMIT="200/2")
        program = asyncio.create_task(
            output("many_clinics.py", key_file(tmp_path, "north"), str(tmp_path), env=env)
        )
        await until(partial(is_half_done, folder), program)
        assert kill_workers() == 2
        asked_before = emulator.report.requests
        assert f"north: {records(clinic)} records" in await program
    assert_complete(folder, clinic)
    assert emulator.report.busiest(2, key=key) <= 200
    assert emulator.report.refused == 0
    arrivals = emulator.report.arrivals
    assert [begins_anew(arrival) for arrival in arrivals[:asked_before]].count(True) == 1
    assert not any(begins_anew(arrival) for arrival in arrivals[asked_before:])
    assert "/patients" not in {arrival.path for arrival in arrivals[asked_before:]}


def begins_anew(arrival: Arrival) -> bool:
    """Whether appointments are asked for from the first one on."""
    query = parse_qs(arrival.query)
    is_count = query.get("per_page") == ["1"]
    from_the_start = "page" not in query and "created_at" not in arrival.query and not is_count
    return arrival.path == "/individual_appointments" and from_the_start


def is_half_done(folder: Path) -> bool:
    """Whether one file is complete, and another has several pages."""
    growing = folder / ".individual_appointments.jsonl.partial"
    return (
        (folder / "patients.jsonl").exists()
        and growing.exists()
        and growing.stat().st_size > SEVERAL_PAGES
    )


def kill_workers() -> int:
    """Kill all processes that Dask has begun, and say how many."""
    children = psutil.Process().children(recursive=True)
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    for worker in workers:
        worker.kill()
    return len(workers)
