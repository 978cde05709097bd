"""`cliniko mirror`: records in a database, kept up to date."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from cliniko_async.cli.connection import Connection, many_connected
from cliniko_async.cli.fleet import each
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.run import AGAIN, run

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko

__all__ = ["mirror"]


@cliniko.command()
@click.argument("target", envvar="CLINIKO_MIRROR_TARGET", default="clinic.duckdb")
@click.argument("resources", nargs=-1, type=ResourceName("list"))
@click.option("--full", is_flag=True, help="Read everything anew, not just what has changed.")
@many_connected
@click.pass_obj
def mirror(connection: Connection, target: str, resources: Sequence[str], *, full: bool) -> None:
    """Copy RESOURCES, or all, into the database TARGET, or bring the copy there up to date.

    TARGET is a DuckDB file or a URL; clinic.duckdb in this folder if none is named. A URL with a
    password belongs in CLINIKO_MIRROR_TARGET. With --all-profiles, TARGET is a folder, in which
    each clinic has a file of its name.
    """
    need("mirror")
    if connection.all_profiles and ("://" in target or Path(target).suffix):
        raise click.BadParameter("with --all-profiles, name a folder", param_hint="TARGET")
    # The engine has settings for the whole process: one clinic after the other.
    run(each(connection, _Job(target, resources, full).run, at_once=1), go_on=AGAIN)


@attrs.frozen
class _Job:
    """What is to be copied, of each clinic."""

    target: str
    resources: Sequence[str]
    full: bool

    async def run(self, session: AsyncCliniko, profile: str | None) -> str:
        """Copy one clinic. What is said of it in the report on several."""
        from cliniko_async.mirror import mirror as copy  # noqa: PLC0415 - an extra of its own

        prefix, target = f"{profile}: " if profile else "", self._target(profile)
        click.echo(f"{prefix}into {_shown(target)}")
        summary = await copy(session, target, self.resources or None, full=self.full)
        for name, rows in summary.rows.items():
            if rows:
                click.echo(f"{prefix}{name}: {rows:,} rows written")
        rows = sum(summary.rows.values())
        done = f"{rows:,} rows written, {summary.requests:,} requests in {summary.seconds:.1f} s"
        return f"{_shown(target)}: {done}"

    def _target(self, profile: str | None) -> str:
        if profile is None:
            return self.target
        folder = Path(self.target)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder / f"{profile}.duckdb")


def _shown(target: str) -> str:
    """Where it goes: a file's whole path, a URL without what it says of who may."""
    scheme, is_url, rest = target.partition("://")
    if is_url:
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    return str(Path(target).resolve()) if Path(target).suffix else target
