"""`cliniko count`: how many records there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cliniko_async.cli.connection import Connection, many_connected
from cliniko_async.cli.fleet import each
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import (
    Conditions,
    Hidden,
    ResourceName,
    checked_conditions,
    checked_include,
)
from cliniko_async.cli.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._client import AsyncCliniko
    from cliniko_async._lists import Listing

__all__ = ["count"]


@cliniko.command(
    examples=("cliniko count individual_appointments 'starts_at>=2026-03-01' --include cancelled",)
)
@click.argument("resource", type=ResourceName("list"))
@click.argument("conditions", nargs=-1, type=Conditions())
@click.option(
    "--include",
    multiple=True,
    type=Hidden(),
    help="Hidden records, too: archived, cancelled, all...",
)
@many_connected
@click.pass_obj
def count(
    connection: Connection,
    resource: str,
    conditions: Sequence[str],
    *,
    include: Sequence[str],
) -> None:
    """Count the records of RESOURCE that pass all CONDITIONS.

    It costs one request. Conditions are written as for `cliniko list`.
    """
    where = checked_conditions(resource, conditions)
    kinds = checked_include(resource, include)
    options = {"include": kinds} if kinds else {}

    async def work(session: AsyncCliniko, _profile: str | None) -> str:
        listing: Listing[object] = getattr(session, resource).list(*where, **options)
        return str(await listing.count())

    run(each(connection, work, tell_waits=True))
