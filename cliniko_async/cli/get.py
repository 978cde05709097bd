"""`cliniko get`: records by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from cliniko_async._verbs.include import include_params
from cliniko_async.cli.catalogue import columns_of, resource_class, takes_id, with_verb
from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.names import (
    Fields,
    Hidden,
    Ids,
    ResourceName,
    checked_fields,
    checked_include,
)
from cliniko_async.cli.rows import FORMATS, Format, default_format, writer_of
from cliniko_async.cli.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._client import AsyncCliniko

__all__ = ["get"]

IDS_PER_REQUEST: Final = 100


@cliniko.command(examples=("cliniko get patients 123 456 -f id,email", "cliniko get settings"))
@click.argument("resource", type=ResourceName("get"))
@click.argument("ids", nargs=-1, type=Ids())
@click.option(
    "-f",
    "--fields",
    multiple=True,
    type=Fields(),
    help="Fields to show, with commas; `all` for all.",
)
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
def get(
    connection: Connection,
    resource: str,
    ids: Sequence[str],
    *,
    fields: Sequence[str],
    include: Sequence[str],
    format: Format | None,
) -> None:
    """Show records of RESOURCE by their IDS, in the order asked.

    A hundred records cost one request. Of what there is only once, such as settings, leave out the
    id.
    """
    single = not takes_id(resource)
    if single == bool(ids):
        advice = f"there is one record of {resource}: leave out the id"
        raise click.UsageError(advice if single else "name at least one id")
    shown = format or ("json" if single else default_format())
    writer = writer_of(shown, columns_of(resource), checked_fields(resource, fields))
    kinds = checked_include(resource, include)

    async def work() -> None:
        async with connection.opened() as session:
            found: Sequence[dict[str, Any]]
            if single:
                found = [await session.request("GET", resource_class(resource).path)]
            else:
                found = await _found(session, resource, tuple(dict.fromkeys(ids)), kinds)
        writer.write(found)
        writer.close()
        lost = 0 if single else len(set(ids)) - len(found)
        if lost:
            raise click.ClickException(_lost(resource, lost, kinds))

    run(work())


async def _found(
    session: AsyncCliniko, resource: str, ids: Sequence[str], kinds: Sequence[str]
) -> Sequence[dict[str, Any]]:
    """The records that there are, in the order asked."""
    verbs = getattr(session, resource)
    if resource not in with_verb("get_many"):
        params = tuple(include_params(kinds, resource_class(resource)))
        paths = [f"{verbs.path}/{id}" for id in ids]
        return [await session.request("GET", path, params=params) for path in paths]
    by_id: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), IDS_PER_REQUEST):
        batch = verbs.filters.id.is_in(ids[start : start + IDS_PER_REQUEST])
        async for row in verbs.list(batch, **({"include": kinds} if kinds else {})).raw():
            by_id[str(row.get("id"))] = row
    return [by_id[id] for id in ids if id in by_id]


def _lost(resource: str, lost: int, kinds: Sequence[str]) -> str:
    hint = "" if kinds else "; lists hide some records: --include all finds those, too"
    verb = "was" if lost == 1 else "were"
    return f"{lost} of these {resource} {verb} not found{hint}"
