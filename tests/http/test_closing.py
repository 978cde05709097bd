"""Calls that are waiting, in flight or between two tries when their session closes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from processes import HostFile, Process
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.errors import OutcomeUnknownError, SessionClosedError
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from cliniko_async.limits import Limiter

pytestmark = pytest.mark.anyio


class Slow(httpx.AsyncBaseTransport):
    """Answers after a while, and does not care that it is closed."""

    def __init__(self, status: int = 200, latency: float = 20) -> None:
        self.status = status
        self.latency = latency
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await anyio.sleep(self.latency)
        return httpx.Response(self.status, json={"taxes": [], "id": "1"}, request=request)


@pytest.fixture(params=["process", "shared"])
def limiter(request: pytest.FixtureRequest, tmp_path: Path) -> Limiter | None:
    return Process(HostFile(tmp_path)) if request.param == "shared" else None


async def closed(limiter: Limiter | None, transport: Slow, rate: RateLimit, *names: str) -> Any:
    """What becomes of calls whose session closes after 5 seconds, and how long that takes."""
    session = AsyncCliniko(
        "MS0xCLOSE-au1",
        user_agent=AGENT,
        transport=transport,
        rate_limit=rate,
        limiter=limiter,
    )
    async with session as cliniko:
        works: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "read": lambda: cliniko.request("GET", "/taxes"),
            "list": lambda: cliniko.taxes.list().all(),
            "scan": lambda: cliniko.taxes.scan().all(),
            "get": lambda: cliniko.taxes.get("1"),
            "create": lambda: cliniko.taxes.create(name="GST"),
            "archive": lambda: cliniko.request("DELETE", "/taxes/1"),
        }
        tasks = [asyncio.ensure_future(works[name]()) for name in names]
        await anyio.sleep(5)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(cliniko.aclose(), cliniko.aclose())
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert asyncio.get_running_loop().time() - began < 3
    return [type(error) for error in ended]


async def test_calls_in_flight(limiter: Limiter | None) -> None:
    names = ("read", "list", "scan", "get", "create", "archive")
    assert await closed(limiter, Slow(), RateLimit(), *names) == [
        *[SessionClosedError] * 4,
        *[OutcomeUnknownError] * 2,
    ]


async def test_calls_between_two_tries(limiter: Limiter | None) -> None:
    transport = Slow(503, latency=0)
    names = ("read", "list", "get", "archive")
    assert await closed(limiter, transport, RateLimit(), *names) == [
        *[SessionClosedError] * 3,
        OutcomeUnknownError,
    ]


async def test_calls_that_wait_for_a_place(limiter: Limiter | None) -> None:
    names = ("read", "create", "list", "archive")
    ended = await closed(limiter, Slow(latency=1), RateLimit(1, per=60), "read", *names)
    assert ended[1:] == [SessionClosedError] * 4


async def test_places_of_calls_that_were_ended_come_back_when_they_are_due() -> None:
    transport = Slow()
    assert await closed(None, transport, RateLimit(1, per=60), "read") == [SessionClosedError]
    transport.latency = 0
    async with AsyncCliniko(
        "MS0xCLOSE-au1",
        user_agent=AGENT,
        transport=transport,
        rate_limit=RateLimit(1, per=60),
    ) as cliniko:
        assert cliniko.limiter.free == 0
        await cliniko.request("GET", "/taxes")
    assert asyncio.get_running_loop().time() >= 5 + 30 + 60


async def test_a_session_that_was_never_opened_can_be_closed() -> None:
    await AsyncCliniko("MS0xCLOSE-au1", user_agent=AGENT).aclose()


async def test_a_callback_that_ends_the_program_leaks_no_place() -> None:
    class StopError(BaseException):
        pass

    def stop(_: object) -> None:
        raise StopError

    rate = RateLimit(1, per=10)
    async with AsyncCliniko(
        "MS0xCLOSE-au1",
        user_agent=AGENT,
        transport=Slow(latency=0),
        rate_limit=rate,
        on_wait=stop,
    ) as cliniko:
        await cliniko.request("GET", "/taxes")
        with pytest.raises(StopError):
            await cliniko.request("GET", "/taxes")
        assert cliniko.limiter.in_flight == 0
        assert cliniko.limiter.free == 1
