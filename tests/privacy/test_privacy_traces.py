"""What is left behind by whole runs: in logs, on screens, on disks, in Redis."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Any, Literal

import anyio
import anyio.to_thread
import duckdb
import httpx
import pytest
from canaries import ANSWERS, ASKED, HELD, HELD_ID, KEY, frames_with, leaks, listening, words_of
from click.testing import CliRunner
from redis_server import Server, emptied, started
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async.cli import cliniko as command
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running
from cliniko_async.errors import ClinikoError
from cliniko_async.export import Export, Progress
from cliniko_async.limits import RateLimit, RedisLimiter
from cliniko_async.mirror import MirrorError, mirror

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


shared_server = pytest.fixture(started, scope="module")
server = pytest.fixture(emptied)


@pytest.fixture
def emulator() -> Emulator:
    """A clinic whose patients are canaries in every field that takes a text."""
    emulator = Emulator(Clinic(), limit=100_000)
    for number in range(250):
        row = emulator.clinic.create("patients", id=f"{HELD_ID}{number}")
        row.update(dict.fromkeys(("first_name", "last_name", "email", "notes"), f"{HELD}{number}"))
    return emulator


def session(emulator: Emulator, **more: Any) -> AsyncCliniko:
    more.setdefault("rate_limit", RateLimit(100_000))
    return AsyncCliniko(KEY, user_agent=AGENT, transport=emulator.transport(), **more)


# Logs


class TestOnSockets:
    """The HTTP library and asyncio say most on real sockets and in debug mode."""

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, Any]]:
        return "asyncio", {"debug": True}

    async def test_no_log_tells_a_thing(self, emulator: Emulator) -> None:
        f = AsyncCliniko.patients.filters
        rate = RateLimit(100_000, user=ASKED)
        async with running(emulator) as base_url:
            with listening() as said:
                async with AsyncCliniko(
                    KEY, user_agent=AGENT, base_url=base_url, rate_limit=rate
                ) as cliniko:
                    found = await cliniko.patients.list(f.last_name.contains(HELD)).all()
                    view = cliniko.with_options(retries=0)
                    for fault in ("500", "cut", "html", "reset"):
                        emulator.faults.next(fault)
                        with pytest.raises(ClinikoError):
                            await view.patients.list(f.last_name == ASKED).all()
                    await cliniko.patients.update(found[0].id, notes=ASKED)
                    file = await cliniko.patient_attachments.upload(
                        found[0].id, HELD.encode(), filename=f"{ASKED}.pdf"
                    )
                    assert file.id
            assert leaks(said.getvalue()) == []
            with listening() as said:  # and what others ask is still there
                async with httpx.AsyncClient() as other:
                    await other.get(f"{base_url}/patients?{HELD}")
            assert leaks(said.getvalue())


LOGGED = {"WARNING cliniko_async.limits", "INFO cliniko_async.limits"}


async def test_a_429_and_a_long_wait_are_logged_without_the_user(emulator: Emulator) -> None:
    emulator.throttle.limit = 5
    with listening() as said:
        async with session(emulator, rate_limit=RateLimit(10, per=60, user=ASKED)) as cliniko:
            for _ in range(30):
                await cliniko.patients.list().first()
    lines = said.getvalue().splitlines()
    ours = [line for line in lines if " cliniko_async" in line]
    assert {line.partition(":")[0] for line in ours} == LOGGED
    assert all(re.search(r"\buser [0-9a-f]{6}\b", line) for line in ours), ours
    assert leaks(said.getvalue()) == []


# The command


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to write to, beside empty folders for what a program leaves behind elsewhere."""
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path / "HOME")
    umask = os.umask(0)
    (tmp_path / "own").mkdir(mode=0o700)
    yield tmp_path / "own"
    os.umask(umask)
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        assert list((tmp_path / name).rglob("*")) == []


class TestTheCommand:
    """As somebody at a terminal sees it."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.mark.parametrize(
        "arguments",
        [
            ["export", "patients"],
            ["export", "patients", "--format", "parquet"],
            ["mirror"],
            ["list", "patients", f"last_name~{HELD}", "-f", "created_at"],
            ["count", "patients", f"last_name={HELD}"],
            ["get", "patients", "999", "--format", "table"],
        ],
        ids=" ".join,
    )
    @pytest.mark.parametrize("trouble", [None, "key", "address", "agent", "unknown key"])
    async def test_it_shows_no_key_and_no_record(
        self, arguments: list[str], trouble: str | None, emulator: Emulator, house: Path
    ) -> None:
        if trouble == "unknown key":
            emulator = Emulator(emulator.clinic, keys={"OTHER-au1": "other"})
        async with running(emulator) as base_url:
            environment = {
                "CLINIKO_API_KEY": f"{KEY}{' ' if trouble == 'key' else ''}",
                "CLINIKO_USER_AGENT": "" if trouble == "agent" else AGENT,
                "CLINIKO_BASE_URL": f"ftp://{HELD}/" if trouble == "address" else base_url,
            }
            if arguments[0] == "export":
                arguments = [*arguments, "--to", str(house)]
            if arguments[0] == "mirror":
                arguments = [*arguments, str(house / "clinic.duckdb"), "patients"]
            with listening() as said:
                run = await anyio.to_thread.run_sync(
                    lambda: CliRunner().invoke(command, arguments, env=environment)
                )
        assert run.exit_code == (1 if trouble or arguments[0] == "get" else 0), run.output
        assert leaks(run.output) == []
        assert leaks(said.getvalue()) == []
        assert "Traceback" not in run.output


# Files


async def failure_of(call: Awaitable[object]) -> BaseException | None:
    """The error with which a run ends, if it does; it has to be silent."""
    try:
        await call
    except (ClinikoError, ExceptionGroup) as error:
        failure = error
    else:
        return None
    assert leaks(words_of(failure)) == []
    assert frames_with(failure, ANSWERS) == {}
    return failure


def leaking_files(*folders: Path, but: str) -> list[str]:
    """Files with a canary in their content or name, but for those that are to hold records."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    named = [file for file in files if not file.name.endswith(tuple(but.split()))]
    return [file.name for file in named if leaks(file.name + file.read_text(errors="replace"))]


def holding(folder: Path) -> set[str]:
    """The files that hold records, found by their bytes."""
    return {file.name for file in folder.iterdir() if HELD.encode() in file.read_bytes()}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes_in(folder: Path) -> set[int]:
    return {mode_of(path) for path in folder.iterdir()}


RECORDS = ".jsonl .parquet .jsonl.partial .parquet.partial"


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("ends", ["well", "failed", "cancelled", "killed"])
async def test_an_export_leaves_records_in_their_files_alone(
    ends: str, format: Literal["jsonl", "parquet"], emulator: Emulator, house: Path
) -> None:
    def watch(progress: Progress) -> None:
        if ends == "failed":
            emulator.faults.rate = 1.0
        if ends == "cancelled" and progress.records:
            scope.cancel()
        if ends == "killed" and progress.records:
            raise ClinikoError("stands for the end of the process")

    emulator.latency = 1.0
    house /= "export"
    async with session(emulator) as cliniko:
        view = cliniko.with_options(retries=0)
        job = Export(view, ["patients"], house, format=format, on_progress=watch)
        failure = None
        with listening() as said, anyio.CancelScope() as scope:
            failure = await failure_of(job.run())
    assert scope.cancelled_caught is (ends == "cancelled")
    assert (failure is None) is (ends in ("well", "cancelled"))
    assert leaks(said.getvalue()) == []
    assert leaking_files(house.parent, but=RECORDS) == []
    assert holding(house) == {f"patients.{format}" if ends == "well" else ".patients.jsonl.partial"}
    assert mode_of(house) == 0o700
    assert modes_in(house) == {0o600}


class TestMirror:
    """On the real clock: dlt runs in threads of its own."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.mark.parametrize("ends", ["well", "failed", "misshapen", "refused", "cancelled"])
    async def test_a_mirror_leaves_records_in_the_database_alone(
        self, ends: str, emulator: Emulator, house: Path
    ) -> None:
        target = house / "clinic.duckdb"

        def trouble(_method: str, _path: str) -> None:
            if ends == "failed" and emulator.report.requests >= 3:
                emulator.faults.next("500")
            if ends == "cancelled" and emulator.report.requests >= 3:
                scope.cancel()

        if ends == "refused":  # by the database, which says of which value
            with duckdb.connect(str(target)) as database:
                database.execute("CREATE TABLE patients (id VARCHAR, first_name INTEGER)")
        if ends == "misshapen":
            emulator.clinic.create("patients", id="7")
            emulator.clinic.spoil("patients", "7", date_of_birth=HELD)
        emulator.on_request(trouble)
        async with session(emulator) as cliniko:
            failure = None
            with listening() as said, anyio.CancelScope() as scope:
                view = cliniko.with_options(retries=0)
                run = mirror(view, target, ["patients"], on_bad_record="raise")
                failure = await failure_of(run)
        assert scope.cancelled_caught is (ends == "cancelled")
        assert (failure is None) is (ends in ("well", "cancelled"))
        assert leaks(said.getvalue()) == []
        assert leaking_files(house.parent, but=target.name) == []
        assert modes_in(house) <= {0o600}

    async def test_a_password_of_a_database_is_not_told(
        self, emulator: Emulator, house: Path
    ) -> None:
        target = f"postgresql://somebody:{HELD}@127.0.0.1:1/clinic"
        async with session(emulator) as cliniko:
            with listening() as said, pytest.raises(MirrorError) as caught:
                await mirror(cliniko, target, ["taxes"])
        assert leaks(words_of(caught.value)) == []
        assert leaks(said.getvalue()) == []
        assert modes_in(house) == set()


# Redis


class TestRedis:
    """A real server, asked what it was sent and what it holds."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_redis_is_told_no_key_no_user_and_no_record(
        self, emulator: Emulator, server: Server
    ) -> None:
        client = server.client
        client.config_set("slowlog-log-slower-than", 0)
        f = AsyncCliniko.patients.filters
        limiter = RedisLimiter(server.url)
        for rate in (RateLimit(100), RateLimit(100, user=ASKED)):
            async with session(emulator, limiter=limiter, rate_limit=rate) as cliniko:
                await cliniko.patients.list(f.last_name.contains(HELD)).all()
                await cliniko.patients.update(f"{HELD_ID}1", notes=ASKED)
                emulator.faults.next("500")
                with pytest.raises(ClinikoError):
                    await cliniko.with_options(retries=0).patients.get(f"{HELD_ID}1")
        commands = [entry["command"] for entry in client.slowlog_get(1000)]
        assert any(b"EVALSHA" in text for text in commands)
        kept = [(key, client.dump(key)) for key in client.scan_iter("*")]
        assert len(kept) >= 4
        assert leaks(repr((commands, kept))) == []

    async def test_its_password_is_not_told(self, emulator: Emulator) -> None:
        limiter = RedisLimiter(f"redis://:{HELD}@127.0.0.1:1/0", patience=0.1)
        async with session(emulator, limiter=limiter) as cliniko:
            with listening() as said, pytest.raises(ClinikoError) as caught:
                await cliniko.taxes.list().all()
        assert leaks(words_of(caught.value)) == []
        assert frames_with(caught.value, ANSWERS) == {}
        assert leaks(said.getvalue()) == []
