"""Standard output that nobody reads, that is full, or that lacks characters: every command."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

import anyio.to_thread
import pytest
from commands import environment

from cliniko_async.cli import cliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=30, appointments=20), limit=100_000)


class _Refusing(io.RawIOBase):
    """A stream that takes nothing."""

    def __init__(self, error: int) -> None:
        self.error = error

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        del data
        raise OSError(self.error, os.strerror(self.error))


class _Kept(io.BytesIO):
    """A stream whose bytes are still there when it is closed."""

    def close(self) -> None:
        pass


async def ended(
    emulator: Emulator,
    arguments: list[str],
    stdout: io.RawIOBase | io.BytesIO,
    encoding: str,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[object, str]:
    """A command's status and what it said on standard error."""
    stderr = _Kept()
    async with running(emulator) as base_url:
        for name, value in environment(base_url).items():
            monkeypatch.setenv(name, value)
        buffered = io.BufferedWriter(stdout) if isinstance(stdout, io.RawIOBase) else stdout
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffered, encoding=encoding))
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(stderr, encoding=encoding))
        try:
            with pytest.raises(SystemExit) as exit_:
                await anyio.to_thread.run_sync(lambda: cliniko(arguments, prog_name="cliniko"))
        finally:
            monkeypatch.undo()
    return exit_.value.code, stderr.getvalue().decode(encoding)


def words(emulator: Emulator, folder: Path) -> dict[str, list[str]]:
    """A use of every command that prints."""
    clinic = emulator.clinic
    first = {
        name: clinic.records(name)[0]["id"]
        for name in ("patients", "businesses", "practitioners", "appointment_types")
    }
    rows = folder / "rows.csv"
    rows.write_text("first_name,last_name,old_reference_id\nA,Test,1\n", encoding="utf-8")
    place = ("--business", first["businesses"], "--practitioner", first["practitioners"])
    file = str(folder / "clinic.duckdb")
    return {
        "help": ["--help"],
        "help of a command": ["list", "--help"],
        "list": ["list", "patients", "-f", "all", "--format", "jsonl"],
        "list, json": ["list", "patients", "-f", "all", "--format", "json"],
        "list, csv": ["list", "patients", "-f", "all", "--format", "csv"],
        "list, table": ["list", "patients", "-f", "all", "--format", "table"],
        "count": ["count", "patients"],
        "get": ["get", "patients", first["patients"]],
        "get, one of its kind": ["get", "settings"],
        "request": ["request", "GET", "/patients"],
        "describe": ["describe"],
        "describe, a resource": ["describe", "patients"],
        "describe, json": ["describe", "patients", "--format", "json"],
        "free-times": ["free-times", *place, "--type", first["appointment_types"]],
        "apply": ["apply", str(rows), "--to", "patients", "--key", "old_reference_id", "--plan"],
        "apply, json": [
            *("apply", str(rows), "--to", "patients", "--key", "old_reference_id", "--plan"),
            *("--format", "json"),
        ],
        "completion": ["completion", "bash"],
        "whoami": ["whoami"],
        "export": ["export", "taxes", "--to", str(folder / "clinic")],
        "export, plan": ["export", "taxes", "--to", str(folder / "clinic"), "--plan"],
        "mirror, plan": ["mirror", file, "taxes", "--plan", "--json"],
    }


USES = (
    *("help", "help of a command", "list", "list, json", "list, csv", "list, table", "count"),
    *("get", "get, one of its kind", "request", "describe", "describe, a resource"),
    *("describe, json", "free-times", "apply", "apply, json", "completion", "whoami"),
    *("export", "export, plan", pytest.param("mirror, plan", marks=pytest.mark.slow)),
)


@pytest.mark.parametrize("use", USES)
async def test_a_command_that_nobody_reads_ends_quietly(
    use: str, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = words(emulator, tmp_path)[use]
    status, said = await ended(emulator, arguments, _Refusing(errno.EPIPE), "utf-8", monkeypatch)
    told = "" if use != "export" else said  # how it went on
    assert (status, said) == (0, told)


@pytest.mark.parametrize("use", USES)
async def test_a_full_disk_is_said_in_a_sentence(
    use: str, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = words(emulator, tmp_path)[use]
    status, said = await ended(emulator, arguments, _Refusing(errno.ENOSPC), "utf-8", monkeypatch)
    assert status == 1
    assert said.splitlines()[-1] == (
        f"Error: the output cannot be written: {os.strerror(errno.ENOSPC)}"
    )
    assert "Traceback" not in said


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("use", USES)
async def test_characters_that_a_console_lacks_end_no_command(
    use: str, encoding: str, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.clinic.create("patients", first_name="Łukasz 🙂", last_name="Żółć")
    arguments, stdout = words(emulator, tmp_path)[use], _Kept()
    status, said = await ended(emulator, arguments, stdout, encoding, monkeypatch)
    assert status == 0, said
    shown = stdout.getvalue()
    assert shown
    if use.startswith("list"):
        kept = use != "list, table"  # data is UTF-8 whatever the console is
        assert ("Łukasz 🙂".encode() in shown) is kept
        assert kept or "ukasz ?".encode(encoding) in shown
