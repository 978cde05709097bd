"""What tracers, crash reporters and the HTTP library's logs are told of our requests: nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from canaries import HELD, leaks
from traced_program import CONTROL

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PROGRAM = Path(__file__).parents[1] / "traced_program.py"

PATIENCE = 120
"""Seconds after which a program that has not ended is taken for one that hangs."""

TELL_ANYHOW = {
    "opentelemetry": f"last_name%3A%3D{CONTROL}",
    "sentry": CONTROL,
    "alias": "the alias holds: httpx2",
    "tracebacks": "TimeoutError",
}
"""What shows that each of them was there."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Another process talks to the server, in real time."""
    return "asyncio", {}


@pytest.mark.parametrize("kind", TELL_ANYHOW)
async def test_tracers_are_told_of_no_request_of_ours(kind: str) -> None:
    emulator = Emulator(Clinic(), limit=100_000)
    emulator.clinic.create("patients", id="7", first_name=HELD, last_name=HELD)
    async with running(emulator) as base_url:
        with anyio.fail_after(PATIENCE):
            run = await anyio.run_process(
                [sys.executable, str(PROGRAM), kind, base_url], check=False
            )
    said = (run.stdout + run.stderr).decode()
    assert run.returncode == 0, said
    told = [line for line in said.splitlines() if line.startswith("TOLD")]
    assert any(TELL_ANYHOW[kind] in line for line in told)
    assert f"HTTP Request: GET {base_url}/patients?q%5B%5D=last_name%3A%3D{CONTROL}" in said
    assert leaks(said) == []
