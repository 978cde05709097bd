"""Where `cliniko watch` sends changes: standard output, a URL, or a command.

One after the other: a change that is not taken is sent again after a pause, and those behind it
wait. What takes too long counts as not taken. What was refused is told by its status, never with
the URL or the answer's text.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import click

from cliniko_async._http.account import is_confidential
from cliniko_async.cli.terminal import out, say

if TYPE_CHECKING:
    from anyio.abc import Process

__all__ = [
    "EXEC_TIMEOUT",
    "POST_TIMEOUT",
    "SECRET",
    "SIGNATURE",
    "Attempt",
    "Sink",
    "checked_command",
    "checked_url",
    "signature",
    "to_lines",
]

SECRET: Final = "CLINIKO_WATCH_SECRET"  # noqa: S105 - the name of a variable
SIGNATURE: Final = "Cliniko-Watch-Signature"

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds before a change is sent again, doubled from time to time."""

POST_TIMEOUT: Final = 10.0
"""Seconds that a receiver has to answer, unless it is told otherwise."""

EXEC_TIMEOUT: Final = 60.0
"""Seconds that a command has to end, unless it is told otherwise."""

AT_THE_END: Final = 5.0
"""Seconds that a change which is being sent still has when all is to end: service managers kill
what has not ended some seconds after SIGTERM, `docker stop` after 10."""

TO_CLEAN_UP: Final = 2.0
"""Seconds between telling a command to end and killing it."""

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
        while (wrong := await self._sent(line)) is not None:
            if self._stop.is_set():
                return False
            say(f"{wrong}; again in {pause:g} s")
            with anyio.move_on_after(pause):
                await self._stop.wait()
                return False
            pause = min(pause * 2, LONGEST_PAUSE)
        return True

    async def _sent(self, line: bytes) -> str | None:
        """Send a line once, and only for some seconds more when all is to end."""
        wrong: str | None = "it was not taken in time"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._give_up, tasks.cancel_scope)
            wrong = await self._attempt(line)
            tasks.cancel_scope.cancel()
        return wrong

    async def _give_up(self, attempt: anyio.CancelScope) -> None:
        await self._stop.wait()
        await anyio.sleep(AT_THE_END)
        attempt.cancel()


async def to_lines(line: bytes) -> str | None:
    """Write a line to standard output."""
    await anyio.to_thread.run_sync(out, line, abandon_on_cancel=True)
    return None


def checked_url(url: str, seconds: float = POST_TIMEOUT) -> Attempt:
    """What posts to a URL, signed.

    Args:
        url: Where to.
        seconds: What the receiver has to answer.

    Raises:
        click.UsageError: It is no URL, it is not confidential, or there is no secret.
    """
    try:
        has_host = bool(urlsplit(url).hostname)
        _ = urlsplit(url).port  # looked at only now
    except ValueError:
        has_host = False
    if not has_host:
        raise click.BadParameter("write https://HOST/PATH", param_hint="--post")
    if not is_confidential(url):
        raise click.BadParameter(
            "records' ids are health data: https, or http on loopback", param_hint="--post"
        )
    secret = os.environ.get(SECRET, "").encode()
    if not secret:
        raise click.UsageError(f"--post signs what it sends: set {SECRET} to a secret of yours")
    return lambda line: _post(url, secret, line, seconds)


def signature(secret: bytes, moment: int, body: bytes) -> str:
    """The header that a receiver checks: the time, and an HMAC-SHA256 of time and body."""
    digest = hmac.new(secret, b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


async def _post(url: str, secret: bytes, line: bytes, seconds: float) -> str | None:
    import httpx  # noqa: PLC0415 - of use here alone

    body = line.rstrip(b"\n")
    headers = {
        "Content-Type": "application/json",
        SIGNATURE: signature(secret, int(time.time()), body),
    }
    try:
        with anyio.fail_after(seconds):
            async with httpx.AsyncClient(timeout=seconds) as client:
                status = (await client.post(url, content=body, headers=headers)).status_code
    except (httpx.HTTPError, TimeoutError) as error:
        return f"the receiver could not be reached ({type(error).__name__})"
    return None if 200 <= status < 300 else f"the receiver answered {status}"  # noqa: PLR2004 - well known


def checked_command(command: str, seconds: float = EXEC_TIMEOUT) -> Attempt:
    """What gives a line to a command, without a shell.

    Args:
        command: Its words, quoted as for a shell.
        seconds: What it has to end; then it is ended, with what it has started.

    Raises:
        click.BadParameter: There is no such command.
    """
    try:
        words = _words(command)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--exec") from None
    if not words or shutil.which(words[0]) is None:
        raise click.BadParameter("there is no such program", param_hint="--exec")
    return lambda line: _run(words, line, seconds)


def _words(command: str) -> list[str]:
    """A command's words. On Windows, a backslash is part of a path."""
    if os.name != "nt":
        return shlex.split(command)
    return [word.strip('"') for word in shlex.split(command, posix=False)]


async def _run(words: list[str], line: bytes, seconds: float) -> str | None:
    try:
        # A group of its own: Ctrl-C is for the watch, which lets the command end.
        process = await anyio.open_process(
            words,
            stdin=subprocess.PIPE,
            stdout=None,
            stderr=None,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        return f"the command could not be run ({error.strerror})"
    try:
        with anyio.move_on_after(seconds) as limit:
            await _feed(process, line)
            await process.wait()
    finally:
        if process.returncode is None:
            with anyio.CancelScope(shield=True):
                await _end(process)
    if limit.cancelled_caught:
        return f"the command did not end within {seconds:g} s, and was ended"
    return None if process.returncode == 0 else f"the command ended with {process.returncode}"


async def _feed(process: Process, line: bytes) -> None:
    assert process.stdin  # noqa: S101 - it was opened with a pipe
    with suppress(anyio.BrokenResourceError, OSError):  # it need not read what it is told
        await process.stdin.send(line)
    with suppress(anyio.BrokenResourceError, OSError):
        await process.stdin.aclose()


async def _end(process: Process) -> None:
    """End a command and what it has started."""
    if sys.platform == "win32":
        await anyio.run_process(["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False)
    else:
        with suppress(ProcessLookupError, PermissionError):  # all of it has ended meanwhile
            os.killpg(process.pid, signal.SIGTERM)
            with anyio.move_on_after(TO_CLEAN_UP):
                await process.wait()
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
