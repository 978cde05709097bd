"""Without the modules that only POSIX has, and without extras: one sentence, before a request."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import click
import pytest
from blocked import LIKE_WINDOWS, POSIX_ONLY, without

from cliniko_async.cli import cliniko, sinks
from cliniko_async.cli.missing import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.slow

COMMAND = """
import sys
from cliniko_async.__main__ import main
sys.argv = ["cliniko", *{arguments!r}]
main()
"""

HELPS = """
from click.testing import CliRunner
from cliniko_async.cli import cliniko
for name in [None, *cliniko.commands]:
    run = CliRunner().invoke(cliniko, [*([name] if name else []), "--help"])
    assert run.exit_code == 0, (name, run.exception)
    print(name)
"""

UNREACHABLE = {
    "CLINIKO_API_KEY": "MS0xPLATFORMS-au1",
    "CLINIKO_USER_AGENT": "Platform tests (tests@example.com)",
    "CLINIKO_BASE_URL": "http://127.0.0.1:9/v1",
}
"""Nobody listens there: a request would end in another error than is expected."""


def test_every_command_has_its_help_without_posix_and_without_extras(tmp_path: Path) -> None:
    extras = [m for extra, modules in MODULES.items() if extra != "cli" for m in modules]
    run = without([*POSIX_ONLY, *extras], HELPS, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert set(run.stdout.split()) == {"None", *cliniko.commands}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["export", "taxes", "businesses", "--emulator", "--to", "clinic"], "clinic/taxes.jsonl"),
        (["mirror", "clinic.duckdb", "taxes", "--emulator"], "clinic.duckdb"),
    ],
    ids=["export", "mirror"],
)
def test_it_works_without_what_only_posix_has(
    arguments: Sequence[str], left: str, tmp_path: Path
) -> None:
    run = without(POSIX_ONLY, COMMAND.format(arguments=list(arguments)), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / left).stat().st_size


EVERY_COMMAND = """
import asyncio, json, pathlib
from click.testing import CliRunner
from cliniko_async.cli import cliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

pathlib.Path("rows.csv").write_text(
    "first_name,last_name,old_reference_id\\n\u0141ukasz \U0001f642,Testperson,7\\n",
    encoding="utf-8",
)
apply = ["apply", "rows.csv", "--to", "patients", "--key", "old_reference_id"]
USES = [
    ["list", "patients", "-f", "all"],
    ["list", "patients", "--format", "csv"],
    ["list", "patients", "-f", "id,first_name", "--format", "table"],
    ["count", "patients"],
    ["get", "settings"],
    ["request", "GET", "/taxes"],
    ["describe", "patients"],
    ["whoami"],
    ["doctor", "--reads", "3"],
    ["profiles"],
    ["completion", "bash"],
    [*apply, "--plan"],
    apply,
    apply,
    ["export", "taxes", "patients", "--to", "clinic"],
    ["export", "taxes", "patients", "--to", "clinic"],
    ["verify", "clinic"],
    ["watch", "taxes", "--state", "a.state", "--exec", "no-such-program"],
]

async def main():
    emulator = Emulator(Clinic.seeded(patients=30, appointments=0), limit=100_000)
    async with running(emulator) as url:
        environment["CLINIKO_BASE_URL"] = url
        for use in USES:
            invoke = lambda: CliRunner().invoke(cliniko, use, env=environment)
            run = await asyncio.to_thread(invoke)
            print(json.dumps([use[0], run.exit_code, f"{run.exception!r} {run.output[-300:]}"]))

asyncio.run(main())
"""


def test_every_command_works_with_what_windows_has(tmp_path: Path) -> None:
    """Its signals, and the modes and flags of its files are others, and so is its encoding."""
    program = f"{LIKE_WINDOWS}\nenvironment = {UNREACHABLE!r}\n{EVERY_COMMAND}"
    run = without(
        POSIX_ONLY,
        program,
        cwd=tmp_path,
        PYTHONWARNDEFAULTENCODING="1",
        XDG_CONFIG_HOME=str(tmp_path),
        CLINIKO_LIMITER="host",
        XDG_STATE_HOME=str(tmp_path),
    )
    assert run.returncode == 0, run.stderr
    said = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(said) == EVERY_COMMAND.count("\n    [") + EVERY_COMMAND.count("\n    apply,")
    for command, status, output in said:
        assert status == (2 if command == "watch" else 0), (command, output)
    assert (tmp_path / "clinic" / "patients.jsonl").read_bytes().count(b"\n") == 31
    assert b"\r" not in (tmp_path / "rows.csv.ledger").read_bytes()


@pytest.mark.parametrize(
    ("module", "extra", "arguments"),
    [
        ("click", "cli", ["whoami"]),
        ("rich", "cli", ["list", "patients", "--format", "table"]),
        ("platformdirs", "cli", ["whoami", "--profile", "north"]),
        ("pyarrow", "parquet", ["export", "taxes", "--to", "clinic", "--format", "parquet"]),
        ("dlt", "mirror", ["mirror"]),
        ("duckdb", "mirror", ["mirror"]),
        ("redis", "redis", ["whoami", "--limiter", "redis://127.0.0.1:9/0"]),
        ("starlette", "emulator", ["emulator"]),
        ("uvicorn", "emulator", ["emulator"]),
        ("starlette", "emulator", ["count", "patients", "--emulator"]),
    ],
)
def test_a_command_without_its_extra_says_what_to_install(
    module: str, extra: str, arguments: list[str], tmp_path: Path
) -> None:
    program = COMMAND.format(arguments=arguments)
    run = without([module], program, cwd=tmp_path, **UNREACHABLE)
    assert run.returncode == 1
    wanted = f'{module} is missing: python -m pip install "cliniko-async[{extra}]"'
    assert run.stderr.strip().removeprefix("Error: ") == wanted


SESSION = """
from cliniko_async import AsyncCliniko
key, agent = "MS0xPLATFORMS-au1", "Platform tests (tests@example.com)"
session = AsyncCliniko(key, user_agent=agent)
"""

PROGRAMS = [
    ("redis", "redis", "from cliniko_async.limits import RedisLimiter"),
    ("redis", "redis", "from cliniko_async.limits import limiter_from; limiter_from('redis://h')"),
    ("dlt", "mirror", "from cliniko_async.mirror import mirror"),
    ("pyarrow", "mirror", "from cliniko_async.mirror import mirror"),
    ("opentelemetry", "otel", "from cliniko_async.telemetry import instrument"),
    ("pyarrow", "parquet", "import cliniko_async._models.arrow"),
    (
        "pyarrow",
        "parquet",
        SESSION + "from cliniko_async.export import Export\n"
        "Export(session, ['taxes'], 'clinic', format='parquet')",
    ),
    (
        "starlette",
        "emulator",
        "from cliniko_async.emulator import Emulator; Emulator().transport()",
    ),
]


@pytest.mark.parametrize(("module", "extra", "program"), PROGRAMS)
def test_a_program_without_an_extra_is_told_what_to_install(
    module: str, extra: str, program: str, tmp_path: Path
) -> None:
    run = without([module], program, cwd=tmp_path)
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last == (
        f"cliniko_async.errors.MissingExtraError: {module} is missing: "
        f'python -m pip install "cliniko-async[{extra}]"'
    )


def test_the_fixture_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "def test_it(cliniko_emulator):\n    cliniko_emulator.transport()\n"
    )
    program = "import pytest; sys.exit(pytest.main(['-q', '-p', 'no:asyncio', 'test_it.py']))"
    run = without(["starlette"], program, cwd=tmp_path)
    assert run.returncode == 1
    assert 'starlette is missing: python -m pip install "cliniko-async[emulator]"' in run.stdout


def test_a_backslash_of_a_windows_path_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        patch.setattr(shutil, "which", asked.append)
        with pytest.raises(click.BadParameter, match="no such program"):
            sinks.checked_command(r'"C:\Program Files\take.exe" --into C:\changes')
    assert asked == [r"C:\Program Files\take.exe"]
