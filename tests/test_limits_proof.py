"""Never over the limit, whatever happens: random crowds against the worst possible server."""

from __future__ import annotations

import asyncio
import itertools
from typing import Literal

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from cliniko_async.emulator.clock import VirtualClock, VirtualTimeLoop
from cliniko_async.limits import Allowance, Lane, LocalLimiter, Place, RateLimit

CUT_OFF = 30  # seconds after which the API gives up on a request, and until which it may count it

Ending = Literal["answered", "refused", "unsent", "lost", "cancelled"]


@attrs.frozen
class Call:
    """What one call does, in whole seconds: whole ones coincide, and coincidences find bugs."""

    at: int
    lane: Lane
    before_sending: int
    latency: int
    ending: Ending
    cancelled_after: int


@attrs.define
class Seen:
    """What the worst server sees: for each request, the moments at which it may count it."""

    counted: list[tuple[float, float]] = attrs.field(factory=list[tuple[float, float]])
    admitted: list[tuple[Lane, float, float]] = attrs.field(factory=list[tuple[Lane, float, float]])
    starved: int = 0

    def most_within(self, seconds: float) -> int:
        """The most requests that the server may have counted within one window.

        A request that may be counted at any moment of [sent, end] can be in the window
        [w, w + P) if sent < w + P and end >= w. Only windows that begin with some `end` matter.
        """
        ends = [end for _, end in self.counted]
        return max(
            (sum(sent < w + seconds and end >= w for sent, end in self.counted) for w in ends),
            default=0,
        )


calls = st.builds(
    Call,
    at=st.integers(0, 40),
    lane=st.sampled_from(["interactive", "bulk"]),
    before_sending=st.sampled_from([0, 0, 0, 1]),
    latency=st.sampled_from([0, 0, 1, 2, 5, 36]),
    ending=st.sampled_from(["answered"] * 5 + ["refused", "unsent", "lost", "cancelled"]),
    cancelled_after=st.integers(0, 40),
)


@st.composite
def rates(draw: st.DrawFn) -> RateLimit:
    requests = draw(st.integers(1, 6))
    return RateLimit(
        requests,
        per=draw(st.sampled_from([1, 4, 10, 60])),
        burst=draw(st.integers(1, requests)),
        reserve=draw(st.integers(0, requests - 1)),
        in_flight=draw(st.sampled_from([1, 3, 64])),
    )


async def use(place: Place, call: Call, seen: Seen) -> None:
    """Send a request on a place, as the transport does."""
    now = asyncio.get_running_loop().time
    sent = None
    try:
        await asyncio.sleep(call.before_sending)
        if call.ending == "unsent":
            place.unsent()
            return
        place.sent()
        sent = now()
        await asyncio.sleep(call.latency)
        if call.ending == "answered":
            place.answered()
        elif call.ending == "refused":
            place.refused(call.cancelled_after)
        else:
            return
        seen.counted.append((sent, now()))
        sent = None
    finally:
        place.close()
        if sent is not None:
            seen.counted.append((sent, max(now(), sent + CUT_OFF)))


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
    await asyncio.sleep(rate.per + CUT_OFF + 41)
    free = allowance.snapshot().free
    await allowance.aclose()
    return free


@settings(max_examples=300, deadline=None)
@given(
    rate=rates(),
    runs=st.lists(st.lists(calls, max_size=14), min_size=1, max_size=2),
    sessions=st.integers(1, 2),
)
def test_no_window_at_the_server_ever_holds_more_than_the_limit(
    rate: RateLimit, runs: list[list[Call]], sessions: int
) -> None:
    """Over sessions, event loops, latencies, cancellations, time-outs and 429s."""
    LocalLimiter.forget()
    clock, seen = VirtualClock(), Seen()
    for run in runs:
        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
            runner.run(crowd(rate, sessions, run, seen))
    assert seen.most_within(rate.per) <= rate.requests
    assert seen.starved == 0
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        assert runner.run(free_at_last(rate)) == rate.requests


@settings(max_examples=100, deadline=None)
@given(rate=rates(), run=st.lists(calls, max_size=14))
def test_within_a_lane_the_first_to_come_is_the_first_to_go(
    rate: RateLimit, run: list[Call]
) -> None:
    LocalLimiter.forget()
    seen = Seen()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(crowd(rate, 1, run, seen))
    for lane in ("interactive", "bulk"):
        by_arrival = sorted((asked, went) for own, asked, went in seen.admitted if own == lane)
        for (asked, went), (later, went_later) in itertools.pairwise(by_arrival):
            assert asked == later or went <= went_later
