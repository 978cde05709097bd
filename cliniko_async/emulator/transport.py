"""An httpx transport that calls the emulator in the same process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from cliniko_async.emulator.faults import ResetError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App = Callable[..., Awaitable[None]]

__all__ = ["EmulatorTransport"]


class EmulatorTransport(httpx.AsyncBaseTransport):
    """Hands requests to an ASGI app, each in a task of its own.

    As with a real server, the work goes on after the client has left, and what goes wrong reaches
    the client as a broken connection.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._tasks: set[asyncio.Task[httpx.Response]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or raise as a broken connection would."""
        body = await request.aread()
        task = asyncio.ensure_future(self._run(request, body))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        read_timeout = request.extensions.get("timeout", {}).get("read")
        done, _ = await asyncio.wait({task}, timeout=read_timeout)
        if not done:
            raise httpx.ReadTimeout("no answer", request=request)
        try:
            response = task.result()
        except ResetError:
            raise httpx.ReadError("reset", request=request) from None
        except ConnectionRefusedError:
            raise httpx.ConnectError("refused", request=request) from None
        if len(response.content) < int(response.headers.get("content-length", 0)):
            raise httpx.RemoteProtocolError("body cut short", request=request)
        return response

    def _ended(self, task: asyncio.Task[httpx.Response]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its client may have left

    async def _run(self, request: httpx.Request, body: bytes) -> httpx.Response:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(_scope(request), receive, send)
        start, *parts = sent
        return httpx.Response(
            start["status"],
            headers=start["headers"],
            content=b"".join(part.get("body", b"") for part in parts),
        )


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }
