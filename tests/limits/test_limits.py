"""The limiter of one process: lanes, bursts, pauses, sessions."""

from __future__ import annotations

import asyncio
import logging
import threading
from random import Random
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from crowds import answer, call

from cliniko_async.errors import InvalidTypeError, InvalidValueError, SessionClosedError
from cliniko_async.limits import Allowance, LocalLimiter, RateLimit
from cliniko_async.limits.allowance import PlaceTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cliniko_async.emulator.clock import VirtualClock

pytestmark = pytest.mark.anyio


def join(rate: RateLimit, user: str = "somebody") -> Allowance:
    return LocalLimiter().open(user, rate)


async def at_once(*calls: Awaitable[object]) -> None:
    await asyncio.gather(*calls)


async def test_a_full_burst_leaves_at_once_and_the_next_a_window_after_the_answers() -> None:
    allowance, went = join(RateLimit(5, per=10)), list[float]()
    await at_once(*(call(allowance, went, latency=1) for _ in range(10)))
    assert went[:5] == [0] * 5
    assert all(11 < moment < 11.1 for moment in went[5:])


async def test_a_small_burst_spaces_requests_evenly() -> None:
    allowance, went = join(RateLimit(10, per=10, burst=1)), list[float]()
    await at_once(*(call(allowance, went) for _ in range(5)))
    assert went == pytest.approx([0, 1, 2, 3, 4], abs=0.001)


async def test_interactive_calls_do_not_wait_for_tokens_that_bulk_has_spent() -> None:
    allowance, went = join(RateLimit(100, per=100, burst=1)), list[float]()
    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(call, allowance, list[float](), "bulk")
        await anyio.sleep(5.5)
        await call(allowance, went)
    assert went == pytest.approx([5.5], abs=0.001)


async def test_interactive_calls_find_the_reserve_while_bulk_saturates() -> None:
    allowance, went = join(RateLimit(200, per=60, reserve=10)), list[float]()
    asked: list[float] = []
    async with anyio.create_task_group() as tasks:
        for _ in range(1500):
            tasks.start_soon(call, allowance, list[float](), "bulk", 0.2)
        for _ in range(50):
            asked.append(asyncio.get_running_loop().time())
            await call(allowance, went, latency=0.2)
            await anyio.sleep(7)
    # The first may come when bulk has taken all: nobody had been seen that places are kept for.
    waits = [moment - ask for moment, ask in zip(went, asked, strict=True)]
    assert max(waits[1:]) < 0.1


async def test_bulk_is_not_starved_by_an_endless_flood_of_interactive_calls() -> None:
    allowance, went = join(RateLimit(11, per=10)), list[float]()

    async def flood() -> None:
        while True:
            await call(allowance, list[float]())

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(flood)
        await anyio.sleep(0.1)
        await at_once(*(call(allowance, went, "bulk") for _ in range(5)))
        tasks.cancel_scope.cancel()
    assert max(went) < 70


async def test_bulk_alone_uses_the_reserve_too() -> None:
    allowance, went = join(RateLimit(20, per=10, reserve=5)), list[float]()
    await at_once(*(call(allowance, went, "bulk") for _ in range(20)))
    assert went == [0] * 20


async def test_a_bulk_job_wastes_nothing_of_the_limit() -> None:
    """2,000 requests at latencies up to 1 s: at least 98 % of what the limit allows."""
    allowance, went = join(RateLimit()), list[float]()
    random = Random(1)
    latencies = [random.uniform(0, 1) for _ in range(2000)]
    await at_once(*(call(allowance, went, "bulk", latency) for latency in latencies))
    assert asyncio.get_running_loop().time() <= (2000 / 200 - 1) * 60 / 0.98


async def test_what_is_in_flight_is_bounded() -> None:
    allowance, went = join(RateLimit(100, in_flight=7, reserve=0)), list[float]()
    await at_once(*(call(allowance, went, latency=1) for _ in range(21)))
    assert went == [0] * 7 + [1] * 7 + [2] * 7


async def test_sessions_of_one_user_share_the_places_and_others_do_not_wait() -> None:
    rate, went, others = RateLimit(3, per=10), list[float](), list[float]()
    first, second, other = join(rate), join(rate), join(rate, "somebody else")
    await at_once(
        *(call(allowance, went) for allowance in (first, second) for _ in range(3)),
        *(call(other, others) for _ in range(3)),
    )
    assert sum(moment == 0 for moment in went) == 3
    assert others == [0] * 3


async def test_two_open_sessions_cannot_give_one_user_different_rates() -> None:
    first = join(RateLimit(3, per=10))
    with pytest.raises(InvalidValueError, match="same RateLimit"):
        join(RateLimit(4, per=10))
    await call(first, [])
    await first.aclose()
    assert join(RateLimit(4, per=10)).snapshot().free == 3


def test_a_second_event_loop_goes_on_where_the_first_one_ended(
    anyio_backend: tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]],
) -> None:
    rate, went = RateLimit(3, per=10), list[float]()

    async def main() -> None:
        allowance = join(rate)
        await at_once(*(call(allowance, went) for _ in range(3)))
        await allowance.aclose()

    for _ in range(2):
        with asyncio.Runner(loop_factory=anyio_backend[1]["loop_factory"]) as runner:
            runner.run(main())
    assert went[:3] == [0] * 3
    assert min(went[3:]) >= 10


def test_a_loop_that_died_in_mid_flight_takes_no_places_with_it(
    anyio_backend: tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]],
    clock: VirtualClock,
) -> None:
    make_loop = anyio_backend[1]["loop_factory"]

    async def die() -> None:
        allowance = join(RateLimit(3, per=10))
        (await allowance.acquire()).sent()
        await allowance.acquire()

    loop = make_loop()
    loop.run_until_complete(die())
    loop.close()
    clock.now += 1

    async def live() -> tuple[int, int]:
        allowance = join(RateLimit(3, per=10))
        before = allowance.snapshot().free
        await anyio.sleep(40)
        return before, allowance.snapshot().free

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(live()) == (2, 3)


def test_threads_with_loops_of_their_own_share_the_places() -> None:
    """On the real clock, with a window of half a second: sixty calls from three threads."""
    went: list[float] = []

    async def main() -> None:
        allowance = join(RateLimit(10, per=0.5))
        await at_once(*(call(allowance, went) for _ in range(20)))
        await allowance.aclose()

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    went.sort()
    assert len(went) == 60
    assert all(later - moment >= 0.5 for moment, later in zip(went, went[10:], strict=False))


def test_a_place_given_back_in_one_thread_wakes_a_call_that_waits_in_another() -> None:
    held, waiting = threading.Event(), threading.Event()

    async def hold() -> None:
        place = await join(RateLimit(1)).acquire()
        held.set()
        await asyncio.to_thread(waiting.wait)
        place.unsent()

    async def wait() -> None:
        allowance = join(RateLimit(1))
        asking = asyncio.create_task(allowance.acquire(max_wait=30))
        while not allowance.snapshot().waiting["interactive"]:  # noqa: ASYNC110 - one pass of the loop
            await asyncio.sleep(0)
        waiting.set()
        await asking

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    held.wait()
    asyncio.run(wait())
    holder.join()


async def test_a_call_cancelled_just_before_a_place_comes_free_is_passed_over() -> None:
    allowance, went = join(RateLimit(1, per=10)), list[float]()
    place = await allowance.acquire()
    first, second = (asyncio.create_task(call(allowance, went)) for _ in range(2))
    await anyio.sleep(1)
    first.cancel()
    place.unsent()
    await second
    assert went == [1]


async def test_a_place_that_cools_long_holds_up_none_that_cools_shorter() -> None:
    allowance, went = join(RateLimit(2, per=10)), list[float]()
    lost, answered = await allowance.acquire(), await allowance.acquire()
    for place in (lost, answered):
        place.sent()
    lost.lost()
    answered.answered()
    await call(allowance, went)
    assert went == pytest.approx([10.05], abs=0.01)


async def test_a_crowd_cancelled_while_it_waits_leaves_no_trace() -> None:
    allowance = join(RateLimit(2, per=10))
    await at_once(call(allowance, []), call(allowance, []))
    tasks = [asyncio.create_task(call(allowance, [])) for _ in range(100)]
    await anyio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert allowance.snapshot().waiting == {"interactive": 0, "bulk": 0}
    went: list[float] = []
    await at_once(call(allowance, went), call(allowance, went))
    assert max(went) < 10.1


async def test_a_place_granted_to_a_call_that_was_cancelled_meanwhile_is_free_at_once() -> None:
    allowance = join(RateLimit(1, per=10))
    await call(allowance, [])
    task = asyncio.create_task(call(allowance, []))
    await anyio.sleep(1)
    # In one sweep of the loop: the timer grants the place, then the task is cancelled.
    loop = asyncio.get_running_loop()
    loop.call_at(10.05, task.cancel)
    await asyncio.wait({task})
    assert allowance.snapshot().free == 1


async def test_an_unanswered_request_holds_its_place_for_as_long_as_it_may_be_counted() -> None:
    allowance, went = join(RateLimit(1, per=10)), list[float]()
    place = await allowance.acquire()
    place.sent()
    await anyio.sleep(5)
    place.lost()
    place.close()
    await call(allowance, went)
    assert went == pytest.approx([30 + 10 + 0.05], abs=0.01)


async def test_a_request_that_never_left_gives_its_place_back_at_once() -> None:
    allowance = join(RateLimit(1, per=10))
    place = await allowance.acquire()
    place.unsent()
    place.close()
    assert allowance.snapshot().free == 1


async def test_after_a_429_all_wait_then_one_goes_first_then_the_rest_evenly() -> None:
    allowance, went = join(RateLimit(10, per=10)), list[float]()
    place = await allowance.acquire()
    place.sent()
    place.refused(20)
    place.close()
    await at_once(*(call(allowance, went, latency=3) for _ in range(4)))
    assert went == pytest.approx([20, 24, 25, 26], abs=0.01)


async def test_a_probe_that_meets_another_429_starts_the_pause_anew() -> None:
    allowance, went = join(RateLimit(10, per=10)), list[float]()
    (await allowance.acquire()).refused(5)
    probe = await allowance.acquire()
    assert asyncio.get_running_loop().time() == pytest.approx(5)
    waiting = asyncio.create_task(call(allowance, went))
    await anyio.sleep(1)
    probe.refused(7)
    probe.close()
    await waiting
    assert went == pytest.approx([13], abs=0.01)


async def test_a_probe_that_gets_lost_is_followed_by_another_one() -> None:
    allowance, went = join(RateLimit(10, per=10)), list[float]()
    (await allowance.acquire()).refused(5)
    probe = await allowance.acquire()
    waiting = asyncio.create_task(call(allowance, went))
    await anyio.sleep(1)
    probe.sent()
    probe.close()
    await waiting
    assert went == pytest.approx([6], abs=0.01)


async def test_several_429s_at_a_time_do_not_add_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="cliniko_async.limits")
    allowance, went = join(RateLimit(10, per=10)), list[float]()
    for place in [await allowance.acquire() for _ in range(3)]:
        place.refused(20)
        place.close()
    await call(allowance, went)
    assert went == pytest.approx([20], abs=0.01)
    assert len(caplog.records) == 1
    assert "20.0 s" in caplog.text


async def test_a_429_that_names_no_end_pauses_for_a_quarter_of_the_window() -> None:
    allowance, went = join(RateLimit(10, per=10)), list[float]()
    (await allowance.acquire()).refused(None)
    await call(allowance, went)
    assert went == pytest.approx([2.5], abs=0.01)


async def test_a_wait_ends_as_soon_as_it_is_certain_to_be_in_vain() -> None:
    allowance = join(RateLimit(2, per=60))
    slow = [asyncio.create_task(call(allowance, [], latency=latency)) for latency in (1, 2)]
    await anyio.lowlevel.checkpoint()
    now = asyncio.get_running_loop().time
    with pytest.raises(PlaceTimeoutError) as caught:
        await allowance.acquire(max_wait=30)
    # With both answered nothing comes back before 61 s: until then, either might not have left.
    assert now() == pytest.approx(2)
    assert caught.value.next_place == pytest.approx(59, abs=0.1)
    place = await allowance.acquire(max_wait=60)
    place.close()
    await at_once(*slow)


async def test_max_wait_ends_a_wait_and_says_when_to_come_again() -> None:
    allowance = join(RateLimit(1, per=10))
    place = await allowance.acquire()
    with pytest.raises(PlaceTimeoutError):
        await allowance.acquire(max_wait=3)
    assert asyncio.get_running_loop().time() == pytest.approx(3)
    await answer(place)
    # Now it is certain that 3 seconds are not enough: nobody needs to wait to find out.
    with pytest.raises(PlaceTimeoutError) as refused:
        await allowance.acquire(max_wait=3)
    assert asyncio.get_running_loop().time() == pytest.approx(3)
    assert refused.value.next_place == pytest.approx(10.05)


async def test_a_closed_session_lets_its_waiting_calls_go() -> None:
    rate = RateLimit(1, per=10)
    closing, staying = join(rate), join(rate)
    await call(closing, [])
    went: list[float] = []
    lost = asyncio.create_task(call(closing, []))
    kept = asyncio.create_task(call(staying, went))
    await anyio.sleep(1)
    await closing.aclose()
    with pytest.raises(SessionClosedError):
        await lost
    await kept
    assert went == pytest.approx([10.05], abs=0.01)


async def test_a_thousand_waiting_calls_cost_a_look_a_place_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    timers = 0
    original = loop.call_at

    def count(*args: object, **options: object) -> asyncio.TimerHandle:
        nonlocal timers
        timers += 1
        return original(*args, **options)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # handed on

    allowance = join(RateLimit(10, per=10))
    tasks = [asyncio.create_task(call(allowance, [])) for _ in range(1000)]
    await anyio.sleep(1)
    monkeypatch.setattr(loop, "call_at", count)
    await anyio.sleep(100)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert timers < 100 * 3


async def test_the_snapshot_shows_how_the_allowance_stands() -> None:
    allowance = join(RateLimit(3, per=10))
    await call(allowance, [])
    places = [await allowance.acquire(), await allowance.acquire()]
    waiting = [asyncio.create_task(call(allowance, [], lane)) for lane in ("bulk", "interactive")]
    await anyio.sleep(2)
    shown = allowance.snapshot()
    assert (shown.free, shown.in_flight) == (0, 2)
    assert shown.waiting == {"interactive": 1, "bulk": 1}
    assert shown.next_place == pytest.approx(8.05)
    for place in places:
        place.close()
    await asyncio.gather(*waiting)


async def test_a_long_wait_is_logged_once_for_a_crowd_and_names_no_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="cliniko_async.limits")
    allowance = join(RateLimit(5, per=10), user="MS0xSECRET")
    await at_once(*(call(allowance, []) for _ in range(12)))
    assert len(caplog.records) == 2
    assert "10.1 s" in caplog.records[0].getMessage()
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"requests": 0}, InvalidValueError),
        ({"requests": "200"}, InvalidTypeError),
        ({"per": 0}, InvalidValueError),
        ({"per": float("nan")}, InvalidValueError),
        ({"per": "60"}, InvalidTypeError),
        ({"burst": 0}, InvalidValueError),
        ({"burst": 201}, InvalidValueError),
        ({"reserve": 200}, InvalidValueError),
        ({"reserve": -1}, InvalidValueError),
        ({"in_flight": 0}, InvalidValueError),
        ({"user": ""}, InvalidValueError),
    ],
)
async def test_a_rate_that_cannot_be_right_is_refused(
    wrong: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error, match="RateLimit"):
        RateLimit(**wrong)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point
