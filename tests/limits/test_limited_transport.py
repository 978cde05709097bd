"""Any httpx client behind the limiter, against a server that counts."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from processes import HostFile, Process
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.emulator import Emulator
from cliniko_async.emulator.serve import running
from cliniko_async.errors import InvalidTypeError, InvalidValueError
from cliniko_async.limits import LimitedTransport, LocalLimiter, RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


class Counting(httpx.AsyncBaseTransport):
    """A server that counts when requests come, and answers after a while."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.came: list[float] = []
        self.refuse = 0
        self.error: Exception | None = None
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time
        self.came.append(now())
        await anyio.sleep(self.latency)
        if self.error:
            raise self.error
        if self.refuse:
            self.refuse -= 1
            return httpx.Response(429, headers={"Retry-After": "7"}, request=request)
        return httpx.Response(200, stream=Body(), request=request)

    async def aclose(self) -> None:
        self.closed = True


class Body(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{}"


def client(transport: httpx.AsyncBaseTransport, key: str = "MS0xOURS-au1") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport, auth=(key, ""), base_url="https://api.au1.cliniko.com/v1"
    )


async def get(api: httpx.AsyncClient, count: int) -> list[int]:
    answers = await asyncio.gather(*(api.get("/taxes") for _ in range(count)))
    return [answer.status_code for answer in answers]


async def test_a_clients_requests_keep_to_the_rate() -> None:
    server = Counting(latency=1)
    limited = LimitedTransport(server, rate_limit=RateLimit(5, per=10))
    async with client(limited) as api:
        assert await get(api, 12) == [200] * 12
    assert server.came[:5] == [0] * 5
    assert all(b - a >= 10 for a, b in zip(server.came, server.came[5:], strict=False))
    assert server.closed


async def test_a_client_and_a_session_with_one_key_share_an_allowance() -> None:
    server, rate = Counting(), RateLimit(3, per=10)
    async with (
        client(LimitedTransport(server, rate_limit=rate)) as api,
        AsyncCliniko(
            "MS0xOURS",
            user_agent=AGENT,
            rate_limit=rate,
            transport=server,
        ) as cliniko,
    ):
        await asyncio.gather(get(api, 2), *(cliniko.request("GET", "/taxes") for _ in range(2)))
    assert sum(at == 0 for at in server.came) == 3


async def test_other_keys_have_allowances_of_their_own() -> None:
    server, rate = Counting(), RateLimit(2, per=10)
    limited = LimitedTransport(server, rate_limit=rate)
    async with client(limited) as api:
        await get(api, 2)
        await api.get("/taxes", auth=("MS0xTHEIRS-au1", ""))
        await api.get("/taxes", headers={"Authorization": "Bearer x"}, auth=None)
    assert server.came == [0] * 4


async def test_one_name_makes_one_user_of_all_keys() -> None:
    server, rate = Counting(), RateLimit(1, per=10, user="ann")
    async with client(LimitedTransport(server, rate_limit=rate)) as api:
        await api.get("/taxes")
        await api.get("/taxes", auth=("MS0xOTHER-au1", ""))
    assert server.came == pytest.approx([0, 10.05], abs=0.01)


async def test_a_429_is_handed_over_and_holds_back_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    server = Counting()
    server.refuse = 1
    async with client(LimitedTransport(server, rate_limit=RateLimit(50, per=10))) as api:
        assert (await api.get("/taxes")).status_code == 429
        assert await get(api, 1) == [200]
    assert server.came == pytest.approx([0, 7], abs=0.01)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (httpx.ConnectError("no"), 0),
        (httpx.ReadError("no"), 30 + 60.05),
        (RuntimeError("no"), 30 + 60.05),
    ],
)
async def test_a_request_that_failed_holds_its_place_if_it_may_have_left(
    error: Exception, seconds: float
) -> None:
    server = Counting()
    server.error = error
    async with client(LimitedTransport(server, rate_limit=RateLimit(1))) as api:
        with pytest.raises(type(error)):
            await api.get("/taxes")
        server.error = None
        await api.get("/taxes")
    assert server.came == pytest.approx([0, seconds], abs=0.01)


async def test_a_cancelled_request_leaks_nothing() -> None:
    server = Counting(latency=100)
    async with client(LimitedTransport(server, rate_limit=RateLimit(1))) as api:
        with anyio.move_on_after(5):
            await api.get("/taxes")
        server.latency = 0
        await api.get("/taxes", timeout=None)
    assert server.came == pytest.approx([0, 5 + 30 + 60.05], abs=0.01)


async def test_a_body_that_is_not_read_keeps_its_connection_and_no_place() -> None:
    server = Counting()
    limited = LimitedTransport(server, rate_limit=RateLimit(5, per=10, in_flight=1, reserve=0))
    async with client(limited) as api:
        async with api.stream("GET", "/taxes"):
            waiting = asyncio.create_task(api.get("/taxes"))
            await anyio.sleep(3)
        await waiting
    assert server.came == pytest.approx([0, 3], abs=0.01)


async def test_max_wait_ends_as_httpx_ends_a_wait() -> None:
    limited = LimitedTransport(Counting(), rate_limit=RateLimit(1), max_wait=5)
    async with client(limited) as api:
        await api.get("/taxes")
        with pytest.raises(httpx.PoolTimeout, match="max_wait=5 s"):
            await api.get("/taxes")


async def test_processes_with_clients_share_places(tmp_path: Path) -> None:
    server, meeting, rate = Counting(), HostFile(tmp_path), RateLimit(4, per=10)
    apis = [
        client(LimitedTransport(server, rate_limit=rate, limiter=Process(meeting)))
        for _ in range(2)
    ]
    await asyncio.gather(*(get(api, 4) for api in apis))
    for api in apis:
        await api.aclose()
    assert sum(at == 0 for at in server.came) == 4


def test_with_httpxs_own_transport_on_a_real_socket() -> None:
    emulator = Emulator(limit=10, per=0.5, latency=0.01)
    heard: list[str] = []

    async def trace(event: str, _: object) -> None:
        heard.append(event)

    async def main() -> None:
        async with running(emulator) as base_url:
            limited = LimitedTransport(rate_limit=RateLimit(10, per=0.5))
            async with client(limited, "MS0xTEST-au2") as api:
                api.headers["User-Agent"] = "Tests (tests@example.com)"
                await asyncio.gather(*(api.get(f"{base_url}/settings") for _ in range(25)))
                await api.get(f"{base_url}/settings", extensions={"trace": trace})

    asyncio.run(main())
    assert emulator.report.statuses == {200: 26}
    assert emulator.report.busiest(0.5) <= 10
    assert "http11.send_request_headers.started" in heard


def test_arguments_that_cannot_be_right_are_refused() -> None:
    with pytest.raises(InvalidTypeError, match="asynchronous"):
        LimitedTransport(httpx.HTTPTransport())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point
    with pytest.raises(InvalidValueError, match="lane"):
        LimitedTransport(lane="fast")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # likewise
    with pytest.raises(InvalidTypeError, match="rate_limit"):
        LimitedTransport(rate_limit=200)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # likewise
    with pytest.raises(InvalidTypeError, match="limiter"):
        LimitedTransport(limiter=LocalLimiter)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # likewise
