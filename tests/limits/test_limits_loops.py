"""Loops, threads and forks: who shares, who starts clean, and what comes back of who ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from crowds import answer, call

from cliniko_async.errors import InvalidValueError, SessionClosedError
from cliniko_async.limits import LocalLimiter, RateLimit
from cliniko_async.limits import local as local_module
from cliniko_async.limits.clock import clock_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from cliniko_async.limits import Allowance

RATE = RateLimit(5, per=60)


def join(rate: RateLimit = RATE, user: str = "somebody") -> Allowance:
    return LocalLimiter().open(user, rate)


@pytest.mark.anyio
async def test_closing_twice_closes_once() -> None:
    first, second = join(), join()
    await first.aclose()
    await first.aclose()
    with pytest.raises(InvalidValueError, match="same RateLimit"):
        join(RateLimit(6, per=60))
    with pytest.raises(SessionClosedError):
        await first.acquire()
    held = [await second.acquire() for _ in range(5)]
    third = join()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0)
    held[0].unsent()
    (await asyncio.wait_for(waiting, 1)).unsent()
    await second.aclose()
    await third.aclose()


@pytest.mark.anyio
async def test_users_without_sessions_and_places_are_forgotten() -> None:
    for number in range(50):
        allowance = join(user=f"user {number}")
        await answer(await allowance.acquire())
        await allowance.aclose()
    await asyncio.sleep(61)
    for number in range(50):
        await join(user=f"other {number}").aclose()
    known = vars(local_module)["_ledgers"].by_user
    assert not [name for name in known if name.startswith("user")]
    assert len(known) < 10


def test_places_of_a_loop_that_ended_come_back_without_a_new_session(
    anyio_backend: tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]],
) -> None:
    make_loop = anyio_backend[1]["loop_factory"]

    async def die() -> None:
        allowance = join()
        for _ in range(4):
            assert (await allowance.acquire()).sent()
        await allowance.acquire()

    async def live() -> None:
        staying = join()
        loop = make_loop()
        thread = threading.Thread(target=lambda: (loop.run_until_complete(die()), loop.close()))
        thread.start()
        thread.join()
        waiting = asyncio.create_task(staying.acquire())
        (await waiting).unsent()  # the one that was never sent
        assert asyncio.get_running_loop().time() < 2
        await asyncio.sleep(92)
        assert staying.snapshot().free == 5
        await staying.aclose()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(live())


class LateLoop(asyncio.SelectorEventLoop):
    """A loop whose clock is an hour ahead."""

    def time(self) -> float:
        return time.monotonic() + 3600


@pytest.mark.parametrize("other", [LateLoop, "uvloop"])
def test_loops_with_different_clocks_share_places_truthfully(other: object) -> None:
    """In real time, with a window of half a second."""
    factory: Callable[[], asyncio.AbstractEventLoop] = LateLoop
    if other == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    rate, went = RateLimit(4, per=0.5), list[float]()

    async def main() -> None:
        allowance = join(rate)
        barrier.wait()

        async def one() -> None:
            place = await allowance.acquire()
            went.append(time.monotonic())
            await answer(place)

        await asyncio.gather(*(one() for _ in range(6)))
        await allowance.aclose()

    def work(make: Callable[[], asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(main())

    barrier = threading.Barrier(2)
    threads = [
        threading.Thread(target=work, args=(make,)) for make in (asyncio.new_event_loop, factory)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    went.sort()
    assert len(went) == 12
    assert all(later - moment >= 0.5 for moment, later in zip(went, went[4:], strict=False))


def test_uvloops_clock_is_not_trusted_within_a_round() -> None:
    loop = pytest.importorskip("uvloop").new_event_loop()
    assert clock_of(loop) is time.monotonic
    loop.close()


@pytest.mark.anyio
async def test_a_request_that_may_have_left_late_holds_its_place_for_longer() -> None:
    """On a transport that does not tell when the connection stands."""
    allowance, went = join(RateLimit(1, per=60)), list[float]()
    place = await allowance.acquire()
    assert place.sent(connected=False)
    await asyncio.sleep(12)
    place.close()
    await call(allowance, went)
    assert went == pytest.approx([12 + 30 + 60.05], abs=0.01)
    await allowance.aclose()


@pytest.mark.anyio
async def test_a_request_whose_connection_is_seen_at_last_holds_it_from_then() -> None:
    allowance, went = join(RateLimit(1, per=60)), list[float]()
    place = await allowance.acquire()
    assert place.sent(connected=False)
    await asyncio.sleep(2)
    assert place.sent()
    await asyncio.sleep(10)
    place.close()
    await call(allowance, went)
    assert went == pytest.approx([2 + 30 + 60.05], abs=0.01)
    await allowance.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [121, 1.7e12, float("inf"), float("nan"), -1e9, -float("inf")])
async def test_a_wait_that_cannot_be_right_is_taken_as_unknown(
    seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="cliniko_async.limits")
    allowance, went = join(RateLimit(5, per=60)), list[float]()
    (await allowance.acquire()).refused(seconds)
    await call(allowance, went)
    assert went == pytest.approx([15], abs=0.01)
    assert "cannot be right" in caplog.text
    await allowance.aclose()


# Forks


def child_says(pipe: Connection) -> None:
    """What a forked child finds."""
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("cliniko_async.limits").addHandler(handler)

    async def main() -> tuple[int, int]:
        one, other = join(RateLimit(7, per=60)), join(RateLimit(7, per=60))
        shown = one.snapshot()
        await one.aclose()
        await other.aclose()
        return shown.free, shown.in_flight

    pipe.send((*asyncio.run(main()), logged))
    pipe.close()
    gc.disable()
    os._exit(0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_starts_clean_and_says_so_once() -> None:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    async def main() -> None:
        allowance = join()
        places = [await allowance.acquire() for _ in range(3)]
        for place in places:
            assert place.sent()
        child = context.Process(target=child_says, args=(theirs,))
        child.start()
        assert await asyncio.to_thread(ours.poll, 30)
        free, in_flight, logged = ours.recv()
        child.join(30)
        assert (free, in_flight) == (7, 0)
        assert len(logged) == 1
        assert "HostLimiter" in logged[0]
        assert allowance.snapshot().in_flight == 3
        for place in places:
            place.close()
        await allowance.aclose()

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_shares_the_hosts_file(tmp_path: Path) -> None:
    from cliniko_async.limits import HostLimiter  # noqa: PLC0415 - a limiter of its own

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    limiter = HostLimiter(tmp_path / "limits.sqlite")

    async def take(count: int) -> int:
        allowance = limiter.open("somebody", RATE)
        for _ in range(count):
            await answer(await allowance.acquire())
        free = allowance.snapshot().free
        await allowance.aclose()
        return free

    def child() -> None:
        theirs.send(asyncio.run(take(1)))
        os._exit(0)

    async def main() -> None:
        allowance = limiter.open("somebody", RATE)
        await answer(await allowance.acquire())
        await answer(await allowance.acquire())
        process = context.Process(target=child)
        process.start()
        assert await asyncio.to_thread(ours.poll, 30)
        free = ours.recv()
        process.join(30)
        assert free <= 3  # the two that are leased here at the least are not there
        await answer(await allowance.acquire())
        await allowance.aclose()

    asyncio.run(main())
    assert asyncio.run(take(0)) >= 0
    assert asyncio.run(take(1)) == 0
