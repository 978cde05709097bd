"""`cliniko mirror`: records in a database, kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.run import AGAIN, run

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mirror"]


@cliniko.command()
@click.argument("target", envvar="CLINIKO_MIRROR_TARGET", default="clinic.duckdb")
@click.argument("resources", nargs=-1, type=ResourceName("list"))
@click.option("--full", is_flag=True, help="Read everything anew, not just what has changed.")
@connected
@click.pass_obj
def mirror(connection: Connection, target: str, resources: Sequence[str], *, full: bool) -> None:
    """Copy RESOURCES, or all, into the database TARGET, or bring the copy there up to date.

    TARGET is a DuckDB file or a URL. A URL with a password belongs in CLINIKO_MIRROR_TARGET.
    """
    need("mirror")
    run(_mirror(connection, target, resources, full=full), go_on=AGAIN)


async def _mirror(
    connection: Connection, target: str, resources: Sequence[str], *, full: bool
) -> None:
    from cliniko_async.mirror import mirror as copy  # noqa: PLC0415 - an extra of its own

    click.echo(f"into {_named(target)}")
    async with connection.session() as session:
        summary = await copy(session, target, resources or None, full=full)
    for name, rows in summary.rows.items():
        if rows:
            click.echo(f"{name}: {rows:,} rows written")
    click.echo(f"{summary.requests:,} requests in {summary.seconds:.1f} s")


def _named(target: str) -> str:
    """Where it goes, without what a URL says of who may."""
    scheme, is_url, rest = target.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if is_url else target
