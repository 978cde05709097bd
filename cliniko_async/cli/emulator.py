"""`cliniko emulator`: a made-up clinic on a port."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["emulator"]


@cliniko.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--requests", default=200, show_default=True, help="The limit in each window.")
@click.option("--per", default=60.0, show_default=True, help="Seconds of a window.")
@click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day of the clinic, which is the same each time for the same day.",
)
def emulator(port: int, requests: int, per: float, today: datetime | None) -> None:
    """Serve a made-up clinic on http://127.0.0.1:PORT/v1, for CLINIKO_BASE_URL."""
    need("emulator")
    from cliniko_async.emulator import Clinic, Emulator  # noqa: PLC0415 - an extra of its own
    from cliniko_async.emulator.serve import (  # noqa: PLC0415 - likewise
        PortTakenError,
        listening,
        serve,
    )

    try:
        listener = listening(port)
    except PortTakenError as error:
        raise click.ClickException(str(error)) from None
    clinic = Clinic.demo(today and today.date())
    click.echo(f"http://127.0.0.1:{port}/v1 takes any key; stop it with Ctrl-C")
    with listener, contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(serve(Emulator(clinic, limit=requests, per=per), listener))
