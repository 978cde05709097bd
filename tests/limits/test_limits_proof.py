"""Never over the limit, whatever happens: random crowds against the worst possible server."""

from __future__ import annotations

import asyncio
import itertools

from crowds import CUT_OFF, Call, Seen, calls, rates, use
from hypothesis import given, settings
from hypothesis import strategies as st

from cliniko_async.emulator.clock import VirtualClock, VirtualTimeLoop
from cliniko_async.limits import Allowance, LocalLimiter, RateLimit
from cliniko_async.limits.local import forget
from cliniko_async.limits.share import WINDOWS


async def make(allowance: Allowance, call: Call, seen: Seen) -> None:
    now = asyncio.get_running_loop().time
    await asyncio.sleep(call.at)
    asked = now()
    place = await allowance.acquire(lane=call.lane)
    seen.admitted.append((call.lane, asked, now()))
    await use(place, call, seen)


async def crowd(rate: RateLimit, sessions: int, crowd: list[Call], seen: Seen) -> None:
    loop = asyncio.get_running_loop()
    allowances = [LocalLimiter().open("somebody", rate) for _ in range(sessions)]
    tasks: list[asyncio.Task[None]] = []
    for number, call in enumerate(crowd):
        task = loop.create_task(make(allowances[number % sessions], call, seen))
        if call.ending == "cancelled":
            loop.call_later(call.at + call.cancelled_after, task.cancel)
        tasks.append(task)
    done = await asyncio.gather(*tasks, return_exceptions=True)
    seen.starved += sum(
        outcome is not None and call.ending != "cancelled"
        for outcome, call in zip(done, crowd, strict=True)
    )
    for allowance in allowances:
        await allowance.aclose()


async def free_at_last(rate: RateLimit) -> int:
    allowance = LocalLimiter().open("somebody", rate)
    # What was given up after a 429 is won back in so many windows.
    await asyncio.sleep(rate.per * (WINDOWS + 1) + CUT_OFF + 41)
    free = allowance.snapshot().free
    await allowance.aclose()
    return free


@settings(max_examples=300)
@given(
    rate=rates(),
    runs=st.lists(st.lists(calls, max_size=14), min_size=1, max_size=2),
    sessions=st.integers(1, 2),
)
def test_no_window_at_the_server_ever_holds_more_than_the_limit(
    rate: RateLimit, runs: list[list[Call]], sessions: int
) -> None:
    """Over sessions, event loops, latencies, cancellations, time-outs and 429s."""
    forget()
    clock, seen = VirtualClock(), Seen()
    for run in runs:
        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
            runner.run(crowd(rate, sessions, run, seen))
    assert seen.most_within(rate.per) <= rate.requests
    assert seen.starved == 0
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        assert runner.run(free_at_last(rate)) == rate.requests


@settings(max_examples=100)
@given(rate=rates(), run=st.lists(calls, max_size=14))
def test_within_a_lane_the_first_to_come_is_the_first_to_go(
    rate: RateLimit, run: list[Call]
) -> None:
    forget()
    seen = Seen()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(crowd(rate, 1, run, seen))
    for lane in ("interactive", "bulk"):
        by_arrival = sorted((asked, went) for own, asked, went in seen.admitted if own == lane)
        for (asked, went), (later, went_later) in itertools.pairwise(by_arrival):
            assert asked == later or went <= went_later
