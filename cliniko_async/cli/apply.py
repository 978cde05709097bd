"""`cliniko apply`: the rows of a file, written to one resource."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click
import msgspec

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import ResourceName
from cliniko_async.cli.progress import duration
from cliniko_async.cli.row_files import read_rows
from cliniko_async.cli.run import AGAIN, run, understood
from cliniko_async.cli.terminal import counted, out, say, tell
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


@cliniko.command(
    examples=("cliniko apply patients.csv --to patients --key old_reference_id --plan",)
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", "resource", type=ResourceName("list"), required=True, help="The resource to write to."
)
@click.option(
    "--key", metavar="FIELDS", required=True, help="Fields to find records by, with commas."
)
@click.option(
    "--action",
    type=click.Choice(["upsert", "create", "update", "archive"]),
    default="upsert",
    show_default=True,
    help="upsert creates what is missing and updates what differs.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be written, and stop.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="The file that remembers what was sent; FILE.ledger by default.",
)
@click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
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
    """Write the rows of FILE to a resource.

    FILE is .csv, .json or .jsonl. Columns are named as the API's fields; an empty cell of a CSV
    file leaves its field alone. Stopped and run again, it goes on where it was, and writes nothing
    twice.
    """
    rows = read_rows(file, resource)
    remembered = ledger or file.with_name(f"{file.name}.ledger")

    async def work() -> None:
        from cliniko_async.apply import Apply  # noqa: PLC0415 - of use here alone

        async with connection.opened(read_only=only_plan) as session:
            keys = [name.strip() for name in key.split(",")]
            with understood():
                job = Apply(
                    session, resource, rows, key=keys, action=action, texts=True, ledger=remembered
                )
            plan = await job.plan()
            if only_plan:
                _show(plan.outcomes, format, plan)
                return
            if format == "text":
                say(_cost(plan))
            outcomes = (await job.run(on_progress=_tell)).outcomes
        _show(outcomes, format)
        if any(outcome.state in ATTENTION for outcome in outcomes):
            raise ClinikoError("some rows were not written: see above")

    run(work(), go_on=None if only_plan else AGAIN)


def _cost(plan: Plan) -> str:
    least = duration(plan.minutes * 60)
    return f"{counted(plan.requests, 'request')} to write: at least {least} at the rate limit"


def _tell(progress: ApplyProgress) -> None:
    if progress.done % 100 == 0:
        say(f"{progress.done:,} of {progress.total:,} written")


def _show(outcomes: Sequence[RowOutcome], format: str, plan: Plan | None = None) -> None:
    if format == "json":
        rows = [_as_json(outcome) for outcome in outcomes]
        out(msgspec.json.encode(rows) + b"\n")
        return
    from cliniko_async.apply import ApplySummary  # noqa: PLC0415 - of use here alone

    counts = ApplySummary(outcomes, 0, 0).counts
    tell(", ".join(f"{state} {count:,}" for state, count in sorted(counts.items())))
    for line in _lines(outcomes):
        tell(line)
    if plan:
        tell(_cost(plan))


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
