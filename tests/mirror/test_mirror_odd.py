"""Mirrors of odd lists, of several clinics, and of runs that ended early."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import duckdb
import httpx
import pytest
from click.testing import CliRunner
from oddserver import START, OddServer, session, text
from postgres_server import running_postgres

from cliniko_async.cli import cliniko as command
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running
from cliniko_async.errors import ClinikoError, InvalidValueError, MirrorError, ServerError
from cliniko_async.mirror import _source, mirror, plan
from cliniko_async.mirror._pipeline import Pipeline

if TYPE_CHECKING:
    from cliniko_async.export import Cost, Progress

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The real clock: dlt runs in threads of its own."""
    return "asyncio"


def clinic(records: int = 250, name: str = "patients", **options: Any) -> OddServer:
    server = OddServer(**options)
    for id in range(1, records + 1):
        server.add(name, id, id * 60, first_name="A", last_name="B")
    return server


def table(file: Path, columns: str, name: str = "patients") -> dict[str, Any]:
    """The rows of a table by id."""
    with duckdb.connect(str(file), read_only=True) as database:
        rows = database.execute(f"SELECT id, {columns} FROM {name}").fetchall()  # noqa: S608 - our names
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1] if len(row) == 2 else row[1:] for row in rows}


def archived(server: OddServer, name: str = "patients") -> dict[str, bool]:
    return {id: row["archived_at"] is not None for id, row in server.rows[name].items()}


# Several clinics


async def test_another_account_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    file = tmp_path / "clinic.duckdb"
    north, south = clinic(120, account="1"), clinic(130, account="2")
    south.add("taxes", 1, 0)
    async with session(north) as cliniko:
        await mirror(cliniko, file, ["patients"])
    before = table(file, "updated_at")
    async with session(south, "MS0xSOUTH-au1") as cliniko:
        for full in (False, True):
            with pytest.raises(InvalidValueError, match="another account"):
                await mirror(cliniko, file, ["patients", "taxes"], full=full)
    assert table(file, "updated_at") == before
    assert {path for path, _ in south.requests} == {"settings/public"}
    async with session(north, "MS0xNEWKEY-au1") as cliniko:
        again = await mirror(cliniko, file, ["patients"])
    assert again.requests == 1 + 2


async def test_many_clinics_share_a_file_in_datasets_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "clinics.duckdb"
    servers = {"north": clinic(120, account="1"), "south": clinic(130, account="2")}
    for _ in range(2):
        for dataset, server in servers.items():
            async with session(server, f"MS0x{dataset.upper()}-au1") as cliniko:
                await mirror(cliniko, file, ["patients"], dataset=dataset)
            server.rows["patients"].popitem()
    for dataset, rows in (("north", 119), ("south", 129)):
        assert len(table(file, "updated_at", f"{dataset}.patients")) == rows
    async with session(servers["south"], "MS0xSOUTH-au1") as cliniko:
        with pytest.raises(InvalidValueError, match="another account"):
            await mirror(cliniko, file, ["patients"], dataset="north")
        for odd in ('x"; DROP', "north_cliniko_staging"):
            with pytest.raises(InvalidValueError, match="dataset= takes"):
                await mirror(cliniko, file, ["patients"], dataset=odd)


async def test_tables_of_others_in_schemas_of_a_like_name_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "clinics.duckdb"
    with closing(duckdb.connect(str(file))) as database:
        for schema in ("main_staging", "north_staging"):
            database.execute(f"CREATE SCHEMA {schema}")
            database.execute(f"CREATE TABLE {schema}.patients AS SELECT 'precious' AS id")
    server = clinic(120)
    async with session(server) as cliniko:
        for dataset in (None, "north", None, "north"):
            await mirror(cliniko, file, ["patients"], dataset=dataset)
            server.rows["patients"].popitem()
    for schema in ("main_staging", "north_staging"):
        assert table(file, "id", f"{schema}.patients") == {"precious": "precious"}


@pytest.mark.slow
async def test_many_clinics_share_a_postgresql_database(tmp_path: Path) -> None:
    psycopg2: Any = import_module("psycopg2")  # it has no types

    del tmp_path
    servers = {"north": clinic(120, account="1"), "south": clinic(130, account="2")}
    with running_postgres() as url:
        for _ in range(2):
            for dataset, server in servers.items():
                async with session(server, f"MS0x{dataset.upper()}-au1") as cliniko:
                    await mirror(cliniko, url, ["patients"], dataset=dataset)
                server.rows["patients"].popitem()
        async with session(servers["south"], "MS0xSOUTH-au1") as cliniko:
            with pytest.raises(InvalidValueError, match="another account") as caught:
                await mirror(cliniko, url, ["patients"], dataset="north")
            assert "tester" not in str(caught.value)
        with closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
            for dataset, rows in (("north", 119), ("south", 129)):
                cursor.execute(f"SELECT count(*) FROM {dataset}.patients")  # noqa: S608 - our names
                assert cursor.fetchone() == (rows,)
    async with session(servers["north"]) as cliniko:
        with pytest.raises(MirrorError, match="cannot be reached") as failed:
            await mirror(cliniko, url, ["patients"], dataset="north")
    assert "credentials" not in str(failed.value)


# Odd records


async def test_one_bad_record_stops_nobody_and_is_asked_for_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server, file = clinic(300), tmp_path / "clinic.duckdb"
    server.rows["patients"]["150"]["date_of_birth"] = "Canary-00-00"
    async with session(server) as cliniko:
        with caplog.at_level(logging.WARNING, "cliniko_async"):
            first = await mirror(cliniko, file, ["patients"])
        assert len(table(file, "date_of_birth")) == 299
        (error,) = first.bad_records
        assert error.id == "150"
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "date_of_birth" in caplog.text
        assert "Canary" not in caplog.text
        told: list[object] = []
        second = await mirror(cliniko, file, ["patients"], on_bad_record=told.append)
        assert told == [*second.bad_records]
        assert second.requests == 1 + 2 + 1
        server.rows["patients"]["150"]["date_of_birth"] = "2001-02-03"  # `updated_at` stays
        third = await mirror(cliniko, file, ["patients"])
        assert third.bad_records == ()
        fourth = await mirror(cliniko, file, ["patients"])
        assert fourth.requests == 1 + 2
    assert len(table(file, "date_of_birth")) == 300


@pytest.mark.slow
async def test_a_nul_in_a_text_stops_no_mirror(tmp_path: Path) -> None:
    psycopg2: Any = import_module("psycopg2")
    server, file = clinic(3), tmp_path / "clinic.duckdb"
    server.rows["patients"]["2"]["last_name"] = "N\0ul \\u0000"  # and what only looks like one
    with running_postgres() as url:
        async with session(server) as cliniko:
            for target in (file, url):
                await mirror(cliniko, target, ["patients"], dataset="north")
        with closing(psycopg2.connect(url)) as database, database.cursor() as cursor:
            cursor.execute("SELECT last_name FROM north.patients WHERE id = '2'")
            assert cursor.fetchone() == ("N\ufffdul \\u0000",)
    assert table(file, "last_name", "north.patients")["2"] == "N\ufffdul \\u0000"


async def test_records_without_moments_are_mirrored(tmp_path: Path) -> None:
    server, file = clinic(250), tmp_path / "clinic.duckdb"
    rows = server.rows["patients"]
    rows["100"]["updated_at"] = None
    undated = [server.add("patients", id, None, first_name="N") for id in range(900, 903)]
    async with session(server) as cliniko:
        for step in range(7):
            await mirror(cliniko, file, ["patients"])
            assert table(file, "archived_at IS NOT NULL") == archived(server), step
            match step:
                case 0:
                    pass
                case 1:
                    rows.pop("42")
                case 2:
                    rows.pop("900")
                case 3:
                    server.add("patients", 903, None)
                case 4:
                    undated[1]["archived_at"] = server.stamp()
                case _:
                    undated[1]["archived_at"] = None


@pytest.mark.parametrize("seed", range(4))
async def test_what_leaves_and_enters_the_archive_is_found_though_nothing_tells(
    seed: int, tmp_path: Path
) -> None:
    random, file = Random(seed), tmp_path / "clinic.duckdb"
    marks = ("archived_at", "deleted_at")[: 1 + seed % 2]
    name = ("patients", "contacts")[seed % 2]
    server = clinic(400, name, marks=marks, behind=random.choice((0, 200)))
    rows = server.rows[name]
    for row in random.sample(list(rows.values()), 90):
        row[random.choice(marks)] = text(START + timedelta(days=2))
    async with session(server) as cliniko:
        for round in range(6):
            await mirror(cliniko, file, [name])
            shown = ", ".join(f"{mark} IS NOT NULL" for mark in marks)
            truth = {id: tuple(row[mark] is not None for mark in marks) for id, row in rows.items()}
            found = table(file, f"{shown}, 1", name)
            assert {id: row[:-1] for id, row in found.items()} == truth
            for mark in marks:
                hidden = [row for row in rows.values() if row[mark]]
                others = [row for row in rows.values() if not row[mark]]
                for _ in range(random.choice((1, 1, 3))):  # counts stay equal
                    random.choice(hidden)[mark] = None
                    random.choice(others)[mark] = server.stamp()
            if round == 3:
                del rows[random.choice(list(rows))]
        before = len(server.requests)
        await mirror(cliniko, file, [name])
        await mirror(cliniko, file, [name])
    quiet = [path for path, _ in server.requests[before:]][-2 - len(marks) :]
    assert quiet == ["settings/public", *[name] * (1 + len(marks))]


# Runs that ended early


class _FailingServer(OddServer):
    """Fails after so many requests."""

    left = 10_000

    async def handle_async_request(self, request: Any) -> Any:
        self.left -= 1
        answer = await super().handle_async_request(request)
        answer.status_code = 500 if self.left < 0 else answer.status_code
        return answer


async def test_a_first_run_that_is_interrupted_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "clinic.duckdb"
    server = _FailingServer()
    for name, records in (("patients", 9000), ("contacts", 50), ("taxes", 3)):
        for id in range(1, records + 1):
            server.add(name, id, id * 60, first_name="A", last_name="B")
    names = ["patients", "contacts", "taxes"]
    monkeypatch.setattr(_source, "SLICE", 0.0)
    load, loads = Pipeline.run, 0

    def load_and_fail_after_the_first_slice(self: Pipeline, source: object) -> ClinikoError | None:
        nonlocal loads
        loads += 1
        error = load(self, source)
        if loads == 2:  # the account's was the first; what was read ahead is there still
            server.left = 0
        return error

    monkeypatch.setattr(Pipeline, "run", load_and_fail_after_the_first_slice)
    async with session(server) as cliniko:
        with pytest.raises(ServerError):
            await mirror(cliniko.with_options(retries=0), file, names)
        there = len(table(file, "updated_at"))
        assert 1000 <= there < 9000
        monkeypatch.undo()
        server.left = 10_000
        before = len(server.requests)
        server.rows["patients"].pop("7")  # of what is there already
        server.rows["patients"]["8"].update(last_name="Changed", updated_at=server.stamp())
        await mirror(cliniko, file, names)
    again = [query for name, query in server.requests[before:] if name == "patients"]
    assert all(
        "created_at" in query or "sort=" in query for query in again
    )  # no page from the start
    for name in names:
        assert table(file, "updated_at IS NULL", name).keys() == server.rows[name].keys()
    assert table(file, "last_name")["8"] == "Changed"


async def test_what_was_deleted_after_a_first_run_without_a_state_is_not_forgotten(
    tmp_path: Path,
) -> None:
    server, file = clinic(250), tmp_path / "clinic.duckdb"
    async with session(server) as cliniko:
        await mirror(cliniko, file, ["patients"])
        with duckdb.connect(str(file)) as database:
            database.execute("DELETE FROM _dlt_pipeline_state")
            database.execute("DELETE FROM _dlt_loads")
        del server.rows["patients"]["77"]
        await mirror(cliniko, file, ["patients"])
    assert table(file, "updated_at").keys() == server.rows["patients"].keys()


@pytest.mark.slow
async def test_what_a_killed_run_left_behind_is_removed_by_the_next_one(tmp_path: Path) -> None:
    emulator = Emulator(Clinic.seeded(patients=3000, appointments=0), limit=100_000, latency=0.02)
    for patient in emulator.clinic.records("patients"):
        patient["last_name"] = "Canaryname"
    target = tmp_path / "clinic.duckdb"

    def left() -> list[Path]:
        # Unlike `rglob`, `walk` minds no folder that goes while it is looked at.
        walked = os.walk(tmp_path)
        found = [Path(at, name) for at, folders, files in walked for name in (*folders, *files)]
        return [path for path in found if path != target]

    def readable() -> bool:
        return any(b"Canaryname" in path.read_bytes() for path in left() if path.is_file())

    async with running(emulator) as base_url:
        environment = {
            **os.environ,
            "CLINIKO_API_KEY": "MS0xKILL-au1",
            "CLINIKO_USER_AGENT": "Tests (tests@example.com)",
            "CLINIKO_BASE_URL": base_url,
        }
        program = [sys.executable, "-m", "cliniko_async", "mirror", str(target), "patients"]
        process = await anyio.open_process(program, env=environment, stdout=subprocess.DEVNULL)
        with anyio.fail_after(60):
            while not any(path.suffix == ".parquet" for path in left()):  # noqa: ASYNC110 - made elsewhere
                await anyio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        assert left()
        with anyio.fail_after(60):
            await anyio.run_process(program, env=environment)
    assert left() == []
    assert not readable()
    assert len(table(target, "last_name")) == 3000


# Targets


async def test_a_file_that_another_program_has_open_is_told_before_a_request(
    tmp_path: Path,
) -> None:
    server, file = clinic(5), tmp_path / "clinic.duckdb"
    code = f"import duckdb; d = duckdb.connect({str(file)!r}); print(1, flush=True); input()"
    with subprocess.Popen(  # noqa: ASYNC220, S603 - our own line, and it starts at once
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        await asyncio.to_thread(other.stdout.readline)
        async with session(server) as cliniko:
            with pytest.raises(MirrorError, match=r"open in another program: close it") as caught:
                await mirror(cliniko, file, ["patients"])
        other.communicate(b"\n", timeout=60)
    assert "\n" not in str(caught.value)
    assert server.requests == []


async def test_what_is_not_a_duckdb_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    server = clinic(5)
    foreign = tmp_path / "other.db"
    with closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE t (x)")
        database.commit()
    before = foreign.read_bytes()
    async with session(server) as cliniko:
        for name in ("m.sqlite", "other.db", "m.csv"):
            with pytest.raises(ClinikoError, match="not a DuckDB file"):
                await mirror(cliniko, tmp_path / name, ["patients"])
    assert foreign.read_bytes() == before
    assert server.requests == []
    assert os.listdir(tmp_path) == ["other.db"]  # noqa: PTH208 - a list of names


async def test_two_mirrors_of_one_target_at_once_are_refused(tmp_path: Path) -> None:
    server = clinic(5)
    async with session(server) as cliniko:
        first = asyncio.create_task(mirror(cliniko, tmp_path / "clinic.duckdb", ["patients"]))
        await asyncio.sleep(0.05)
        with pytest.raises(MirrorError, match="another mirror"):
            await mirror(cliniko, tmp_path / "clinic.duckdb", ["patients"])
        await first


# What it says of itself


async def test_a_mirror_says_what_it_will_cost_and_how_far_it_is(tmp_path: Path) -> None:
    server, file = clinic(2350), tmp_path / "clinic.duckdb"
    server.add("taxes", 1, 0)
    names = ["patients", "taxes"]
    costs: list[Cost] = []
    seen: list[tuple[str, int, int | None, bool]] = []

    def note(state: Progress) -> None:
        seen.append((state.resource, state.records, state.total, state.done))

    async with session(server) as cliniko:
        planned = await plan(cliniko, file, names)
        # The account, 24 pages, what came meanwhile, what was changed last; and the tax.
        assert (planned.records, planned.requests) == (2351, 1 + 24 + 1 + 1 + 1)
        assert planned.resources == {"patients": 2350, "taxes": 1}
        assert not file.exists()
        summary = await mirror(cliniko, file, names, on_progress=note, on_cost=costs.append)
        assert costs == [planned]
        assert summary.rows == {"patients": 2350, "taxes": 1}
        assert ("patients", 2350, 2350, True) in seen
        assert any(0 < records < 2350 for name, records, _, _ in seen if name == "patients")
        before = len(server.requests)
        quiet = await plan(cliniko, file, names)
        assert (quiet.records, quiet.requests) == (0, 1 + 2 + 1)
        assert len(server.requests) - before == 1


def test_the_command_says_what_a_mirror_will_cost_and_stops(tmp_path: Path) -> None:
    file = tmp_path / "clinic.duckdb"
    arguments = ["--emulator", "mirror", str(file), "taxes", "businesses", "--dataset", "north"]
    run = CliRunner().invoke(command, [*arguments, "--plan", "--json"])
    assert run.exit_code == 0, run.output
    cost = json.loads(run.stdout.splitlines()[-1])
    assert set(cost["resources"]) == {"taxes", "businesses"}
    assert cost["records"] == sum(cost["resources"].values()) > 0
    assert not file.exists()
    run = CliRunner().invoke(command, arguments)
    assert run.exit_code == 0, run.output
    assert "for the rate limit" in run.output
    assert f"businesses: {cost['resources']['businesses']} rows written" in run.output
    assert len(table(file, "updated_at", "north.businesses")) == cost["resources"]["businesses"]


class WithoutTotals(OddServer):
    """Lets links alone say where a list ends."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        body = json.loads(answer.content)
        body.pop("total_entries", None)
        return httpx.Response(
            answer.status_code, json=body, headers={"Date": answer.headers["Date"]}
        )


async def test_a_list_without_a_total_is_copied_whole(tmp_path: Path) -> None:
    server = WithoutTotals()
    for id in range(1, 251):
        server.add("patients", id, id * 60, first_name="A", last_name="B")
    file = tmp_path / "clinic.duckdb"
    async with session(server) as cliniko:
        await mirror(cliniko, file, ["patients"])
        assert set(table(file, "first_name")) == set(server.rows["patients"])
        # What has changed cannot be counted: that is said, and no row is taken for deleted.
        with pytest.raises(ClinikoError, match="how many there are"):
            await mirror(cliniko, file, ["patients"])
    assert set(table(file, "first_name")) == set(server.rows["patients"])
