"""`cliniko apply`: the rows of a file, written to one resource."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click
import msgspec

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.row_files import read_rows
from cliniko_async.cli.run import AGAIN, run
from cliniko_async.errors import ClinikoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cliniko_async.apply import Action, ApplyProgress, Plan, RowOutcome

__all__ = ["apply"]

ATTENTION: Final = frozenset(
    {"missing", "doubled", "ambiguous", "hidden", "invalid", "refused", "unknown"}
)
"""States of rows that somebody has to look at."""

MOST_SHOWN: Final = 20


@cliniko.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "resource", type=ResourceName("list"), required=True, help="The resource.")
@click.option("--key", required=True, help="Fields that records are found by: NAME[,NAME...].")
@click.option(
    "--action",
    type=click.Choice(["upsert", "create", "update", "archive"]),
    default="upsert",
    show_default=True,
)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be written, and stop.")
@click.option("--ledger", type=click.Path(path_type=Path), help="[default: FILE.ledger]")
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@connected
@click.pass_obj
def apply(
    connection: Connection,
    file: Path,
    resource: str,
    *,
    key: str,
    action: Action,
    only_plan: bool,
    ledger: Path | None,
    format: Literal["text", "json"],
) -> None:
    r"""Write the rows of FILE (.csv, .json or .jsonl) to a resource.

    Columns are named as the API's fields; an empty cell of a CSV file leaves its field alone.
    Killed and run again, it continues where it stopped, and writes nothing twice.

    \b
    cliniko apply patients.csv --to patients --key old_reference_id --plan
    """
    rows = read_rows(file, resource)
    remembered = ledger or file.with_name(f"{file.name}.ledger")

    async def work() -> None:
        from cliniko_async.apply import Apply  # noqa: PLC0415 - of use here alone

        async with connection.session(read_only=only_plan) as session:
            keys = key.split(",")
            job = Apply(
                session, resource, rows, key=keys, action=action, texts=True, ledger=remembered
            )
            plan = await job.plan()
            if only_plan:
                _show(plan.outcomes, format, plan)
                return
            if format == "text":
                click.echo(_cost(plan))
            outcomes = (await job.run(on_progress=_tell)).outcomes
        _show(outcomes, format)
        if any(outcome.state in ATTENTION for outcome in outcomes):
            raise ClinikoError("some rows were not written: see above")

    run(work(), go_on=None if only_plan else AGAIN)


def _cost(plan: Plan) -> str:
    return f"{plan.requests:,} requests to write, {plan.minutes:g} minutes at least"


def _tell(progress: ApplyProgress) -> None:
    if progress.done % 100 == 0:
        click.echo(f"{progress.done:,} of {progress.total:,} written", err=True)


def _show(outcomes: Sequence[RowOutcome], format: str, plan: Plan | None = None) -> None:
    if format == "json":
        rows = [_as_json(outcome) for outcome in outcomes]
        click.echo(msgspec.json.encode(rows))
        return
    from cliniko_async.apply import ApplySummary  # noqa: PLC0415 - of use here alone

    counts = ApplySummary(outcomes, 0, 0).counts
    click.echo(", ".join(f"{state} {count:,}" for state, count in sorted(counts.items())))
    for line in _lines(outcomes):
        click.echo(line)
    if plan:
        click.echo(_cost(plan))


def _lines(outcomes: Sequence[RowOutcome]) -> Iterator[str]:
    """Rows that need attention, without what is in them."""
    told = [outcome for outcome in outcomes if outcome.state in ATTENTION]
    for outcome in told[:MOST_SHOWN]:
        why = "; ".join((*outcome.problems, *outcome.fields))
        yield f"row {outcome.row + 1}: {outcome.state}" + (f": {why}" if why else "")
    if len(told) > MOST_SHOWN:
        yield f"... and {len(told) - MOST_SHOWN:,} more; --format json has all"


def _as_json(outcome: RowOutcome) -> dict[str, Any]:
    return {
        "row": outcome.row + 1,
        "state": outcome.state,
        "id": outcome.id,
        "problems": [*outcome.problems, *outcome.fields],
    }
