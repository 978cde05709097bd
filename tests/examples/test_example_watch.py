"""Thirty clinics in one process, which is killed and started again: nothing is missing."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import anyio
import pytest
from example_programs import EXAMPLES, PATIENCE, environment, rest

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.abc import Process

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NAMES = [f"clinic{n}" for n in range(30)]
KEYS = {name: f"MS0xSECRET{name.upper()}-au1" for name in NAMES}


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


async def started(env: dict[str, str], clinics: Path, folder: Path) -> Process:
    program = [sys.executable, str(EXAMPLES / "watch_clinics.py"), str(clinics), str(folder)]
    return await anyio.open_process(program, env=env)


async def test_thirty_clinics_in_a_process_that_is_killed_miss_nothing(tmp_path: Path) -> None:
    # One set of records for all keys: each clinic has to tell each of them.
    emulator = Emulator(
        Clinic.seeded(patients=3, appointments=0), limit=100_000, keys={k: k for k in KEYS.values()}
    )
    clinics, folder = tmp_path / "clinics.toml", tmp_path / "state"
    clinics.write_text("".join(f'{name} = "{key}"\n' for name, key in KEYS.items()))
    clinics.chmod(0o600)
    made: list[str] = []

    def make() -> None:
        made.append(emulator.clinic.create("patients", first_name="Canary", last_name="T")["id"])

    async with running(emulator) as base_url:
        env = environment(base_url, WATCH_EVERY="2", PYTHONUNBUFFERED="1")
        killed = await started(env, clinics, folder)
        with anyio.fail_after(PATIENCE):
            while len(list(folder.glob("*.cursor"))) < len(NAMES):  # noqa: ASYNC110 - files have no events
                await asyncio.sleep(0.05)
        make()
        assert killed.stdout
        with anyio.fail_after(PATIENCE):
            first = (await killed.stdout.receive()).decode()
        killed.kill()
        first += await rest(killed.stdout)
        await killed.aclose()
        make()
        second = await started(env, clinics, folder)
        assert second.stdout
        said = first[: first.rfind("\n") + 1]  # the kill may have cut a line
        with anyio.fail_after(PATIENCE):
            while not complete(said, made):
                said += (await second.stdout.receive()).decode()
        second.send_signal(signal.SIGTERM)
        with anyio.fail_after(PATIENCE):
            said += await rest(second.stdout)
            assert await second.wait() == 0
        assert second.stderr
        assert await rest(second.stderr) == ""
        await second.aclose()
    assert len(told(said)) == len(NAMES) * 2
    kept = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"Canary" not in kept
    assert b"SECRET" not in kept


def told(said: str) -> set[tuple[str, str]]:
    """Clinics and ids of whole lines."""
    lines = [line.split(" ") for line in said.split("\n")[:-1]]
    return {(words[0], words[3]) for words in lines if len(words) == 5}


def complete(said: str, made: list[str]) -> bool:
    return told(said) >= {(name, id) for name in NAMES for id in made}
