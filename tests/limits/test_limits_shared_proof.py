"""Never over the limit, in several processes: random crowds, and the stores against a ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest
from crowds import Call, Seen, calls, rates, use
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import Failing, Meeting, Process, met

from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.limits.leased_places import LEASE
from cliniko_async.limits.share import WINDOWS
from cliniko_async.limits.store import Question

if TYPE_CHECKING:
    from cliniko_async.limits import Allowance, RateLimit

meeting = pytest.fixture(met, params=["redis", "host"], scope="module")

FAILINGS: list[Failing] = ["before", "after"]


async def make(allowance: Allowance, call: Call, seen: Seen) -> None:
    await asyncio.sleep(call.at)
    await use(await allowance.acquire(lane=call.lane), call, seen)


@attrs.frozen
class Run:
    """A process, and what becomes of it and of its calls to the server."""

    calls: list[Call]
    latency: float
    fails: list[Failing]
    dies_at: int | None


runs = st.builds(
    Run,
    calls=st.lists(calls, max_size=8),
    latency=st.sampled_from([0, 0, 0.01, 1]),
    fails=st.lists(st.sampled_from(FAILINGS), max_size=3),
    dies_at=st.sampled_from([None, None, None, 0, 1, 3, 10]),
)


async def run_process(meeting: Meeting, rate: RateLimit, run: Run, seen: Seen) -> None:
    process = Process(meeting, latency=run.latency, patience=1000)
    allowance = process.open("somebody", rate)
    store = process.stores[0]
    store.fails = list(run.fails)
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(make(allowance, call, seen)) for call in run.calls]
    for call, task in zip(run.calls, tasks, strict=True):
        if call.ending == "cancelled":
            loop.call_later(call.at + call.cancelled_after, task.cancel)
    if run.dies_at is not None:
        await asyncio.sleep(run.dies_at)
        store.is_dead = True
        for task in tasks:
            task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    if run.dies_at is None:
        seen.starved += sum(
            outcome is not None and call.ending != "cancelled"
            for outcome, call in zip(done, run.calls, strict=True)
        )
    await allowance.aclose()


async def free_at_last(meeting: Meeting, rate: RateLimit) -> int:
    await asyncio.sleep(rate.per * (WINDOWS + 1) + LEASE + 41)
    allowance = Process(meeting).open("somebody", rate)
    (await allowance.acquire()).unsent()
    free = allowance.snapshot().free
    await allowance.aclose()
    return free + 1


async def crowd(meeting: Meeting, rate: RateLimit, crowds: list[Run], seen: Seen) -> None:
    await asyncio.gather(*(run_process(meeting, rate, run, seen) for run in crowds))
    assert await free_at_last(meeting, rate) == rate.requests


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=rates(), crowds=st.lists(runs, min_size=1, max_size=3))
def test_processes_together_never_exceed_the_limit(
    meeting: Meeting, rate: RateLimit, crowds: list[Run]
) -> None:
    """Over latencies, lost calls to the store, 429s, cancellations, and processes that die."""
    meeting.empty()
    seen = Seen()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(crowd(meeting, rate, crowds, seen))
    assert seen.most_within(rate.per) <= rate.requests
    assert seen.starved == 0


@attrs.frozen
class Step:
    """What happens next: time passes, somebody asks, some places are answered, or a 429 is seen."""

    passes: int
    interactive: int
    bulk: int
    answered: int
    left: int
    refused: int | None
    refusals: int


steps = st.builds(
    Step,
    passes=st.integers(0, 20),
    interactive=st.integers(0, 4),
    bulk=st.integers(0, 4),
    answered=st.integers(0, 4),
    left=st.sampled_from([0, 1, 10]),
    refused=st.sampled_from([None] * 9 + [5]),
    refusals=st.integers(1, 3),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(steps, max_size=20), reserve=st.integers(0, 2))
def test_a_store_gives_what_is_free_and_no_more(
    meeting: Meeting, steps: list[Step], reserve: int
) -> None:
    """Held against a ledger of who has which place until when."""
    meeting.empty()
    answer = meeting.store("somebody")
    now, number, pause, seen, row = 1000, 0, 0, -1000, 0
    left, least, left_at = 5, 1, 0
    until: dict[str, float] = {}
    for step in steps:
        now += step.passes
        until = {name: moment for name, moment in until.items() if moment > now}
        back = dict.fromkeys(list(until)[: step.answered], float(step.left))
        until |= {name: now + left for name, left in back.items()}
        until = {name: moment for name, moment in until.items() if moment > now}
        seen = now if step.interactive else seen
        ours = min(5, left + 5 * (now - left_at) ** 2 // 6400)
        if step.refused:
            if now >= pause:
                least, left_at = max(ours // 2, 1), now
                left = max((len(until) - 1) * 7 // 8, least) + 1
            left = max(left - step.refusals, least)
            ours = min(5, left + 5 * (now - left_at) ** 2 // 6400)
            pause = max(pause, now + step.refused)
        question = Question(
            limit=5,
            per=10,
            lease=30,
            reserve=reserve,
            interactive=step.interactive,
            bulk=step.bulk,
            name="me",
            first=number,
            refused=step.refused,
            refusals=step.refusals if step.refused else 0,
            seen=0 if step.interactive else None,
            back=back,
            now=now,
        )
        reply = answer(question)
        free = 0 if now < pause else ours - len(until)
        turn = max(min(step.bulk, free, 1), 0) if row >= 10 else 0
        interactive = max(min(step.interactive, free - turn), 0)
        spare = free - interactive - turn - (reserve if now < seen + 10 else 0)
        bulk = turn + max(min(step.bulk - turn, spare), 0)
        assert reply.given == interactive + bulk
        row = interactive if bulk else row + interactive
        until |= {f"me:{number + n}": now + 30 for n in range(reply.given)}
        number += reply.given
        assert reply.free == ours - len(until)
        assert reply.pause == pause
        if reply.free > 0 and now >= pause:
            assert reply.wait == 0
        else:
            moments = sorted(until.values())
            next_back = next(iter(moments[max(len(until) - ours, 0) :]), now + 10) - now
            wait = pause - now if now < pause else min(next_back, 10)
            assert reply.wait <= wait
            assert reply.wait == wait or (ours < 5 and now >= pause)
        assert reply.wait_bulk >= reply.wait
