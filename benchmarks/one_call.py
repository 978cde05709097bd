"""The CPU of one call beside bare httpx's, and of opening and closing a session.

The server runs in a process of its own and sends the same patient again and again. Both clients
take turns, on one connection each; the best of several rounds counts.

    python benchmarks/one_call.py    # half a minute
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import time
from typing import TYPE_CHECKING, Any

import httpx
from _promise import machine, promise, summary, title

from cliniko_async import AsyncCliniko
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 5
CALLS = 1_000
SESSIONS = 50
KEY = "BENCH-au1"
AGENT = "Benchmark (bench@example.com)"
RATE = RateLimit(10_000_000)

_FIELDS = ("first_name", "last_name", "email", "occupation", "notes", "city", "post_code", "state")
MOMENT = "2026-01-02T03:04:05Z"
PATIENT = json.dumps(
    {"id": "1", "created_at": MOMENT, "updated_at": MOMENT} | dict.fromkeys(_FIELDS, "Words")
).encode()
HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 05 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
)
ANSWER = HEAD + b"X-Request-Id: abc\r\nContent-Length: %d\r\n\r\n" % len(PATIENT) + PATIENT


class Server(asyncio.Protocol):
    """Answers whatever is asked."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport: Any = transport

    def data_received(self, _data: bytes) -> None:
        """Answer. A request comes in one piece, on loopback."""
        self._transport.write(ANSWER)


def serve(ports: Any) -> None:
    """Run the server, in its process."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def cpu_of(call: Callable[[], Awaitable[object]], times: int) -> float:
    """Microseconds of this process that a call takes."""
    gc.collect()
    began = time.process_time()
    for _ in range(times):
        await call()
    return (time.process_time() - began) / times * 1e6


async def measure(base_url: str) -> None:
    """Print what calls and sessions take."""

    def session() -> AsyncCliniko:
        return AsyncCliniko(KEY, user_agent=AGENT, base_url=base_url, rate_limit=RATE)

    async def open_and_close() -> None:
        async with session():
            pass

    async with httpx.AsyncClient(auth=(KEY, "")) as client, session() as cliniko:

        async def bare() -> object:
            return (await client.get(f"{base_url}/patients/1")).json()

        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "httpx": bare,
            "get": lambda: cliniko.patients.get("1"),
            "request": lambda: cliniko.request("GET", "/patients/1"),
        }
        best = dict.fromkeys(calls, float("inf"))
        for _ in range(ROUNDS):
            for name, call in calls.items():
                best[name] = min(best[name], await cpu_of(call, CALLS))
    for name, figure in best.items():
        print(f"  {name}: {figure:.0f} microseconds, {figure / best['httpx']:.2f} times httpx's")
    promise("get, beside bare httpx", best["get"] / best["httpx"], " times", most=1.5)
    once = await cpu_of(open_and_close, SESSIONS)
    promise("a session, opened and closed", once / 1000, " ms", most=5)


def main() -> None:
    """Measure with a server in a process of its own."""
    machine()
    title("CPU of one call")
    ports: Any = multiprocessing.get_context("spawn").Queue()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(ports,), daemon=True)
    server.start()
    try:
        asyncio.run(measure(f"http://127.0.0.1:{ports.get(timeout=30)}/v1"))
    finally:
        server.terminate()
    summary()


if __name__ == "__main__":
    main()
