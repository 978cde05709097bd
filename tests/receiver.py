"""A receiver of posted changes that refuses some of them, on a socket of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Receiver", "receiving"]


@attrs.define
class Receiver:
    """What came in.

    Attributes:
        refuses: How many of the next posts are refused.
        taken: The bodies that were taken, in their order.
        headers: The headers that came with them, by lower-case name.
        bodies: All bodies, refused ones too.
    """

    url: str = ""
    refuses: int = 0
    taken: list[dict[str, Any]] = attrs.field(factory=list[dict[str, Any]])
    headers: list[dict[str, str]] = attrs.field(factory=list[dict[str, str]])
    bodies: list[bytes] = attrs.field(factory=list[bytes])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        pairs = [line.partition(":") for line in head if line]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.bodies.append(body)
        status = b"503 Busy" if self.refuses > 0 else b"204 Taken"
        if self.refuses > 0:
            self.refuses -= 1
        else:
            self.taken.append(json.loads(body))
            self.headers.append(headers)
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """A receiver on a port of its own, while the block runs."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        receiver.url = f"http://127.0.0.1:{port}/hook?token=secret"
        yield receiver
