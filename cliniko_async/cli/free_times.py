"""`cliniko free-times`: when patients could book."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cliniko_async.cli.catalogue import columns_of
from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import Ids
from cliniko_async.cli.rows import FORMATS, Format, default_format, writer_of
from cliniko_async.cli.run import run
from cliniko_async.cli.values import Day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._client import AsyncCliniko

__all__ = ["free_times"]


@cliniko.command(
    "free-times",
    examples=("cliniko free-times --business 1 --practitioner 2 --practitioner 3 --type 4",),
)
@click.option(
    "--business",
    required=True,
    type=Ids(),
    help="Id of the business; `cliniko list businesses` shows it.",
)
@click.option(
    "--practitioner",
    required=True,
    multiple=True,
    type=Ids(),
    help="Id of a practitioner; several may be named.",
)
@click.option("--type", "kind", required=True, type=Ids(), help="Id of the appointment type.")
@click.option("--from", "first", type=Day(), help="The first day; today by default.")
@click.option("--to", "last", type=Day(), help="The last day; six days later by default.")
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="By default a table on a terminal, else jsonl.",
)
@connected
@click.pass_obj
def free_times(
    connection: Connection,
    *,
    business: str,
    practitioner: Sequence[str],
    kind: str,
    first: date | None,
    last: date | None,
    format: Format | None,
) -> None:
    """Show when patients could book online, earliest first."""
    if first and last and last < first:
        raise click.BadParameter("the last day is before the first", param_hint="--to")
    columns = columns_of("available_times")
    writer = writer_of(format or default_format(), columns, list(columns.values()))

    async def work() -> None:
        async with connection.opened() as session:
            begin = first or await _today(session, business)
            found = await session.available_times.find(
                business_id=business,
                practitioner_ids=practitioner,
                appointment_type_id=kind,
                from_=begin,
                to=last or begin + timedelta(days=6),
            )
        writer.write([_row(time.appointment_start, time.practitioner_id) for time in found])
        writer.close()

    run(work())


async def _today(session: AsyncCliniko, business: str) -> date:
    """The day that it is where patients are treated."""
    return (await session.businesses.get(business)).local_day().day


def _row(start: datetime | None, practitioner_id: str | None) -> dict[str, Any]:
    shown = start.strftime("%Y-%m-%dT%H:%M:%SZ") if start else None
    return {"appointment_start": shown, "practitioner_id": practitioner_id}
