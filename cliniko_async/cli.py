"""The `cliniko` command.

The key is taken from `CLINIKO_API_KEY`, never from an argument: arguments are seen by everybody
who lists processes, and stay in shells' histories.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from cliniko_async._client import AsyncCliniko
from cliniko_async.errors import ClinikoError
from cliniko_async.export import Cost, Export, Summary, exportable
from cliniko_async.export import verify as find_problems
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from cliniko_async.limits import LimiterSnapshot

__all__ = ["cliniko"]

DEMO_RATE: Final = RateLimit(40, per=10.0)
DEMO_USER_AGENT: Final = "cliniko demo (demo@example.com)"
DEMO_KEY: Final = "DEMO-au1"

REFRESH_SECONDS: Final = 0.2


@click.group()
@click.version_option(package_name="cliniko-async")
def cliniko() -> None:
    """Work with a clinic's records, never over the rate limit.

    Set CLINIKO_API_KEY, and CLINIKO_USER_AGENT as "Your app (you@example.com)".
    """


@cliniko.command()
@click.argument("resources", nargs=-1)
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--emulator", is_flag=True, help="Use a made-up clinic instead of a real one.")
@click.option(
    "--include",
    default="all",
    show_default=True,
    help="Kinds of hidden records, such as 'archived,cancelled'; 'none' leaves them all out.",
)
@click.option("--format", type=click.Choice(["jsonl", "parquet"]), default="jsonl")
def export(
    resources: Sequence[str],
    to: Path,
    *,
    emulator: bool,
    include: str,
    format: Literal["jsonl", "parquet"],
) -> None:
    """Write RESOURCES as files, one a resource; all resources if none is named.

    Killed and run again, it goes on where it was.
    """
    kinds = include if include == "all" else [k for k in include.split(",") if k != "none"]
    _run(_export(resources, to, emulator=emulator, include=kinds, format=format))


@cliniko.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def verify(folder: Path) -> None:
    """Hold the files of an export against what was written."""
    try:
        problems = find_problems(folder)
    except ClinikoError as error:
        raise click.ClickException(str(error)) from None
    for problem in problems:
        click.echo(problem)
    if problems:
        raise click.exceptions.Exit(1)
    click.echo("all files are complete and unchanged")


@cliniko.command()
@click.argument("target", envvar="CLINIKO_MIRROR_TARGET", default="clinic.duckdb")
@click.argument("resources", nargs=-1)
@click.option("--emulator", is_flag=True, help="Use a made-up clinic instead of a real one.")
@click.option("--full", is_flag=True, help="Read everything anew, not just what has changed.")
def mirror(target: str, resources: Sequence[str], *, emulator: bool, full: bool) -> None:
    """Copy RESOURCES, or all, into the database TARGET, or bring the copy there up to date.

    TARGET is a DuckDB file or a URL. A URL with a password belongs in CLINIKO_MIRROR_TARGET.
    """
    _run(_mirror(target, resources, emulator=emulator, full=full))


@cliniko.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--requests", default=200, show_default=True, help="The limit in each window.")
@click.option("--per", default=60.0, show_default=True, help="Seconds of a window.")
def emulator(port: int, requests: int, per: float) -> None:
    """Serve a made-up clinic on http://127.0.0.1:PORT/v1, for CLINIKO_BASE_URL."""
    from cliniko_async.emulator import Clinic, Emulator  # noqa: PLC0415 - an extra of its own
    from cliniko_async.emulator.serve import serve  # noqa: PLC0415 - likewise

    click.echo(f"http://127.0.0.1:{port}/v1 takes any key; stop it with Ctrl-C")
    _run(serve(Emulator(Clinic.demo(), limit=requests, per=per), port))


@cliniko.command()
def whoami() -> None:
    """Show whose key CLINIKO_API_KEY is, and on which shard."""
    _run(_whoami())


def _run(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except* ClinikoError as errors:
        raise click.ClickException(str(_first(errors))) from None


def _first(errors: BaseExceptionGroup[ClinikoError]) -> ClinikoError:
    """The error that stands for a group of them."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _whoami() -> None:
    async with AsyncCliniko(read_only=True) as session:
        user = await session.request("GET", "/user")
    click.echo(f"{user['first_name']} {user['last_name']}, {user['role']}, shard {session.shard}")


async def _mirror(target: str, resources: Sequence[str], *, emulator: bool, full: bool) -> None:
    try:
        from cliniko_async.mirror import mirror  # noqa: PLC0415 - an extra of its own
    except ModuleNotFoundError as error:
        words = f"{error.name} is missing: python -m pip install 'cliniko-async[mirror]'"
        raise click.ClickException(words) from None

    async with _session(emulator=emulator) as session:
        summary = await mirror(session, target, resources or None, full=full)
    for name, rows in summary.rows.items():
        if rows:
            click.echo(f"{name}: {rows:,} rows written")
    click.echo(f"{summary.requests:,} requests in {summary.seconds:.1f} s")


def _session(*, emulator: bool) -> AsyncCliniko:
    """A session with the real thing, or with a made-up clinic at a scaled limit."""
    if not emulator:
        return AsyncCliniko(read_only=True)
    from cliniko_async.emulator import Clinic, Emulator  # noqa: PLC0415 - an extra of its own

    server = Emulator(
        Clinic.demo(), limit=DEMO_RATE.requests, per=DEMO_RATE.per, latency=0.15, jitter=0.1
    )
    return AsyncCliniko(
        DEMO_KEY,
        user_agent=DEMO_USER_AGENT,
        rate_limit=DEMO_RATE,
        transport=server.transport(),
        read_only=True,
    )


async def _export(
    resources: Sequence[str],
    to: Path,
    *,
    emulator: bool,
    include: Any,
    format: Literal["jsonl", "parquet"],
) -> None:
    console = Console()
    if emulator:
        console.print(
            f"A made-up clinic, at {DEMO_RATE.requests} requests per {DEMO_RATE.per:g} s "
            "instead of 200 per 60 s, so that you see the limit at work."
        )
    names = resources or exportable()
    async with _session(emulator=emulator) as session:
        job = Export(
            session,
            names,
            to,
            format=format,
            include=include,
            on_cost=lambda cost: _announce(console, cost),
        )
        display = _Bars(console, job) if console.is_terminal else _Lines(console, job)
        showing = asyncio.create_task(display.show(session))
        try:
            summary = await job.run()
        finally:
            display.draw(session)
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
    _show_summary(console, summary, to, session_limit=DEMO_RATE if emulator else RateLimit())


def _announce(console: Console, cost: Cost) -> None:
    console.print(
        f"{cost.records:,} records, about {cost.requests:,} requests: "
        f"{cost.minutes:.1f} minutes at the limit"
    )


class _Bars:
    """Live progress on a terminal."""

    def __init__(self, console: Console, job: Export) -> None:
        self._job = job
        self._progress = Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            auto_refresh=False,
        )
        self._bars: dict[str, TaskID] = {}
        self._limit = self._progress.add_task("", total=0)

    async def show(self, session: AsyncCliniko) -> None:
        """Refresh until cancelled."""
        with self._progress:
            while True:
                self.draw(session)
                await asyncio.sleep(REFRESH_SECONDS)

    def draw(self, session: AsyncCliniko) -> None:
        """Show how things stand."""
        for name, state in self._job.progress.items():
            if not state.total:
                continue
            if name not in self._bars:
                self._bars[name] = self._progress.add_task(name)
            self._progress.update(self._bars[name], completed=state.records, total=state.total)
        sent = session.traffic.requests
        self._progress.update(
            self._limit,
            description=f"{sent} requests{_waiting(session.limiter)}",
            completed=sum(state.done for state in self._job.progress.values()),
            total=len(self._job.progress),
        )
        self._progress.refresh()


class _Lines:
    """Plain lines, where there is no terminal: one when a resource is complete."""

    def __init__(self, console: Console, job: Export) -> None:
        self._console = console
        self._job = job
        self._told: set[str] = set()

    async def show(self, session: AsyncCliniko) -> None:
        """Print what is new until cancelled."""
        while True:
            self.draw(session)
            await asyncio.sleep(REFRESH_SECONDS)

    def draw(self, _session: AsyncCliniko) -> None:
        """Print what is new."""
        for name, state in self._job.progress.items():
            if state.done and state.records and name not in self._told:
                self._told.add(name)
                records = "record" if state.records == 1 else "records"
                self._console.print(f"{name}: {state.records:,} {records}")


def _waiting(limiter: LimiterSnapshot) -> str:
    waiting = sum(limiter.waiting.values())
    if not waiting or limiter.free:
        return ""
    seconds = "" if limiter.next_place is None else f", next in {limiter.next_place:.0f} s"
    return f", {waiting} waiting for the limit{seconds}"


def _show_summary(
    console: Console, summary: Summary, to: Path, *, session_limit: RateLimit
) -> None:
    table = Table.grid(padding=(0, 2))
    window = f"busiest {session_limit.per:g} s"
    for name, value in (
        ("records", f"{sum(summary.records.values()):,} in {to}"),
        ("requests", f"{summary.requests:,}"),
        ("429s", f"{summary.refused}"),
        ("waited", f"{summary.waited:.0f} s for the limit, all requests together"),
        (window, f"{summary.busiest} of {session_limit.requests} requests"),
        ("time", f"{summary.seconds:.1f} s"),
    ):
        table.add_row(name, value)
    console.print(table)
