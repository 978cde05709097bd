"""The `cliniko` command as a person runs it, against an emulator on a socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from click.testing import CliRunner

from cliniko_async.cli import cliniko
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

    from cliniko_async.emulator import Emulator

__all__ = ["AGENT", "KEY", "environment", "invoked", "objects"]

KEY = "MS0xCOMMANDS-au1"
AGENT = "Command tests (tests@example.com)"


def environment(base_url: str) -> dict[str, str]:
    """What a person would have set."""
    return {
        "CLINIKO_API_KEY": KEY,
        "CLINIKO_USER_AGENT": AGENT,
        "CLINIKO_BASE_URL": base_url,
        "CLINIKO_LIMITER": "process",
    }


async def invoked(
    emulator: Emulator,
    *arguments: str,
    stdin: bytes | None = None,
    env: Mapping[str, str | None] | None = None,
) -> Result:
    """Run a command. Its output is no terminal's."""
    async with running(emulator) as base_url:
        given = {**environment(base_url), **(env or {})}
        return await anyio.to_thread.run_sync(
            lambda: CliRunner().invoke(cliniko, list(arguments), input=stdin, env=given)
        )


def objects(run: Result) -> list[dict[str, Any]]:
    """The records that a command wrote as JSON Lines."""
    assert run.exit_code == 0, run.output
    return [json.loads(line) for line in run.stdout.splitlines()]
