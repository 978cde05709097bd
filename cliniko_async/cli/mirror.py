"""`cliniko mirror`: records in a database, kept up to date."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

from cliniko_async.cli.catalogue import with_verb
from cliniko_async.cli.connection import Connection, many_connected
from cliniko_async.cli.fleet import each
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.progress import Display, announced
from cliniko_async.cli.run import AGAIN, run, understood
from cliniko_async.cli.terminal import counted, put, say

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko
    from cliniko_async.errors import DecodeError
    from cliniko_async.export import Progress

__all__ = ["mirror"]

SCHEMA: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""A profile's name that can be a schema's as it is."""


@cliniko.command(examples=("cliniko mirror clinic.duckdb patients invoices",))
@click.argument("target", envvar="CLINIKO_MIRROR_TARGET", default="clinic.duckdb")
@click.argument("resources", nargs=-1, type=ResourceName("list"))
@click.option("--full", is_flag=True, help="Read everything anew, not just what has changed.")
@click.option(
    "--dataset", metavar="NAME", help="The schema for the tables, where clinics share a database."
)
@click.option("--plan", "only_plan", is_flag=True, help="Say what it will cost, and stop.")
@click.option("--json", "as_json", is_flag=True, help="With --plan: say it as JSON.")
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
    """Copy RESOURCES into a database, or bring the copy there up to date.

    TARGET is a DuckDB file, or a URL such as postgresql://host/database; clinic.duckdb in this
    folder if none is named. A URL with a password belongs in CLINIKO_MIRROR_TARGET. All resources
    are copied if none is named.

    With --all-profiles, each clinic has a schema of its own in the database, named as its profile.
    If TARGET is a folder, each clinic has a DuckDB file there.
    """
    need("mirror")
    if target in with_verb("list"):
        words = f"{target} is a resource: name the database first, such as clinic.duckdb {target}"
        raise click.BadParameter(words, param_hint="TARGET")
    if as_json and not only_plan:
        raise click.UsageError("--json is for --plan: write --plan --json")
    if connection.all_profiles and dataset:
        words = "with --all-profiles, each profile's name is the dataset: leave out --dataset"
        raise click.UsageError(words)
    job = _Job(target, resources, full=full, dataset=dataset, as_json=as_json)
    # The engine has settings for the whole process: one clinic after the other.
    run(
        each(connection, job.plan if only_plan else job.run, at_once=1),
        go_on=None if only_plan else AGAIN,
    )


@attrs.frozen
class _Job:
    """What is to be copied, of each clinic."""

    target: str
    resources: Sequence[str]
    full: bool
    dataset: str | None
    as_json: bool

    @property
    def shared(self) -> bool:
        """Whether clinics share one database: a URL, or a file."""
        return "://" in self.target or (
            Path(self.target).suffix != "" and not Path(self.target).is_dir()
        )

    async def plan(self, session: AsyncCliniko, profile: str | None) -> str:
        """Say what it will cost."""
        from cliniko_async.mirror import plan  # noqa: PLC0415 - an extra of its own

        with understood():
            cost = await plan(
                session,
                self._target(profile),
                self.resources or None,
                full=self.full,
                dataset=self._dataset(profile),
            )
        if not self.as_json:
            return announced(cost)
        clinic = {"profile": profile} if profile else {}
        put(json.dumps({**clinic, **attrs.asdict(cost)}))
        return ""

    async def run(self, session: AsyncCliniko, profile: str | None) -> str:
        """Copy one clinic. What is said of it in the report on several."""
        from cliniko_async.mirror import mirror as copy  # noqa: PLC0415 - an extra of its own

        prefix, target = f"{profile}: " if profile else "", self._target(profile)
        say(f"{prefix}into {self._where(profile)}")
        live = profile is None and sys.stderr.isatty()
        display = Display(session, prefix, live=live)
        drawn: dict[str, Progress] = {}

        def note(progress: Progress) -> None:
            if live:
                drawn[progress.resource] = progress
                display.note(progress)
            elif progress.done and progress.records:
                display.say(f"{progress.resource}: {counted(progress.records, 'row')} written")

        def left_out(error: DecodeError) -> None:
            display.say(f"left out, and asked for again next time: {error}")

        async with display.shown(drawn):
            with understood():
                summary = await copy(
                    session,
                    target,
                    self.resources or None,
                    full=self.full,
                    dataset=self._dataset(profile),
                    on_cost=lambda cost: display.say(announced(cost)),
                    on_progress=note,
                    on_bad_record=left_out,
                )
        rows = sum(summary.rows.values())
        sent = counted(summary.requests, "request")
        done = f"{counted(rows, 'row')} written, {sent} in {summary.seconds:.1f} s"
        return f"{self._where(profile)}: {done}"

    def _target(self, profile: str | None) -> str:
        if profile is None or self.shared:
            return self.target
        folder = Path(self.target)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder / f"{profile}.duckdb")

    def _dataset(self, profile: str | None) -> str | None:
        if profile is None or not self.shared:
            return self.dataset
        if not SCHEMA.fullmatch(profile):
            raise click.ClickException(
                f"its schema is named as the profile: rename [{profile}] with small letters, "
                "digits and underscores, such as [north], or name a folder as TARGET"
            )
        return profile

    def _where(self, profile: str | None) -> str:
        schema = f", schema {self._dataset(profile)}" if self._dataset(profile) else ""
        return f"{_shown(self._target(profile))}{schema}"


def _shown(target: str) -> str:
    """Where it goes: a file's whole path, a URL without what it says of who may."""
    scheme, is_url, rest = target.partition("://")
    if is_url:
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
    return str(Path(target).resolve()) if Path(target).suffix else target
