"""How an export stands: live on a terminal, a line per resource elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from rich.console import Console

    from cliniko_async._client import AsyncCliniko
    from cliniko_async.export import Cost, Export, Summary
    from cliniko_async.limits import LimiterSnapshot, RateLimit

__all__ = ["announce", "show_summary", "shown"]

REFRESH_SECONDS: Final = 0.2


def announce(console: Console, cost: Cost) -> None:
    """Say what an export will cost."""
    console.print(
        f"{cost.records:,} records, about {cost.requests:,} requests: "
        f"{cost.minutes:.1f} minutes at the limit"
    )


@asynccontextmanager
async def shown(console: Console, job: Export, session: AsyncCliniko) -> AsyncGenerator[None]:
    """Show how an export stands while the block runs."""
    display = _Bars(console, job) if console.is_terminal else _Lines(console, job)
    showing = asyncio.create_task(display.show(session))
    try:
        yield
    finally:
        display.draw(session)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


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


def show_summary(console: Console, summary: Summary, to: Path, *, limit: RateLimit) -> None:
    """Say what an export did."""
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("records", f"{sum(summary.records.values()):,} in {to}"),
        ("requests", f"{summary.requests:,}"),
        ("429s", f"{summary.refused}"),
        ("waited", f"{summary.waited:.0f} s for the limit, all requests together"),
        (f"busiest {limit.per:g} s", f"{summary.busiest} of {limit.requests} requests"),
        ("time", f"{summary.seconds:.1f} s"),
    ):
        table.add_row(name, value)
    console.print(table)
