"""`cliniko export`: records as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from cliniko_async.cli.connection import DEMO_RATE, Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.names import AnyHidden, ResourceName, checked_kinds
from cliniko_async.cli.run import AGAIN, run

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["export"]

HIDDEN: Final = "Hidden records: archived, cancelled, deleted, inactive, all (the default), none."


@cliniko.command()
@click.argument("resources", nargs=-1, type=ResourceName("scan"))
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The folder to write.")
@click.option("--include", multiple=True, type=AnyHidden(), default=["all"], help=HIDDEN)
@click.option("--format", type=click.Choice(["jsonl", "parquet"]), default="jsonl")
@connected
@click.pass_obj
def export(
    connection: Connection,
    resources: Sequence[str],
    *,
    to: Path,
    include: Sequence[str],
    format: Literal["jsonl", "parquet"],
) -> None:
    """Write RESOURCES as files, one per resource; all resources if none is named.

    Killed and run again, it goes on where it was.
    """
    if format == "parquet":
        need("parquet")
    run(
        _export(connection, resources, to, include=checked_kinds(include), format=format),
        go_on=AGAIN,
    )


async def _export(
    connection: Connection,
    resources: Sequence[str],
    to: Path,
    *,
    include: Any,
    format: Literal["jsonl", "parquet"],
) -> None:
    from rich.console import Console  # noqa: PLC0415 - slow to import

    from cliniko_async.cli.progress import announce, show_summary, shown  # noqa: PLC0415 - likewise
    from cliniko_async.export import Export, exportable  # noqa: PLC0415 - likewise

    console = Console(highlight=False)
    if connection.emulator:
        console.print(
            f"A made-up clinic, at {DEMO_RATE.requests} requests per {DEMO_RATE.per:g} s "
            "instead of 200 per 60 s, so that you see the limit at work."
        )
    async with connection.session() as session:
        job = Export(
            session,
            resources or exportable(),
            to,
            format=format,
            include=include,
            on_cost=lambda cost: announce(console, cost),
        )
        async with shown(console, job, session):
            summary = await job.run()
    show_summary(console, summary, to, limit=session.rate_limit)
