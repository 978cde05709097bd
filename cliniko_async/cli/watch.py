"""`cliniko watch`: changes as they come."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import attrs
import click
import msgspec

from cliniko_async.cli.connection import Connection, many_connected
from cliniko_async.cli.cursor_file import CursorFile
from cliniko_async.cli.fleet import each
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.run import AGAIN, run
from cliniko_async.cli.sinks import (
    EXEC_TIMEOUT,
    POST_TIMEOUT,
    Attempt,
    Sink,
    checked_command,
    checked_url,
    to_lines,
)
from cliniko_async.cli.terminal import counted, say
from cliniko_async.cli.values import Moment, Number
from cliniko_async.errors import ClinikoError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from cliniko_async import AsyncCliniko, Watch, WatchedChange

__all__ = ["watch"]

ALL_AT_ONCE = 10_000
"""Clinics at a time: no watch ends by itself, and each waits most of the time."""


@cliniko.command(examples=("cliniko watch patients individual_appointments --state clinic.state",))
@click.argument("resources", nargs=-1, required=True, type=ResourceName("watch"))
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    required=True,
    help="The file that says how far it is; with --all-profiles, a folder of such files.",
)
@click.option(
    "--every",
    type=Number(1, whole=False),
    default=60,
    show_default=True,
    help="Ask again after so many seconds.",
)
@click.option(
    "--share",
    type=Number(0.01, 1, whole=False),
    default=0.25,
    show_default=True,
    help="The part of the rate limit that it may use.",
)
@click.option(
    "--since", type=Moment(), help="Begin here if there is no state yet; by default, now."
)
@click.option("--records", is_flag=True, help="Tell whole records, not just their ids.")
@click.option(
    "--post", metavar="URL", help="Post each change to it, signed with CLINIKO_WATCH_SECRET."
)
@click.option(
    "--exec",
    "command",
    metavar="COMMAND",
    help="Run it for each change, which it reads from standard input.",
)
@click.option(
    "--timeout",
    type=Number(0.1, whole=False),
    metavar="SECONDS",
    help="How long --post or --exec may take for a change; 10 and 60 by default.",
)
@many_connected
@click.pass_obj
def watch(
    connection: Connection,
    resources: Sequence[str],
    *,
    state: Path,
    every: float,
    share: float,
    since: datetime | None,
    records: bool,
    post: str | None,
    command: str | None,
    timeout: float | None,
) -> None:
    """Tell changes of RESOURCES as they come, a line of JSON each.

    It ends with Ctrl-C; started again, it goes on where it was. A change that was not taken (the
    URL did not answer with a status of 2xx, the command failed, either took too long) is sent again
    until it is taken, and those behind it wait.
    """
    attempt = _checked_attempt(post, command, timeout)
    options = {
        "every": every,
        "share": share,
        "since": since,
    }
    job = _Job(connection, tuple(dict.fromkeys(resources)), state, attempt, records, options)
    run(job.run(), go_on=AGAIN)


def _checked_attempt(post: str | None, command: str | None, timeout: float | None) -> Attempt:
    """How a change is sent."""
    if post and command:
        raise click.UsageError("--post and --exec do not go together")
    if post:
        return checked_url(post, timeout or POST_TIMEOUT)
    if command:
        return checked_command(command, timeout or EXEC_TIMEOUT)
    if timeout:
        raise click.UsageError("--timeout goes with --post or --exec")
    return to_lines


@attrs.frozen
class _Job:
    """What is to be watched, and where changes go."""

    connection: Connection
    resources: Sequence[str]
    state: Path
    attempt: Attempt
    records: bool
    options: dict[str, Any]
    stop: anyio.Event = attrs.field(factory=anyio.Event)

    async def run(self) -> None:
        """Watch one clinic, or all that have a profile, until a signal comes."""
        with _signals(self.stop) as seen:
            await each(self.connection, self.watch, at_once=ALL_AT_ONCE)
        if signal.SIGINT in seen:
            raise KeyboardInterrupt

    async def watch(self, session: AsyncCliniko, profile: str | None) -> str:
        """Watch a clinic. What is said of it in the report on several."""
        path = self.state / f"{profile}.state" if profile else self.state
        prefix = f"{profile}: " if profile else ""
        taken = 0
        try:
            with CursorFile.locked(path) as file:
                taken = await self._follow(session, file, profile, prefix)
        except (ClinikoError, click.ClickException) as error:
            if profile:  # the report comes at the end, which may be far
                say(f"{prefix}{getattr(error, 'message', error)}")
            raise
        return counted(taken, "change") if profile else ""

    async def _follow(
        self, session: AsyncCliniko, file: CursorFile, profile: str | None, prefix: str
    ) -> int:
        def told(error: ClinikoError) -> None:
            say(f"{prefix}goes on after a pause: {error}")

        cursor = file.read()
        try:
            watch = session.watch(
                *self.resources, cursor=cursor, on_error=told, on_cursor=file.write, **self.options
            )
        except InvalidValueError:
            if cursor is None:
                raise
            raise click.ClickException(
                f"{file.path} is damaged, or not a watch's state: put a copy of it back, or delete "
                "it to begin now"
            ) from None
        closing = asyncio.create_task(self._close(watch))
        try:
            return await self._send(watch, file, profile)
        finally:
            closing.cancel()

    async def _close(self, watch: Watch[Any]) -> None:
        await self.stop.wait()
        await watch.aclose()

    async def _send(self, watch: Watch[Any], file: CursorFile, profile: str | None) -> int:
        sink, taken = Sink(self.attempt, self.stop), 0
        async for change in watch:
            if not await sink.take(self._line(change, profile)):
                break
            watch.taken()
            file.write(watch.cursor)
            taken += 1
        return taken

    def _line(self, change: WatchedChange[Any], profile: str | None) -> bytes:
        told: dict[str, Any] = {"clinic": profile} if profile else {}
        told |= {
            "resource": change.resource,
            "kind": change.kind,
            "id": change.record.id,
            "fields": None if change.fields is None else sorted(change.fields),
            "version": change.version,
        }
        if self.records:
            told["record"] = change.raw()
        return msgspec.json.encode(told) + b"\n"


@contextlib.contextmanager
def _signals(stop: anyio.Event) -> Generator[set[int]]:
    """Set an event at SIGINT and SIGTERM, so that what is being sent is still taken."""
    loop, seen = asyncio.get_running_loop(), set[int]()

    def note(number: int) -> None:
        seen.add(number)
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    # Not on Windows, and not in another thread than the main one.
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        for number in numbers:
            loop.add_signal_handler(number, note, number)
    try:
        yield seen
    finally:
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            for number in numbers:
                loop.remove_signal_handler(number)
