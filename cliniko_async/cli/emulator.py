"""`cliniko emulator`: a made-up clinic on a port."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import click

from cliniko_async.cli.group import cliniko
from cliniko_async.cli.missing import need

__all__ = ["emulator"]

LOOPBACK = "127.0.0.1"


@cliniko.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--requests", default=200, show_default=True, help="The limit in each window.")
@click.option("--per", default=60.0, show_default=True, help="Seconds of a window.")
def emulator(port: int, requests: int, per: float) -> None:
    """Serve a made-up clinic on http://127.0.0.1:PORT/v1, for CLINIKO_BASE_URL."""
    need("emulator")
    from cliniko_async.emulator import Clinic, Emulator  # noqa: PLC0415 - an extra of its own
    from cliniko_async.emulator.serve import serve  # noqa: PLC0415 - likewise

    _see_that_free(port)
    click.echo(f"http://{LOOPBACK}:{port}/v1 takes any key; stop it with Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(serve(Emulator(Clinic.demo(), limit=requests, per=per), port))


def _see_that_free(port: int) -> None:
    with socket.socket() as trial, contextlib.suppress(ConnectionRefusedError):
        trial.settimeout(1)
        trial.connect((LOOPBACK, port))
        raise click.ClickException(f"port {port} is taken: name another one with --port")
