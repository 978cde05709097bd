"""The emulator on a real socket, on loopback alone."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cliniko_async.emulator.emulator import Emulator

__all__ = ["PortTakenError", "listening", "running", "serve"]

LOOPBACK = "127.0.0.1"


def _server(emulator: Emulator) -> uvicorn.Server:
    # `Date` is the emulator's own, and its log would be a log of everybody's queries.
    config = uvicorn.Config(emulator.app, log_level="critical", date_header=False)
    return uvicorn.Server(config)


class PortTakenError(Exception):
    """Another program listens on the port already."""


async def serve(emulator: Emulator, listener: socket.socket) -> None:
    """Serve until interrupted, on a socket of `listening`."""
    await _server(emulator).serve(sockets=[listener])


def listening(port: int) -> socket.socket:
    """A socket that listens on loopback.

    Raises:
        PortTakenError: Another program listens on the port already.
    """
    listener = socket.socket()
    # As uvicorn does itself, so that a server can begin where one has just ended. On Windows it
    # would let two programs listen on one port.
    if os.name != "nt":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(
            f"port {port} is taken by another program: name another one, such as --port {port + 1}"
        ) from None
    return listener


@asynccontextmanager
async def running(emulator: Emulator) -> AsyncGenerator[str]:
    """Serve on a free port while the block runs.

    Yields:
        The base URL, for `AsyncCliniko(base_url=...)`.
    """
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        server = _server(emulator)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            await serving
