"""Exports: whole, private, and going on where they were killed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from click.testing import CliRunner
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async.cli import cliniko as command
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running
from cliniko_async.errors import AuthenticationError, InvalidValueError
from cliniko_async.export import Cost, Export, Progress, export, exportable, verify
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=450, appointments=300), limit=100_000)


def session(emulator: Emulator, key: str = "MS0xEXPORT-au1") -> AsyncCliniko:
    return AsyncCliniko(
        key, user_agent=AGENT, transport=emulator.transport(), rate_limit=RateLimit(100_000)
    )


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def columns(path: Path) -> dict[str, list[Any]]:
    parquet: Any = import_module("pyarrow.parquet")  # it has no types
    table: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    return table


async def test_an_export_holds_every_record_as_the_api_sent_it(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.clinic.records("patients")[0]["new_field"] = {"unknown": [1.50, None]}
    async with session(emulator) as cliniko:
        sent = await cliniko.patients.list(include={"archived"}).raw().all()
        summary = await Export(cliniko, exportable(), tmp_path / "clinic").run()
    assert lines(tmp_path / "clinic", "patients") == sent
    for name in ("individual_appointments", "attendees", "invoices", "practitioners", "users"):
        ids = {row["id"] for row in lines(tmp_path / "clinic", name)}
        assert ids == {row["id"] for row in emulator.clinic.records(name)}
        assert summary.records[name] == len(ids)
    assert summary.requests == emulator.report.requests
    assert verify(tmp_path / "clinic") == []


async def test_parquet_has_typed_columns(emulator: Emulator, tmp_path: Path) -> None:
    names = ["patients", "invoices", "taxes", "bookings"]
    async with session(emulator) as cliniko:
        patients = await cliniko.patients.list(include={"archived"}).all()
        invoices = await cliniko.invoices.list(include={"archived"}).all()
        await Export(cliniko, names, tmp_path, format="parquet").run()
    table = columns(tmp_path / "patients.parquet")
    assert table["created_at"] == [patient.created_at for patient in patients]
    assert table["date_of_birth"] == [patient.date_of_birth for patient in patients]
    assert table["first_name"] == [patient.first_name for patient in patients]
    table = columns(tmp_path / "invoices.parquet")
    assert table["total_amount"] == [invoice.total_amount for invoice in invoices]
    assert table["patient_id"] == [i.patient and i.patient.id for i in invoices]
    assert set(columns(tmp_path / "bookings.parquet")["id"]) == {
        row["id"] for table in emulator.clinic.tables_of("bookings") for row in table
    }
    assert verify(tmp_path) == []


async def test_hidden_records_can_be_left_out(emulator: Emulator, tmp_path: Path) -> None:
    async with session(emulator) as cliniko:
        await Export(cliniko, ["patients", "practitioners"], tmp_path, include=()).run()
    assert all(row["archived_at"] is None for row in lines(tmp_path, "patients"))
    assert all(row["active"] for row in lines(tmp_path, "practitioners"))


async def test_files_are_for_nobody_else(emulator: Emulator, tmp_path: Path) -> None:
    async with session(emulator) as cliniko:
        await Export(cliniko, ["patients"], tmp_path / "clinic").run()
    assert stat.S_IMODE((tmp_path / "clinic").stat().st_mode) == 0o700
    for file in (tmp_path / "clinic").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        if file.suffix != ".jsonl":
            assert "example.com" not in file.read_text()


async def test_a_file_appears_when_it_is_complete_and_the_old_one_stays_until_then(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with session(emulator) as cliniko:
        await Export(cliniko, ["patients"], tmp_path).run()
        before = (tmp_path / "patients.jsonl").read_bytes()
        seen: list[bool] = []

        def watch(progress: Progress) -> None:
            if not progress.done:
                seen.append((tmp_path / "patients.jsonl").read_bytes() == before)

        emulator.clinic.create("patients", first_name="New", last_name="Testperson")
        await Export(cliniko, ["patients"], tmp_path, on_progress=watch).run()
    assert len(seen) > 3
    assert all(seen)
    assert len(lines(tmp_path, "patients")) == 451


async def test_it_says_first_what_it_will_cost(emulator: Emulator, tmp_path: Path) -> None:
    costs: list[Cost] = []
    async with session(emulator) as cliniko:
        names = ["patients", "invoices", "practitioners", "taxes"]
        summary = await Export(cliniko, names, tmp_path, on_cost=costs.append).run()
    (cost,) = costs
    invoices = len(emulator.clinic.records("invoices"))
    # Practitioners are in two lists, of which the second shows who has left.
    assert cost.records == 450 + invoices + 8 + 1 == sum(summary.records.values())
    assert cost.requests == cost.most_requests == summary.requests


@pytest.mark.parametrize(
    "rate",
    [RateLimit(200, per=60), RateLimit(40, per=10), RateLimit(10, per=2), RateLimit(7)],
    ids=str,
)
async def test_where_the_limit_is_waited_for_it_says_between_what_it_will_cost(
    rate: RateLimit, tmp_path: Path
) -> None:
    emulator = Emulator(Clinic.demo(), limit=100_000, latency=0.2, jitter=0.1)
    costs: list[Cost] = []
    async with AsyncCliniko(
        "MS0xEXPORT-au1", user_agent=AGENT, transport=emulator.transport(), rate_limit=rate
    ) as cliniko:
        job = Export(cliniko, exportable(), tmp_path, on_cost=costs.append)
        planned, before = await job.plan(), emulator.report.requests
        began = anyio.current_time()
        await job.run()
    (cost,) = costs
    assert cost == planned
    assert cost.requests <= emulator.report.requests - before <= cost.most_requests
    assert cost.most_requests <= 1.5 * cost.requests
    assert cost.minutes * 60 <= anyio.current_time() - began


class _KilledError(Exception):
    """Stands for the end of the process."""


async def test_interrupted_anywhere_it_goes_on_and_ends_the_same(
    emulator: Emulator, tmp_path: Path
) -> None:
    names = ["patients", "individual_appointments", "practitioners"]
    async with session(emulator) as cliniko:
        await Export(cliniko, names, tmp_path / "undisturbed").run()
        undisturbed = emulator.report.requests
        emulator.report.arrivals.clear()
        runs = 0
        while runs < 40:
            runs += 1
            steps = -(runs % 4)

            def interrupt(_progress: Progress) -> None:
                nonlocal steps
                steps += 1
                if steps > 2:
                    raise _KilledError

            try:
                await Export(cliniko, names, tmp_path / "killed", on_progress=interrupt).run()
                break
            except _KilledError:
                pass
    assert runs > 1
    for name in names:
        old = (tmp_path / "undisturbed" / f"{name}.jsonl").read_bytes()
        assert (tmp_path / "killed" / f"{name}.jsonl").read_bytes() == old
    assert verify(tmp_path / "killed") == []
    # Each start costs a first page a resource, and reads ahead in vain.
    assert emulator.report.requests <= undisturbed + runs * 3 * 4


async def test_a_line_that_was_cut_by_a_kill_is_written_again(
    emulator: Emulator, tmp_path: Path
) -> None:
    def die(progress: Progress) -> None:
        if progress.records >= 200:
            raise _KilledError

    async with session(emulator) as cliniko:
        with pytest.raises(_KilledError):
            await Export(cliniko, ["patients"], tmp_path, on_progress=die).run()
        with (tmp_path / ".patients.jsonl.partial").open("ab") as file:
            file.write(b'{"id":"1","first_na')
        await Export(cliniko, ["patients"], tmp_path).run()
    ids = [row["id"] for row in lines(tmp_path, "patients")]
    assert ids == [row["id"] for row in emulator.clinic.records("patients")]
    assert verify(tmp_path) == []


async def test_inactive_practitioners_are_not_lost_to_an_interruption(tmp_path: Path) -> None:
    emulator = Emulator(Clinic(), limit=100_000)
    for active in (*[False] * 3, *[True] * 3):
        await anyio.sleep(60)
        emulator.clinic.create("practitioners", first_name="A", last_name="B", active=active)

    def die(_: Progress) -> None:
        raise _KilledError

    async with session(emulator) as cliniko:
        with pytest.raises(_KilledError):
            await Export(cliniko, ["practitioners"], tmp_path, on_progress=die).run()
        await Export(cliniko, ["practitioners"], tmp_path).run()
    ids = [row["id"] for row in lines(tmp_path, "practitioners")]
    assert sorted(ids) == sorted(row["id"] for row in emulator.clinic.records("practitioners"))


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_another_account_or_other_options_are_refused_before_anything_is_touched(
    emulator: Emulator, tmp_path: Path
) -> None:
    elsewhere = Emulator(Clinic.seeded(patients=20, appointments=0), limit=100_000)
    async with session(emulator) as cliniko, session(elsewhere, "OTHER-au1") as other:
        await Export(cliniko, ["taxes"], tmp_path).run()
        before = files_in(tmp_path)
        with pytest.raises(InvalidValueError, match="another account"):
            await Export(other, ["taxes", "patients"], tmp_path).run()
        with pytest.raises(InvalidValueError, match="other options"):
            Export(cliniko, ["taxes"], tmp_path, include=())
    assert files_in(tmp_path) == before
    assert [arrival.path for arrival in elsewhere.report.arrivals] == ["/settings/public"]


async def test_a_new_key_of_the_same_account_goes_on(emulator: Emulator, tmp_path: Path) -> None:
    class _EndedError(Exception):
        pass

    def end(progress: Progress) -> None:
        if progress.records >= 200:
            raise _EndedError

    async with session(emulator) as cliniko, session(emulator, "OTHER-au1") as other:
        with pytest.raises(_EndedError):
            await export(cliniko, ["patients"], tmp_path, on_progress=end)
        before = emulator.report.requests
        summary = await export(other, ["patients"], tmp_path)
    assert summary.records == {"patients": 450}
    assert emulator.report.requests - before <= 1 + 2 + 3 + 1  # account, counts, pages, an end
    assert verify(tmp_path) == []


async def test_what_goes_wrong_is_raised_as_it_is(tmp_path: Path) -> None:
    async with session(Emulator(Clinic(), keys={})) as cliniko:
        with pytest.raises(AuthenticationError):
            await Export(cliniko, ["patients", "taxes"], tmp_path).run()


async def test_two_at_a_time_in_one_folder_are_refused(emulator: Emulator, tmp_path: Path) -> None:
    emulator.latency = 1.0
    async with session(emulator) as cliniko:
        first, second = (Export(cliniko, ["patients"], tmp_path) for _ in range(2))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first.run)
            await anyio.sleep(0.5)
            with pytest.raises(InvalidValueError, match="another export"):
                await second.run()


async def test_verify_finds_what_was_changed_or_lost(emulator: Emulator, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="no export"):
        verify(tmp_path)
    async with session(emulator) as cliniko:
        await Export(cliniko, ["taxes", "businesses"], tmp_path).run()
    (tmp_path / "taxes.jsonl").write_text("{}\n")
    (tmp_path / "businesses.jsonl").unlink()
    assert [problem.partition(":")[0] for problem in verify(tmp_path)] == ["taxes", "businesses"]


async def test_bad_names_and_folders_are_found_before_a_request_is_spent(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with session(emulator) as cliniko:
        with pytest.raises(InvalidValueError, match="did you mean patients"):
            Export(cliniko, ["patents"], tmp_path)
        with pytest.raises(InvalidValueError, match="at least one"):
            Export(cliniko, [], tmp_path)
        (tmp_path / "file").write_text("")
        with pytest.raises(InvalidValueError, match="cannot be written to"):
            Export(cliniko, ["patients"], tmp_path / "file")
    assert emulator.report.requests == 0


async def test_places_that_an_earlier_process_used_stay_taken(emulator: Emulator) -> None:
    async with AsyncCliniko(
        "MS0xHELD-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(5, per=60),
    ) as cliniko:
        cliniko._hold_places([30, 30, 50, -1])  # pyright: ignore[reportPrivateUsage] # as an export does
        assert cliniko.limiter.free == 2
        assert sorted(cliniko.limiter.back) == pytest.approx([30, 30, 50])
        await anyio.sleep(31)
        assert cliniko.limiter.free == 4


# The command, as a process of its own


def test_the_command_exports_from_the_emulator(tmp_path: Path) -> None:
    run = CliRunner().invoke(
        command, ["export", "taxes", "businesses", "--emulator", "--to", str(tmp_path)]
    )
    assert run.exit_code == 0, run.output
    assert "40 requests per 10 s" in run.output
    assert "businesses: 3 records" in run.output
    assert len(lines(tmp_path, "businesses")) == 3
    assert CliRunner().invoke(command, ["verify", str(tmp_path)]).exit_code == 0


@pytest.mark.parametrize("arguments", [["whoami"], ["export", "patients", "--to", "never"]])
def test_the_command_without_a_key_says_what_to_set(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CLINIKO_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(command, arguments)
    assert run.exit_code == 1
    assert "CLINIKO_API_KEY" in run.output
    assert "Traceback" not in run.output


class TestOnSockets:
    """Against the emulator on a real socket, on the real clock."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_killed_again_and_again_an_export_ends_as_if_it_had_not_been(
        self, tmp_path: Path
    ) -> None:
        emulator = Emulator(
            Clinic.seeded(patients=2500, appointments=0), limit=100_000, latency=0.05
        )
        async with running(emulator) as base_url:
            environment = {
                **os.environ,
                "CLINIKO_API_KEY": "MS0xKILL-au1",
                "CLINIKO_USER_AGENT": AGENT,
                "CLINIKO_BASE_URL": base_url,
            }
            program = [sys.executable, "-m", "cliniko_async", "export", "patients", "taxes"]
            ended, kills = None, 0
            while ended != 0:
                process = await anyio.open_process(
                    [*program, "--to", str(tmp_path / "killed")],
                    env=environment,
                    stdout=subprocess.DEVNULL,
                )
                with anyio.move_on_after(0.55 * 1.1**kills):  # longer, on a busy machine
                    ended = await process.wait()
                if ended is None:
                    kills += 1
                    process.send_signal(signal.SIGKILL)
                    await process.wait()
                assert kills < 30
        ids = [row["id"] for row in lines(tmp_path / "killed", "patients")]
        assert ids == [row["id"] for row in emulator.clinic.records("patients")]
        assert verify(tmp_path / "killed") == []
