"""Examples as their readers run them: programs of their own, which talk to a server here."""

from __future__ import annotations

import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import attrs
import httpx
from anyio.streams.buffered import BufferedByteReceiveStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from anyio.abc import ByteReceiveStream

EXAMPLES = Path(__file__).parents[1] / "examples"
KEY = "MS0xEXAMPLE-au1"
PASSWORD = "correct horse"

PATIENCE = 90
"""Seconds after which a program that has not ended is taken for one that hangs."""


def environment(base_url: str, **more: str) -> dict[str, str]:
    """What an example is told by its surroundings."""
    return {
        **os.environ,
        "CLINIKO_API_KEY": KEY,
        "CLINIKO_USER_AGENT": "Examples (examples@example.com)",
        "CLINIKO_BASE_URL": base_url,
        "DESK_PASSWORD": PASSWORD,
        **more,
    }


async def output(name: str, *arguments: str, env: Mapping[str, str]) -> str:
    """What a program prints, on either stream."""
    program = [sys.executable, str(EXAMPLES / name), *arguments]
    with anyio.fail_after(PATIENCE):
        done = await anyio.run_process(program, env=env, check=False)
    return (done.stdout + done.stderr).decode().strip()


@attrs.define
class Service:
    """A web service, and what it has logged; all of it once it has ended."""

    browser: httpx.AsyncClient
    log: str = ""


@asynccontextmanager
async def serving(env: Mapping[str, str]) -> AsyncGenerator[Service]:
    """The web service of the patient button, on a port of its own, while the block runs."""
    program = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0"]
    async with await anyio.open_process([*program, "patient_button:app"], env=env) as process:
        assert process.stdout
        assert process.stderr
        said = BufferedByteReceiveStream(process.stderr)
        with anyio.fail_after(PATIENCE):
            begun = await said.receive_until(b"(Press", 10_000)
        url = begun.decode().split()[-1]
        async with httpx.AsyncClient(base_url=url, auth=("desk", PASSWORD), timeout=30) as browser:
            service = Service(browser)
            try:
                yield service
            finally:
                process.terminate()
                service.log = begun.decode() + await rest(said) + await rest(process.stdout)


async def rest(stream: ByteReceiveStream) -> str:
    """All that is still to come."""
    return b"".join([part async for part in stream]).decode()
