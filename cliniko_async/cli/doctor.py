"""`cliniko doctor`: what a live key shows of the API."""

from __future__ import annotations

from typing import Literal

import click
import msgspec

from cliniko_async.cli.connection import Connection, connected
from cliniko_async.cli.group import cliniko
from cliniko_async.cli.run import run
from cliniko_async.cli.terminal import out, tell
from cliniko_async.cli.values import Number

__all__ = ["doctor"]


@cliniko.command()
@click.option(
    "--format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
@click.option(
    "--reads", type=Number(1), default=80, show_default=True, help="Requests to send at most."
)
@connected
@click.pass_obj
def doctor(connection: Connection, *, format: Literal["text", "json"], reads: int) -> None:
    """Read one page of every list, and report what the library does not expect.

    The report holds no name of a person, no id and no value: it can be sent to the maintainers.
    Nothing is written, and other work with the same key goes first.
    """

    async def work() -> None:
        from cliniko_async.doctor import doctor as examine  # noqa: PLC0415 - of use here alone

        async with connection.opened() as session:
            report = await examine(session, reads=reads)
        if format == "json":
            out(msgspec.json.format(msgspec.json.encode(report.to_dict()), indent=2) + b"\n")
        else:
            tell(str(report))

    run(work())
