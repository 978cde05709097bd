"""How commands end: pipes that are closed, Ctrl-C, and statuses that scripts rely on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest
from commands import environment

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anyio.abc import Process

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATIENCE = 60


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def started(base_url: str, *arguments: str, stdout: int = subprocess.DEVNULL) -> Process:
    command = [sys.executable, "-m", "cliniko_async", *arguments]
    env = {**os.environ, **environment(base_url)}
    return await anyio.open_process(command, stdout=stdout, stderr=subprocess.PIPE, env=env)


async def until_end(process: Process) -> tuple[int, str]:
    """Its status, and what it said beside its output."""
    assert process.stderr
    with anyio.fail_after(PATIENCE):
        said = b"".join([part async for part in process.stderr])
        return await process.wait(), said.decode()


@pytest.mark.parametrize("format", ["jsonl", "json", "csv", "table"])
async def test_a_closed_pipe_is_quiet(format: str) -> None:
    emulator = Emulator(Clinic.seeded(patients=3000, appointments=0), limit=100_000)
    async with running(emulator) as base_url:
        arguments = ("list", "patients", "-f", "all", "--format", format)
        reading, writing = os.pipe()
        async with await started(base_url, *arguments, stdout=writing) as process:
            os.close(writing)
            await anyio.to_thread.run_sync(os.read, reading, 100)
            os.close(reading)
            assert await until_end(process) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "goes_on"),
    [
        (["export", "patients", "--to", "clinic"], True),
        (["mirror", "clinic.duckdb", "patients"], True),
        (["list", "patients"], False),
    ],
    ids=["export", "mirror", "list"],
)
async def test_ctrl_c_says_how_to_go_on(
    arguments: Sequence[str],
    goes_on: bool,  # noqa: FBT001 - a case's own
    tmp_path: Path,
) -> None:
    emulator = Emulator(Clinic.seeded(patients=3000, appointments=0), limit=3)
    asked = anyio.Event()
    emulator.on_request(lambda _method, _path: asked.set())
    async with running(emulator) as base_url:
        given = [word.replace("clinic", str(tmp_path / "clinic")) for word in arguments]
        async with await started(base_url, *given) as process:
            with anyio.fail_after(PATIENCE):
                await asked.wait()
            process.send_signal(signal.SIGINT)
            status, said = await until_end(process)
    assert status == 130
    assert "Stopped." in said
    assert "Traceback" not in said
    assert "Aborted" not in said
    assert (f"cliniko {' '.join(given)}" in said) is goes_on
