"""Profiles: a file of clinics that keeps no key, and one command over all of them."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import duckdb
import platformdirs
import pytest
from click.testing import CliRunner, Result
from commands import AGENT

from cliniko_async.cli import cliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

KEYS = {"MS0xNORTH-au1": "north", "MS0xSOUTH-au1": "south"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=30, appointments=0), limit=1000, keys=KEYS)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where profiles are, on this platform."""
    folder = tmp_path / "configuration"

    def user_config_path(_name: str, **_options: object) -> Path:
        return folder

    monkeypatch.setattr(platformdirs, "user_config_path", user_config_path)
    for name in ("CLINIKO_API_KEY", "CLINIKO_USER_AGENT", "CLINIKO_BASE_URL", "CLINIKO_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLINIKO_LIMITER", "process")
    folder.mkdir()
    return folder / "profiles.toml"


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def profile(base_url: str, **settings: Any) -> str:
    said = {"base_url": base_url, "user_agent": AGENT, **settings}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in said.items())


async def invoked(*arguments: str, **env: str) -> Result:
    return await anyio.to_thread.run_sync(
        lambda: CliRunner().invoke(cliniko, list(arguments), env=env)
    )


PRINTS_A_KEY = f"cmd: {sys.executable} -c \"print('MS0xNORTH-au1')\""


INLINE = {"key": "MS0xNORTH-au1", "allow_inline_key": True}


@pytest.mark.parametrize(
    "key",
    [{"key": "env:NORTH_KEY"}, {"key": PRINTS_A_KEY}, INLINE],
    ids=["environment", "command", "inline, said twice"],
)
async def test_a_profile_opens_its_clinic(
    emulator: Emulator, file: Path, key: dict[str, Any]
) -> None:
    async with running(emulator) as base_url:
        write(file, "[north]\n" + profile(base_url, **key))
        for place in (["--profile", "north", "whoami"], ["whoami", "--profile", "north"]):
            run = await invoked(*place, NORTH_KEY="MS0xNORTH-au1")
            assert run.exit_code == 0, run.output
        run = await invoked("whoami", CLINIKO_PROFILE="north", NORTH_KEY="MS0xNORTH-au1")
        assert run.exit_code == 0, run.output
    assert {arrival.key for arrival in emulator.report.arrivals} == {"MS0xNORTH-au1"}


@pytest.mark.parametrize(
    ("text", "mode", "status", "advice"),
    [
        ('[north]\nkey = "MS0xNORTH-au1"', 0o600, 1, "allow_inline_key = true"),
        ('[north]\nkey = "env:NOWHERE"', 0o600, 1, "NOWHERE is not set"),
        ('[north]\nkey = "env:A"', 0o644, 1, "chmod 600"),
        ('[north]\nkey = "env:A"\nuseragent = "x"', 0o600, 1, "did you mean user_agent?"),
        ('[north]\nkey = "env:A"\nrate = 5', 0o600, 1, "rate is a text in quotes"),
        ('[north]\nuser_agent = "x"', 0o600, 1, 'write key = "env:NAME"'),
        ('[north]\nkey = "cmd: false"', 0o600, 1, "the command for its key failed"),
        ('[north]\nkey = "cmd: no-such-program"', 0o600, 1, "the command for its key failed"),
        ('[north\nkey = "MS0xNORTH-au1"', 0o600, 1, "is not TOML"),
        ('[nrth]\nkey = "env:A"', 0o600, 2, "did you mean nrth?"),
        ('["../north"]\nkey = "env:A"', 0o600, 1, "letters, digits, - and _"),
        ("", 0o600, 2, "there is no profile 'north'"),
    ],
)
async def test_what_cannot_be_used_is_said(
    file: Path, text: str, mode: int, status: int, advice: str
) -> None:
    write(file, text, mode)
    name = "../north" if "../north" in text else "north"
    run = await invoked("whoami", "--profile", name)
    assert run.exit_code == status, run.output
    assert advice in run.stderr
    assert "NORTH-au1" not in run.output
    assert "Traceback" not in run.output


async def test_a_profile_takes_no_other_clinics_key(emulator: Emulator, file: Path) -> None:
    """A profile whose key is not there never falls back to that of the environment."""
    async with running(emulator) as base_url:
        write(file, "[north]\n" + profile(base_url, key="env:NORTH_KEY"))
        env = {"CLINIKO_API_KEY": "MS0xSOUTH-au1", "CLINIKO_USER_AGENT": AGENT}
        run = await invoked("whoami", "--profile", "north", **env)
    assert run.exit_code == 1
    assert emulator.report.requests == 0


async def fleet(emulator: Emulator, file: Path, *arguments: str) -> Result:
    """Run a command over two clinics, and one whose key nobody knows."""
    async with running(emulator) as base_url:
        names = ("north", "south", "closed")
        said = (f"[{name}]\n" + profile(base_url, key=f"env:{name}") for name in names)
        write(file, "\n".join(said))
        keys = {name: f"MS0x{name.upper()}-au1" for name in names}
        return await invoked(*arguments, "--all-profiles", **keys)


async def test_all_profiles_are_counted_and_one_that_fails_stands_apart(
    emulator: Emulator, file: Path
) -> None:
    run = await fleet(emulator, file, "count", "patients", "--include", "all")
    assert run.stdout.splitlines() == ["north   30", "south   30"]
    assert "closed  failed: " in run.stderr
    assert "1 of 3 clinics failed" in run.stderr
    assert run.exit_code == 1


async def test_all_profiles_are_exported_each_to_a_folder_of_its_own(
    emulator: Emulator, file: Path, tmp_path: Path
) -> None:
    to = tmp_path / "clinics"
    run = await fleet(emulator, file, "export", "patients", "taxes", "--to", str(to))
    for name in ("north", "south"):
        assert len((to / name / "patients.jsonl").read_bytes().splitlines()) == 30
        assert f"{name}: patients: 30 records" in run.stderr
    assert "closed  failed: " in run.stderr
    assert run.exit_code == 1


async def test_each_clinic_has_its_own_allowance(emulator: Emulator, file: Path) -> None:
    """At one request per hour, two clinics do not wait for one another."""
    with anyio.fail_after(60):
        run = await fleet(emulator, file, "count", "patients", "--rate", "1/3600")
    assert [line.split()[0] for line in run.stdout.splitlines()] == ["north", "south"]


@pytest.mark.slow
async def test_all_profiles_are_mirrored_each_to_a_file_of_its_own(
    emulator: Emulator, file: Path, tmp_path: Path
) -> None:
    run = await fleet(emulator, file, "mirror", str(tmp_path / "clinics"), "patients")
    assert {path.name for path in (tmp_path / "clinics").glob("*.duckdb")} >= {
        "north.duckdb",
        "south.duckdb",
    }
    assert "30 rows written" in run.stdout
    assert "closed  failed: " in run.stderr


@pytest.mark.slow
async def test_all_profiles_are_mirrored_into_one_database_each_to_a_schema_of_its_own(
    emulator: Emulator, file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "clinics.duckdb"
    run = await fleet(emulator, file, "mirror", str(target), "patients")
    with duckdb.connect(str(target), read_only=True) as database:
        for name in ("north", "south"):
            found = database.execute(f"SELECT count(*) FROM {name}.patients").fetchone()  # noqa: S608 - our own names
            assert found == (30,)
            assert f"{name}   {target}, schema {name}: 30 rows written" in run.stdout
        schemas = {row[0] for row in database.execute("SHOW SCHEMAS").fetchall()}
    assert "closed" not in schemas
    assert run.stdout.count("\n") == 2
    assert "closed  failed: " in run.stderr
    assert "1 of 3 clinics failed" in run.stderr
    assert run.exit_code == 1


async def test_the_list_of_profiles_shows_no_key(file: Path) -> None:
    text = '[north]\nkey = "MS0xNORTH-au1"\nallow_inline_key = true\n[south]\nkey = "env:SOUTH"\n'
    write(file, text)
    run = await invoked("profiles")
    assert [line.split()[0] for line in run.stdout.splitlines()] == ["north", "south"]
    assert "environment, SOUTH" in run.stdout
    assert "MS0x" not in run.output


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["whoami", "--rate", "fast"], "150/60"),
        (["whoami", "--limiter", "hots"], "redis://localhost:6379/0"),
        (["count", "patients", "--all-profiles", "--emulator"], "neither"),
        (["count", "patients", "--all-profiles"], "cliniko profiles"),
        (["mirror", "all.duckdb", "--all-profiles", "--dataset", "x"], "leave out --dataset"),
        (["mirror", "taxes"], "clinic.duckdb taxes"),
    ],
    ids=str,
)
async def test_what_does_not_go_together_ends_with_2(
    file: Path, arguments: list[str], advice: str
) -> None:
    del file
    run = await invoked(*arguments, CLINIKO_API_KEY="MS0xNORTH-au1", CLINIKO_USER_AGENT=AGENT)
    assert run.exit_code == 2, run.output
    assert advice in run.stderr


def test_the_file_is_where_the_platform_keeps_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cliniko_async.cli.profiles import profiles_file  # noqa: PLC0415 - not with the fixture

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    if os.name == "posix" and sys.platform != "darwin":
        assert profiles_file() == tmp_path / "cliniko" / "profiles.toml"
