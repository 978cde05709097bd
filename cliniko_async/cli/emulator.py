"""`cliniko emulator`: a made-up clinic on a port."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need
from cliniko_async.cli.terminal import tell
from cliniko_async.cli.values import Day, Number

if TYPE_CHECKING:
    from datetime import date

__all__ = ["emulator"]


@cliniko.command()
@click.option(
    "--port", type=Number(1, 65535), default=8765, show_default=True, help="Where it listens."
)
@click.option(
    "--requests", type=Number(1), default=200, show_default=True, help="How many it allows."
)
@click.option(
    "--per",
    type=Number(0.001, whole=False),
    default=60,
    show_default=True,
    help="In so many seconds.",
)
@click.option(
    "--today",
    type=Day(),
    help="Its day; for the same day, the clinic is the same. The current day by default.",
)
def emulator(port: int, requests: int, per: float, today: date | None) -> None:
    """Serve a made-up clinic on this computer, to try programs with.

    It is at http://127.0.0.1:PORT/v1: put that into CLINIKO_BASE_URL.
    """
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
    with listener, contextlib.suppress(KeyboardInterrupt):  # the way to end it
        clinic = Clinic.demo(today)
        tell(f"http://127.0.0.1:{port}/v1 takes any key; stop it with Ctrl-C")
        asyncio.run(serve(Emulator(clinic, limit=requests, per=per), listener))
