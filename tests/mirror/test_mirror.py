"""Mirrors: equal to the clinic after whatever happened to it, cheap to keep, and private."""

from __future__ import annotations

import gc
import json
import os
import stat
from collections import Counter
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import dlt
import duckdb
import httpx
import pytest
from click.testing import CliRunner
from postgres_server import running_postgres
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async._verbs.include import marks_of
from cliniko_async.cli import cliniko as command
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.lists import Lister
from cliniko_async.emulator.records import encode
from cliniko_async.errors import DecodeError, InvalidValueError, ServerError
from cliniko_async.limits import RateLimit
from cliniko_async.mirror import MirrorError, cliniko_source, mirror, mirrorable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.anyio

BASE_URL = "https://api.au1.cliniko.com/v1"
NAMES = ("patients", "individual_appointments", "invoices", "practitioners", "businesses", "taxes")
MARKS = ("archived_at", "cancelled_at", "deleted_at")


@pytest.fixture
def anyio_backend() -> str:
    """The real clock: dlt runs in threads of its own."""
    return "asyncio"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=250, appointments=120), limit=100_000)


def session(emulator: Emulator) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xMIRROR-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(100_000, per=60),
    )


# What is in a mirror, and what should be


def rows_of(file: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table in a DuckDB file."""
    with duckdb.connect(str(file), read_only=True) as database:
        return dicts(database.execute(f'SELECT * FROM "{name}"'))  # noqa: S608 - our names


def dicts(cursor: Any) -> list[dict[str, Any]]:
    """What a cursor found, without the columns that are the mirror's own."""
    columns = [column[0] for column in cursor.description]
    rows = [zip(columns, row, strict=True) for row in cursor.fetchall()]
    return [{name: cell for name, cell in row if not name.startswith("_")} for row in rows]


def linked(value: Any) -> str | None:
    """The URL of a relation; None if it is none."""
    return value["links"]["self"] if str(value).startswith("{'links'") else None


def expected(record: dict[str, Any], column: str, cell: object) -> Any:
    """What a cell has to be, by the record's JSON; the cell only tells the type."""
    if column not in record and column.endswith("_id"):
        url = linked(record.get(column.removesuffix("_id")))
        return url and url.rpartition("/")[2]
    value = record.get(column)
    if isinstance(cell, datetime):
        return value and datetime.fromisoformat(value)
    if isinstance(cell, Decimal):
        return value and Decimal(value)
    if isinstance(cell, date):
        return value and date.fromisoformat(value)
    return linked(value) or value


def assert_equal(rows: Sequence[dict[str, Any]], clinic: Clinic, name: str) -> None:
    """Hold a table against the emulator's truth, row by row and field by field."""
    records = [json.loads(encode(record, BASE_URL)) for record in clinic.records(name)]
    truth = {record["id"]: record for record in records}
    assert Counter(row["id"] for row in rows) == Counter(list(truth))
    for row in rows:
        for column, cell in row.items():
            is_json = isinstance(cell, str) and cell[:1] in ("{", "[")
            value = json.loads(cell) if is_json else cell
            assert value == expected(truth[row["id"]], column, cell), (name, row["id"], column)


def change_something(clinic: Clinic, random: Random) -> None:
    """One of the things that happen in a clinic."""
    clinic.archiving_touches_updated_at = random.random() < 0.5
    name = random.choice(("patients", "patients", "individual_appointments", "invoices"))
    record = random.choice(clinic.records(name))
    match random.randrange(7):
        case 0:
            clinic.create("patients", first_name="New", last_name=f"{random.random()}")
        case 1:
            clinic.update("patients", random.choice(clinic.records("patients"))["id"], notes="🙂")
        case 2:
            clinic.remove(name, record["id"])
        case 3 if record.get("archived_at") is not None:
            clinic.unarchive(name, record["id"])
        case 4:
            someone = random.choice(clinic.records("practitioners"))
            clinic.update("practitioners", someone["id"], active=not someone["active"])
        case 5:
            clinic.update("invoices", clinic.records("invoices")[3]["id"], total_amount="12.50")
        case _:
            marks = [mark for mark in MARKS if mark in record and record[mark] is None]
            marks = [mark for mark in marks if (name, mark) != ("patients", "deleted_at")]
            # A second mark that leaves `updated_at` alone is found once a day only.
            clinic.archiving_touches_updated_at |= any(record.get(mark) for mark in MARKS)
            if marks:
                clinic.mark(name, record["id"], random.choice(marks))


async def test_a_mirror_equals_the_clinic_after_rounds_of_random_changes(
    emulator: Emulator, tmp_path: Path
) -> None:
    random, clinic, file = Random(11), emulator.clinic, tmp_path / "clinic.duckdb"
    async with session(emulator) as cliniko:
        for _ in range(10):
            await mirror(cliniko, file, NAMES)
            for name in NAMES:
                assert_equal(rows_of(file, name), clinic, name)
            for _ in range(random.randrange(12)):
                change_something(clinic, random)


class _Unsorted(Lister):
    """A server that takes `sort=` and does not heed it."""

    def _rows(self, operation: Any, parents: Any, query: list[tuple[str, str]]) -> Any:
        return super()._rows(operation, parents, [pair for pair in query if pair[0] != "sort"])


async def test_where_the_server_does_not_sort_a_mirror_is_as_true(
    emulator: Emulator, tmp_path: Path
) -> None:
    random, clinic, file = Random(3), emulator.clinic, tmp_path / "clinic.duckdb"
    emulator.lister = _Unsorted(clinic)
    async with session(emulator) as cliniko:
        for _ in range(2):
            await mirror(cliniko, file, NAMES)
            for name in NAMES:
                assert_equal(rows_of(file, name), clinic, name)
            for _ in range(8):
                change_something(clinic, random)


async def test_a_quiet_run_costs_a_request_per_resource_and_one_per_mark(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with session(emulator) as cliniko:
        first = await mirror(cliniko, tmp_path / "clinic.duckdb")
        assert set(first.rows) == {*mirrorable()}
        assert first.rows["patients"] == 250
        emulator.report.arrivals.clear()
        second = await mirror(cliniko, tmp_path / "clinic.duckdb")
    paths = Counter(a.path.removesuffix("/inactive") for a in emulator.report.arrivals)
    assert second.requests == sum(paths.values())
    assert paths.pop("/settings/public") == 1
    assert set(paths) == {f"/{name}" for name in mirrorable()}
    for name in mirrorable():
        kind = getattr(AsyncCliniko, name)
        assert paths[f"/{name}"] <= 1 + len(marks_of(kind)) + kind.inactive_apart


async def test_archiving_that_leaves_updated_at_alone_costs_no_request_more(
    emulator: Emulator, tmp_path: Path
) -> None:
    clinic, file = emulator.clinic, tmp_path / "clinic.duckdb"
    clinic.archiving_touches_updated_at = False
    async with session(emulator) as cliniko:
        await mirror(cliniko, file, ["patients"])
        visible = [row["id"] for row in clinic.records("patients") if row["archived_at"] is None]
        clinic.archive("patients", visible[100])
        again = await mirror(cliniko, file, ["patients"])
    assert_equal(rows_of(file, "patients"), clinic, "patients")
    assert again.requests == 1 + 2


async def test_a_record_deleted_for_good_is_found_by_halves(
    emulator: Emulator, tmp_path: Path
) -> None:
    clinic, file = Clinic.seeded(patients=2000, appointments=0), tmp_path / "clinic.duckdb"
    emulator.lister = Lister(clinic)
    emulator.clinic = clinic
    async with session(emulator) as cliniko:
        await mirror(cliniko, file, ["patients"])
        shown = [patient for patient in clinic.records("patients") if not patient["archived_at"]]
        clinic.remove("patients", shown[1234]["id"])
        again = await mirror(cliniko, file, ["patients"])
    assert_equal(rows_of(file, "patients"), clinic, "patients")
    # 20 pages would be all: here it is the account, the news, what was archived after the last
    # update, a count per halving, and a page.
    assert again.requests <= 1 + 1 + 3 + 5 + 2


async def test_what_has_no_ids_is_replaced_and_what_is_asked_for_in_full_is_read_anew(
    emulator: Emulator, tmp_path: Path
) -> None:
    clinic, file = emulator.clinic, tmp_path / "clinic.duckdb"
    kinds = [record["id"] for record in clinic.records("appointment_types")]
    for kind in kinds[:2]:
        service = clinic.create("services", appointment_type_id=kind)
        service["practitioners"] = []
    async with session(emulator) as cliniko:
        await mirror(cliniko, file, ["services", "patients"])
        services = clinic.records("services")
        clinic.remove("services", services[0]["id"])
        # Nothing tells of this change: neither its time nor a count.
        clinic.records("patients")[0]["city"] = "Elsewhere"
        clinic.table("patients").touch(clinic.records("patients")[0]["id"])
        await mirror(cliniko, file, ["services", "patients"], full=True)
    assert [row["appointment_type_id"] for row in rows_of(file, "services")] == [kinds[1]]
    assert_equal(rows_of(file, "patients"), clinic, "patients")


# Privacy

NAME = "Canaryname"


def left_behind(*folders: Path, but: Path) -> list[Path]:
    """Files that hold the planted name."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [file for file in files if file != but and NAME.encode() in file.read_bytes()]


def names_in(folder: Path) -> set[str]:
    """What is in a folder, hidden files too."""
    return {path.name for path in folder.iterdir()}


def written_after(file: Path, moment: datetime | None) -> tuple[int, datetime]:
    """How many patients were written after a moment, and when the last one was."""
    with duckdb.connect(str(file), read_only=True) as database:
        found = database.execute(
            "SELECT count(*) FILTER (_read_at > $1 OR $1 IS NULL), max(_read_at) FROM patients",
            [moment],
        ).fetchone()
    assert found
    return found


async def test_the_summary_says_how_many_rows_were_written_each_once(
    emulator: Emulator, tmp_path: Path
) -> None:
    clinic, file, last = emulator.clinic, tmp_path / "clinic.duckdb", None
    async with session(emulator) as cliniko:
        for archived in (0, 5, 2):  # found by `updated_at`, and by `archived_at` again
            shown = [row["id"] for row in clinic.records("patients") if not row["archived_at"]]
            for id in shown[:archived]:
                clinic.archive("patients", id)
            summary = await mirror(cliniko, file, ["patients"])
            rows, last = written_after(file, last)
            assert summary.rows == {"patients": rows}
            assert rows >= archived


class WithoutSettings(httpx.AsyncBaseTransport):
    """A transport of somebody's own, which fails when it is asked about the account."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/settings/public"):
            raise LookupError("there are no settings here")
        return httpx.Response(200, json={"total_entries": 0, "links": {}, "taxes": []})


async def test_what_a_transport_raises_is_raised_as_it_is(tmp_path: Path) -> None:
    async with AsyncCliniko(
        "MS0xMIRROR-au1", user_agent=AGENT, transport=WithoutSettings()
    ) as cliniko:
        with pytest.raises(LookupError, match="no settings here"):
            await mirror(cliniko, tmp_path / "clinic.duckdb", ["taxes"])


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_left_behind_but_the_target_for_its_owner_alone(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    for variable in ("HOME", "TMPDIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.chdir(tmp_path / "HOME")
    clinic, target = emulator.clinic, tmp_path / "clinic.duckdb"
    modes: list[int] = []

    def watch(_method: str, _path: str) -> None:
        folders = [path for path in tmp_path.iterdir() if path.name.startswith(".cliniko")]
        modes.extend(stat.S_IMODE(folder.stat().st_mode) for folder in folders)
        if fails and emulator.report.requests == 4:
            emulator.faults.next("500")  # the last request, with all rows written down

    umask = os.umask(0o022)
    async with session(emulator) as cliniko:
        await mirror(cliniko, target, ["patients"])
        for patient in clinic.records("patients")[:180]:
            clinic.update("patients", patient["id"], first_name=NAME)
        emulator.report.arrivals.clear()
        emulator.on_request(watch)
        if fails:
            with pytest.raises(ServerError) as caught:
                await mirror(cliniko.with_options(retries=0), target, ["patients"])
            assert NAME not in str(caught.value)
        else:
            await mirror(cliniko, target, ["patients"])
        assert (NAME.encode() in target.read_bytes()) is not fails
    assert os.umask(umask) == 0o022
    assert emulator.report.requests == 1 + 1 + 2 + 1  # account, news, pages of news, a mark
    assert modes == [0o700] * 5
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert left_behind(tmp_path, but=target) == []
    assert names_in(tmp_path) == {"HOME", "TMPDIR", target.name}
    assert names_in(tmp_path / "HOME") == set()


async def test_a_copy_that_others_could_read_is_closed_to_them(
    emulator: Emulator, tmp_path: Path
) -> None:
    target = tmp_path / "clinic.duckdb"
    duckdb.connect(str(target)).close()
    target.chmod(0o644)
    async with session(emulator) as cliniko:
        await mirror(cliniko, target, ["taxes"])
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


# What can go wrong


@pytest.mark.parametrize("name", ["individual_appointments", "patients"])
async def test_a_record_that_does_not_fit_is_told_once_and_not_logged(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    bad = emulator.clinic.records(name)[-1]
    emulator.clinic.spoil(name, bad["id"], created_at="2029-01-01T00:00:00Z", archived_at="no")
    names = ("patients", "practitioners", "individual_appointments")
    async with session(emulator) as cliniko:
        with pytest.raises(DecodeError) as caught:
            await mirror(cliniko, tmp_path / "clinic.duckdb", names, on_bad_record="raise")
    gc.collect()
    assert caught.value.id == bad["id"]
    assert not [record.getMessage() for record in caplog.records]


async def test_bad_names_and_targets_are_found_before_a_request_is_spent(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with session(emulator) as cliniko:
        for names, target, words in (
            (["patents"], tmp_path / "clinic.duckdb", "patients"),
            (["taxes"], tmp_path / "nowhere" / "clinic.duckdb", "another file"),
            (["taxes"], "nosuchdatabase", "one of dlt's destinations"),
            (["taxes"], "nosuch://database", "one of dlt's destinations"),
        ):
            with pytest.raises(InvalidValueError, match=words):
                await mirror(cliniko, target, names)
        (tmp_path / "text.duckdb").write_text("This is no database. " * 1000)
        with pytest.raises(MirrorError):
            await mirror(cliniko, tmp_path / "text.duckdb", ["taxes"])
    assert emulator.report.requests == 0


async def test_a_mirror_that_is_cancelled_ends_with_the_requests_under_way(
    emulator: Emulator, tmp_path: Path
) -> None:
    scope = anyio.CancelScope()
    emulator.on_request(lambda _method, _path: scope.cancel())
    async with session(emulator) as cliniko:
        with scope:
            await mirror(cliniko, tmp_path / "clinic.duckdb", ["patients"])
        assert scope.cancelled_caught
        assert emulator.report.requests <= 2
        assert names_in(tmp_path) == {"clinic.duckdb"}
        await mirror(cliniko, tmp_path / "clinic.duckdb", ["patients"])
    assert_equal(rows_of(tmp_path / "clinic.duckdb", "patients"), emulator.clinic, "patients")


# Elsewhere


def test_the_source_can_be_used_in_a_pipeline_of_ones_own(
    emulator: Emulator, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline(
        "mine",
        pipelines_dir=str(tmp_path / "pipelines"),
        destination=dlt.destinations.duckdb(str(tmp_path / "mine.duckdb")),
        dataset_name="main",
    )
    for _ in range(2):
        pipeline.run(cliniko_source(["patients", "taxes"], session=lambda: session(emulator)))
        for name in ("patients", "taxes"):
            assert_equal(rows_of(tmp_path / "mine.duckdb", name), emulator.clinic, name)
        change_something(emulator.clinic, Random(1))


def test_the_command_mirrors_the_emulator(tmp_path: Path) -> None:
    target = tmp_path / "demo.duckdb"
    run = CliRunner().invoke(command, ["mirror", str(target), "taxes", "businesses", "--emulator"])
    assert run.exit_code == 0, run.output
    assert "businesses: 3 rows written" in run.output
    assert len(rows_of(target, "businesses")) == 3


async def test_postgresql_holds_the_same(emulator: Emulator) -> None:
    psycopg2: Any = import_module("psycopg2")
    random, clinic = Random(5), emulator.clinic
    with running_postgres() as url:
        async with session(emulator) as cliniko:
            for _ in range(3):
                await mirror(cliniko, url, NAMES)
                with closing(psycopg2.connect(url)) as database:
                    for name in NAMES:
                        cursor: Any = database.cursor()
                        cursor.execute(f"SELECT * FROM cliniko.{name}")  # noqa: S608 - our names
                        assert_equal(dicts(cursor), clinic, name)
                for _ in range(8):
                    change_something(clinic, random)
