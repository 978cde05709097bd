"""`cliniko mirror`: records in a database, kept up to date."""

from __future__ import annotations

import json
import sys
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
from cliniko_async.cli.progress import Display, announced
from cliniko_async.cli.run import AGAIN, run

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko
    from cliniko_async.errors import DecodeError
    from cliniko_async.export import Progress

__all__ = ["mirror"]


@cliniko.command()
@click.argument("target", envvar="CLINIKO_MIRROR_TARGET", default="clinic.duckdb")
@click.argument("resources", nargs=-1, type=ResourceName("list"))
@click.option("--full", is_flag=True, help="Read everything anew, not just what has changed.")
@click.option("--dataset", help="The schema for the tables: many clinics can share a database.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what it will cost, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON, with --plan.")
@many_connected
@click.pass_obj
def mirror(
    connection: Connection,
    target: str,
    resources: Sequence[str],
    *,
    full: bool,
    dataset: str | None,
    only_plan: bool,
    as_json: bool,
) -> None:
    """Copy RESOURCES, or all, into the database TARGET, or bring the copy there up to date.

    TARGET is a DuckDB file or a URL; clinic.duckdb in this folder if none is named. A URL with a
    password belongs in CLINIKO_MIRROR_TARGET. With --all-profiles, TARGET is a folder, in which
    each clinic has a file of its name.
    """
    need("mirror")
    if connection.all_profiles and ("://" in target or Path(target).suffix):
        raise click.BadParameter("with --all-profiles, name a folder", param_hint="TARGET")
    if as_json and not only_plan:
        raise click.UsageError("--json is for --plan: write --plan --json")
    job = _Job(target, resources, full=full, dataset=dataset, as_json=as_json)
    # The engine has settings for the whole process: one clinic after the other.
    run(each(connection, job.plan if only_plan else job.run, at_once=1), go_on=AGAIN)


@attrs.frozen
class _Job:
    """What is to be copied, of each clinic."""

    target: str
    resources: Sequence[str]
    full: bool
    dataset: str | None
    as_json: bool

    async def plan(self, session: AsyncCliniko, profile: str | None) -> str:
        """Say what it will cost."""
        from cliniko_async.mirror import plan  # noqa: PLC0415 - an extra of its own

        cost = await plan(
            session,
            self._target(profile),
            self.resources or None,
            full=self.full,
            dataset=self.dataset,
        )
        if not self.as_json:
            return announced(cost)
        clinic = {"profile": profile} if profile else {}
        click.echo(json.dumps({**clinic, **attrs.asdict(cost)}))
        return ""

    async def run(self, session: AsyncCliniko, profile: str | None) -> str:
        """Copy one clinic. What is said of it in the report on several."""
        from cliniko_async.mirror import mirror as copy  # noqa: PLC0415 - an extra of its own

        prefix, target = f"{profile}: " if profile else "", self._target(profile)
        click.echo(f"{prefix}into {_shown(target)}")
        live = profile is None and sys.stdout.isatty()
        display = Display(session, prefix, live=live)
        drawn: dict[str, Progress] = {}

        def note(progress: Progress) -> None:
            if live:
                drawn[progress.resource] = progress
                display.note(progress)
            elif progress.done and progress.records:
                display.say(f"{progress.resource}: {progress.records:,} rows written")

        def left_out(error: DecodeError) -> None:
            click.echo(f"{prefix}left out, and asked for again next time: {error}", err=True)

        async with display.shown(drawn):
            summary = await copy(
                session,
                target,
                self.resources or None,
                full=self.full,
                dataset=self.dataset,
                on_cost=lambda cost: display.say(announced(cost)),
                on_progress=note,
                on_bad_record=left_out,
            )
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
