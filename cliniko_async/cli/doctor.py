"""`cliniko doctor`: what a live key shows of the API."""

from __future__ import annotations

from typing import Literal

import click
import msgspec

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.run import run

__all__ = ["doctor"]


@cliniko.command()
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--reads", type=click.IntRange(1), default=80, show_default=True, help="Requests.")
@connected
@click.pass_obj
def doctor(connection: Connection, *, format: Literal["text", "json"], reads: int) -> None:
    """Read one page of every list, and report what the library does not expect.

    The report holds no name of a person, no id and no value: it can be sent to the maintainers.
    Nothing is written, and other work with the same key goes first.
    """

    async def work() -> None:
        from cliniko_async.doctor import doctor as examine  # noqa: PLC0415 - of use here alone

        async with connection.session() as session:
            report = await examine(session, reads=reads)
        if format == "json":
            click.echo(msgspec.json.format(msgspec.json.encode(report.to_dict()), indent=2))
        else:
            click.echo(str(report))

    run(work())
