"""Somebody else spends the same allowance: few 429s, a fair share, no memory of who has left."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Literal

import pytest
from processes import HostFile, Process

from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.limits import LocalLimiter, RateLimit
from cliniko_async.limits.local import forget

if TYPE_CHECKING:
    from pathlib import Path

    from cliniko_async.limits import Allowance, Limiter

Style = Literal["evenly", "at random", "at once"]


class Server:
    """A server with fixed windows, or sliding ones."""

    def __init__(self, limit: int, per: float, *, slides: bool) -> None:
        self._limit = limit
        self._per = per
        self._slides = slides
        self._now = asyncio.get_running_loop().time
        self._counted: list[float] = []

    def wait(self) -> float | None:
        """Count a request; seconds to wait if it is one too many."""
        now = self._now()
        begins = now - self._per if self._slides else now // self._per * self._per
        self._counted = [at for at in self._counted if at > begins or at == begins == now]
        if len(self._counted) < self._limit:
            self._counted.append(now)
            return None
        return (self._counted[0] if self._slides else begins) + self._per - now


async def spend(server: Server, count: int, per: float, style: Style) -> None:
    """What a stranger does."""
    random = Random(1)
    while True:
        for _ in range(count if style == "at once" else 1):
            server.wait()
        even = per if style == "at once" else per / count
        await asyncio.sleep(random.expovariate(1 / even) if style == "at random" else even)


async def call(allowance: Allowance, server: Server, latency: float, statuses: list[int]) -> None:
    while True:
        place = await allowance.acquire(lane="bulk")
        assert place.sent()
        await asyncio.sleep(latency / 2)
        wait = server.wait()
        await asyncio.sleep(latency / 2)
        statuses.append(429 if wait else 200)
        if wait:
            place.refused(wait)
        else:
            place.answered()
        place.close()
        if not wait:
            return


async def job(
    allowances: list[Allowance], server: Server, calls: int, per: float
) -> tuple[list[int], float]:
    """Statuses of our requests, and the seconds that they took."""
    random, statuses = Random(2), list[int]()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(
        *(
            call(
                allowances[n % len(allowances)],
                server,
                random.uniform(0, min(per / 20, 1)),
                statuses,
            )
            for n in range(calls)
        )
    )
    return statuses, asyncio.get_running_loop().time() - began


def run(
    rate: RateLimit, calls: int, *, slides: bool, style: Style | None, path: Path | None = None
) -> tuple[list[int], float]:
    async def main() -> tuple[list[int], float]:
        server = Server(rate.requests, rate.per, slides=slides)
        meeting = HostFile(path) if path else None
        limiters: list[Limiter] = [LocalLimiter()]
        if meeting:
            limiters = [Process(meeting, latency=0.001) for _ in range(3)]
        allowances = [limiter.open("somebody", rate) for limiter in limiters]
        stranger = None
        if style:
            stranger = asyncio.create_task(spend(server, rate.requests // 3, rate.per, style))
        done = await job(allowances, server, calls, rate.per)
        if stranger:
            stranger.cancel()
        for allowance in allowances:
            await allowance.aclose()
        return done

    forget()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())


@pytest.mark.parametrize("style", ["evenly", "at random", "at once"])
@pytest.mark.parametrize("slides", [False, True])
@pytest.mark.parametrize(("limit", "per", "calls"), [(200, 60, 1500), (20, 3, 75), (10, 1, 200)])
def test_few_requests_are_refused_while_a_stranger_takes_a_third(
    limit: int, per: float, calls: int, *, slides: bool, style: Style
) -> None:
    statuses, seconds = run(RateLimit(limit, per=per), calls, slides=slides, style=style)
    assert Counter(statuses)[429] / len(statuses) < 0.1
    # Two thirds are left to us.
    assert calls / (limit * 2 / 3) * per / seconds > 0.7


@pytest.mark.parametrize("slides", [False, True])
def test_processes_give_way_to_a_stranger_together(tmp_path: Path, *, slides: bool) -> None:
    rate = RateLimit(60, per=60)
    statuses, seconds = run(rate, 400, slides=slides, style="evenly", path=tmp_path)
    assert Counter(statuses)[429] / len(statuses) < 0.1
    assert 400 / 40 * 60 / seconds > 0.75


def test_without_a_stranger_nothing_is_given_up() -> None:
    statuses, seconds = run(RateLimit(), 2000, slides=True, style=None)
    assert 429 not in statuses
    assert (2000 / 200 - 1) * 60 / seconds > 0.98


def test_a_stranger_who_has_left_is_forgotten() -> None:
    """As after a restart, when an earlier run of the same program had used all."""

    async def main() -> float:
        allowance = LocalLimiter().open("somebody", RateLimit())
        server = Server(200, 60, slides=True)
        for _ in range(200):
            server.wait()
        statuses, seconds = await job([allowance], server, 2000, 60)
        assert Counter(statuses)[429] < 100
        await allowance.aclose()
        return seconds

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        # The first minute is the earlier run's.
        assert runner.run(main()) < 60 + 12 * 60
