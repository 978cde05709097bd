"""`cliniko list`: a resource's records."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import click

from cliniko_async.cli.catalogue import columns_of
from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import (
    Conditions,
    Fields,
    Hidden,
    ResourceName,
    SortKeys,
    checked_conditions,
    checked_fields,
    checked_include,
    checked_sort,
)
from cliniko_async.cli.rows import FORMATS, Format, Writer, default_format, writer_of
from cliniko_async.cli.run import run
from cliniko_async.cli.terminal import say
from cliniko_async.cli.values import Number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._lists import Listing

__all__ = ["list_records"]

MOST_PER_PAGE = 100


@cliniko.command(
    "list",
    examples=("cliniko list patients 'updated_at>=2026-01-01' 'last_name~son' -f id,email -n 50",),
)
@click.argument("resource", type=ResourceName("list"))
@click.argument("conditions", nargs=-1, type=Conditions())
@click.option(
    "-f",
    "--fields",
    multiple=True,
    type=Fields(),
    help="Fields to show, with commas; `all` for all.",
)
@click.option(
    "--sort", multiple=True, type=SortKeys(), help="Sort by these; -FIELD: largest first."
)
@click.option("-n", "--limit", type=Number(1), help="Show so many at the most.")
@click.option(
    "--include",
    multiple=True,
    type=Hidden(),
    help="Hidden records, too: archived, cancelled, all...",
)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="By default a table on a terminal, else jsonl.",
)
@connected
@click.pass_obj
def list_records(
    connection: Connection,
    resource: str,
    conditions: Sequence[str],
    *,
    fields: Sequence[str],
    sort: Sequence[str],
    limit: int | None,
    include: Sequence[str],
    format: Format | None,
) -> None:
    """Show the records of RESOURCE that pass all CONDITIONS.

    A condition is a field, an operator and a value: = != < <= > >=, ~ (contains), ~~ (like, with %
    for any text); FIELD? has a value, FIELD!? has none. A date stands for the whole day, in UTC.
    `cliniko describe RESOURCE` shows the fields, and the operators of each.
    """
    asked = checked_fields(resource, fields)
    where = checked_conditions(resource, conditions)
    writer = writer_of(format or default_format(), columns_of(resource), asked)
    options: dict[str, Any] = {"per_page": min(limit or MOST_PER_PAGE, MOST_PER_PAGE)}
    if order := checked_sort(resource, sort):
        options["sort"] = order
    if kinds := checked_include(resource, include):
        options["include"] = kinds

    async def work() -> None:
        async with connection.opened() as session:
            listing = getattr(session, resource).list(*where, **options)
            await _write(listing.take(limit) if limit else listing, writer)

    run(work())


async def _write(listing: Listing[Any], writer: Writer) -> None:
    """Write records page after page, in a thread: a pager that waits holds up no request."""
    written = total = 0
    pages = listing.raw().pages()
    try:
        async for page in pages:
            await anyio.to_thread.run_sync(writer.write, page.items, abandon_on_cancel=True)
            written, total = written + len(page.items), page.total_entries
    finally:
        await pages.aclose()
    writer.close()
    if written < total and sys.stderr.isatty():
        say(f"{written:,} of {total:,} records: -n says how many are shown")
