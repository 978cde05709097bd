"""The emulator on a real socket, on loopback alone."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cliniko_async.emulator.emulator import Emulator

__all__ = ["running", "serve"]

LOOPBACK = "127.0.0.1"


def _server(emulator: Emulator, port: int) -> uvicorn.Server:
    # `Date` is the emulator's own, and its log would be a log of everybody's queries.
    config = uvicorn.Config(
        emulator.app, host=LOOPBACK, port=port, log_level="critical", date_header=False
    )
    return uvicorn.Server(config)


async def serve(emulator: Emulator, port: int) -> None:
    """Serve until interrupted."""
    await _server(emulator, port).serve()


@asynccontextmanager
async def running(emulator: Emulator) -> AsyncGenerator[str]:
    """Serve on a free port while the block runs.

    Yields:
        The base URL, for `AsyncCliniko(base_url=...)`.
    """
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        server = _server(emulator, 0)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            yield f"http://{LOOPBACK}:{listener.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            await serving
