"""Where `cliniko watch` sends changes: standard output, a URL, or a command.

One after the other: a change that is not taken is sent again after a pause, and those behind it
wait. What was refused is told by its status, never with the URL or the answer's text.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shlex
import shutil
import time
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import anyio.to_thread
import click

from cliniko_async._http.account import is_confidential
from cliniko_async.cli.cells import out

__all__ = ["SECRET", "SIGNATURE", "Sink", "checked_command", "checked_url", "signature", "to_lines"]

SECRET: Final = "CLINIKO_WATCH_SECRET"  # noqa: S105 - the name of a variable
SIGNATURE: Final = "Cliniko-Watch-Signature"

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds before a change is sent again, doubled from time to time."""

TIMEOUT: Final = 10.0
"""Seconds that a receiver has to answer."""

Attempt = Callable[[bytes], Awaitable[str | None]]
"""Sends a line once; gives back what was wrong, if anything."""


class Sink:
    """Sends changes until they are taken.

    Args:
        attempt: Sends a line once.
        stop: Set when there is to be no further attempt.
    """

    def __init__(self, attempt: Attempt, stop: anyio.Event) -> None:
        self._attempt = attempt
        self._stop = stop

    async def take(self, line: bytes) -> bool:
        """Send a line until it is taken. False if it was not, because all is to end."""
        pause = FIRST_PAUSE
        while (wrong := await self._attempt(line)) is not None:
            if self._stop.is_set():
                return False
            click.echo(f"{wrong}; again in {pause:g} s", err=True)
            with anyio.move_on_after(pause):
                await self._stop.wait()
                return False
            pause = min(pause * 2, LONGEST_PAUSE)
        return True


async def to_lines(line: bytes) -> str | None:
    """Write a line to standard output."""
    await anyio.to_thread.run_sync(out, line, abandon_on_cancel=True)
    return None


def checked_url(url: str) -> Attempt:
    """What posts to a URL, signed.

    Raises:
        click.UsageError: It is not confidential, or there is no secret.
    """
    if not is_confidential(url):
        raise click.BadParameter(
            "records' ids are health data: https, or http on loopback", param_hint="--post"
        )
    secret = os.environ.get(SECRET, "").encode()
    if not secret:
        raise click.UsageError(f"--post signs what it sends: set {SECRET} to a secret of yours")
    return lambda line: _post(url, secret, line)


def signature(secret: bytes, moment: int, body: bytes) -> str:
    """The header that a receiver checks: the time, and an HMAC-SHA256 of time and body."""
    digest = hmac.new(secret, b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


async def _post(url: str, secret: bytes, line: bytes) -> str | None:
    import httpx  # noqa: PLC0415 - of use here alone

    body = line.rstrip(b"\n")
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: signature(secret, int(time.time()), body),
    }
    try:
        with anyio.fail_after(TIMEOUT):
            async with httpx.AsyncClient(timeout=TIMEOUT) as client:
                status = (await client.post(url, content=body, headers=headers)).status_code
    except (httpx.HTTPError, TimeoutError) as error:
        return f"the receiver could not be reached ({type(error).__name__})"
    return None if 200 <= status < 300 else f"the receiver answered {status}"  # noqa: PLR2004 - well known


def checked_command(command: str) -> Attempt:
    """What gives a line to a command, without a shell.

    Raises:
        click.BadParameter: There is no such command.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--exec") from None
    if not words or shutil.which(words[0]) is None:
        raise click.BadParameter("there is no such program", param_hint="--exec")
    return lambda line: _run(words, line)


async def _run(words: list[str], line: bytes) -> str | None:
    # A group of its own: Ctrl-C is for the watch, which lets the command end.
    try:
        done = await anyio.run_process(
            words, input=line, check=False, stdout=None, stderr=None, start_new_session=True
        )
    except OSError as error:
        return f"the command could not be run ({error.strerror})"
    return None if done.returncode == 0 else f"the command ended with {done.returncode}"
