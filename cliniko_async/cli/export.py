"""`cliniko export`: records as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import attrs
import click

from cliniko_async.cli.connection import DEMO_RATE, Connection, many_connected
from cliniko_async.cli.fleet import each
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.names import AnyHidden, ResourceName, checked_kinds
from cliniko_async.cli.progress import Display, announced, summary_lines
from cliniko_async.cli.run import AGAIN, run
from cliniko_async.cli.terminal import counted, say, tell

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko
    from cliniko_async.export import Cost

__all__ = ["export"]

HIDDEN: Final = "Hidden records, too: archived, cancelled, deleted, inactive, all (default), none."


@cliniko.command(examples=("cliniko export patients invoices --to clinic/",))
@click.argument("resources", nargs=-1, type=ResourceName("scan"))
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--include", multiple=True, type=AnyHidden(), default=["all"], help=HIDDEN)
@click.option(
    "--format",
    type=click.Choice(["jsonl", "parquet"]),
    default="jsonl",
    show_default=True,
    help="JSON Lines, or Parquet with typed columns.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Say what it will cost, and stop.")
@many_connected
@click.pass_obj
def export(
    connection: Connection,
    resources: Sequence[str],
    *,
    to: Path,
    include: Sequence[str],
    format: Literal["jsonl", "parquet"],
    only_plan: bool,
) -> None:
    """Write RESOURCES to files, one per resource; all resources if none is named.

    Stopped and run again, it goes on where it was. With --all-profiles, each clinic has a folder of
    its own, named as its profile, below the folder that --to names.
    """
    if format == "parquet":
        need("parquet")
    if connection.emulator:
        words = (
            f"A made-up clinic, at {DEMO_RATE.requests} requests per {DEMO_RATE.per:g} s "
            "instead of 200 per 60 s, so that you see the limit at work."
        )
        say(words)
    job = _Job(connection, tuple(resources), to, format, checked_kinds(include))
    run(each(connection, job.plan if only_plan else job.run), go_on=None if only_plan else AGAIN)


@attrs.frozen
class _Job:
    """What is to be exported, of each clinic."""

    connection: Connection
    resources: Sequence[str]
    to: Path
    format: Literal["jsonl", "parquet"]
    include: Any

    async def plan(self, session: AsyncCliniko, profile: str | None) -> str:
        """Say what it will cost: one request per resource."""
        from cliniko_async.export import Export, exportable  # noqa: PLC0415 - of no other command

        names, folder = self.resources or exportable(), self.to / (profile or "")
        job = Export(session, names, folder, format=self.format, include=self.include)
        return announced(await job.plan())

    async def run(self, session: AsyncCliniko, profile: str | None) -> str:
        """Export one clinic. What is said of it in the report on several."""
        from cliniko_async.export import Export, exportable  # noqa: PLC0415 - of no other command

        prefix, folder = f"{profile}: " if profile else "", self.to / (profile or "")
        display, foreseen = Display(session, prefix, live=profile is None), list[int]()

        def announce(cost: Cost) -> None:
            foreseen.append(cost.records)
            display.say(announced(cost))

        job = Export(
            session,
            self.resources or exportable(),
            folder,
            format=self.format,
            include=self.include,
            on_cost=announce,
            on_progress=display.note,
        )
        async with display.shown(job.progress):
            summary = await job.run()
        lines = summary_lines(summary, session, folder, sum(foreseen))
        if profile is None:
            for name, value in lines:
                tell(f"{name:<10}{value}", indent=10)
        return f"{lines[0][1]}, {counted(summary.requests, 'request')}" if profile else ""
