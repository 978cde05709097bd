"""Gets that wait together travel together, and nobody can tell but by the number of requests."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idserver import IdServer, session

from cliniko_async import (
    ApiError,
    DecodeError,
    ForbiddenError,
    NotFoundError,
    RateLimit,
    RateLimitError,
    RequestBudgetError,
    ServerError,
    SessionClosedError,
    Tax,
    TransportError,
)
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.clock import VirtualClock, VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async import AsyncCliniko

pytestmark = pytest.mark.anyio


async def outcomes(cliniko: AsyncCliniko, ids: Sequence[str], **options: Any) -> list[str | type]:
    """What becomes of gets of all these ids at once: ids of records, or types of errors."""
    found = await asyncio.gather(
        *(cliniko.taxes.get(id, **options) for id in ids), return_exceptions=True
    )
    return [type(one) if isinstance(one, BaseException) else one.id for one in found]


async def spend(cliniko: AsyncCliniko, requests: int) -> None:
    """Use up places, so that whoever comes next has to wait."""
    alone = cliniko.with_options(batch_gets=False)
    await asyncio.gather(*(alone.taxes.get("1") for _ in range(requests)))


async def test_a_thousand_gathered_gets_cost_ten_requests() -> None:
    server = IdServer(1000)
    ids = [str(id) for id in range(1000, 0, -1)]
    async with session(server) as cliniko:
        assert await outcomes(cliniko, ids) == ids
    assert len(server.asked) == 10


async def test_one_get_after_the_other_is_sent_as_it_is_written() -> None:
    server = IdServer(5)
    async with session(server) as cliniko:
        for id in ("1", "2", "3"):
            await cliniko.taxes.get(id)
        await asyncio.gather(cliniko.taxes.get("4"), cliniko.taxes.get("4"))
    assert server.asked == [["1"], ["2"], ["3"], ["4"]]
    assert not any(server.batches)


async def test_gets_can_be_kept_apart() -> None:
    server = IdServer(5)
    async with session(server) as cliniko:
        ids = ["1", "2", "2", "3"]
        assert await outcomes(cliniko.with_options(batch_gets=False), ids) == ids
    assert not any(server.batches)
    assert len(server.asked) == 4


async def test_web_requests_that_come_one_by_one_are_served_by_the_hundred() -> None:
    server = IdServer(1000)
    ids = [str(id) for id in range(1, 1001)]
    async with session(server, RateLimit(20)) as cliniko:
        await spend(cliniko, 20)
        sent = len(server.asked)

        async def visit(id: str) -> str:
            await asyncio.sleep(int(id) / 20)  # all of them while the limit is spent
            return (await cliniko.taxes.get(id)).id

        assert await asyncio.gather(*map(visit, ids)) == ids
        assert len(server.asked) - sent == 10
        assert asyncio.get_running_loop().time() < 65


@pytest.mark.parametrize("max_wait", [None, 100.0])
async def test_the_first_place_takes_along_whoever_waits(max_wait: float | None) -> None:
    server = IdServer(40)
    async with session(server, RateLimit(1)) as cliniko:
        await spend(cliniko, 1)
        job = cliniko.with_options(lane="bulk")
        person = cliniko.with_options(max_wait=max_wait) if max_wait else cliniko
        waiting = [asyncio.ensure_future(job.taxes.get(str(id))) for id in range(1, 21)]
        await asyncio.sleep(1)
        for id in range(21, 41):
            waiting.append(asyncio.ensure_future(person.taxes.get(str(id))))
            await asyncio.sleep(0.1)
        assert [record.id for record in await asyncio.gather(*waiting)] == list(server.rows)
        assert cliniko.limiter.waiting == {"interactive": 0, "bulk": 0}
    assert len(server.asked) == 2


async def test_each_wait_ends_by_its_own_max_wait() -> None:
    server = IdServer(3)
    async with session(server, RateLimit(1)) as cliniko:
        await spend(cliniko, 1)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        ended: dict[str, float] = {}

        async def ask(id: str, max_wait: float | None) -> str | type:
            view = cliniko.with_options(max_wait=max_wait)
            outcome = (await outcomes(view, [id]))[0]
            ended[id] = loop.time() - begun
            return outcome

        waits = [("1", None), ("2", 5.0), ("3", 70.0)]
        assert await asyncio.gather(*(ask(*wait) for wait in waits)) == ["1", RateLimitError, "3"]
        assert ended["2"] <= 5.1
        assert 60 <= ended["1"] == ended["3"]
    assert server.asked[1:] == [["1", "3"]]


async def test_who_asks_later_with_the_same_max_wait_waits_longer() -> None:
    server = IdServer(3, latency=30.0)
    async with session(server, RateLimit(1)) as cliniko:
        first = asyncio.ensure_future(cliniko.taxes.get("3"))
        view = cliniko.with_options(max_wait=80)
        await asyncio.sleep(1)
        early = asyncio.ensure_future(outcomes(view, ["1"]))
        await asyncio.sleep(14)
        late = asyncio.ensure_future(outcomes(view, ["2"]))  # there is a place after 90 seconds
        assert await early == [RateLimitError]
        assert await late == ["2"]
        await first


async def test_max_wait_holds_for_an_id_that_is_asked_for_twice() -> None:
    server = IdServer(3)
    server.archived |= {"2"}
    async with session(server, RateLimit(1)) as cliniko:
        await spend(cliniko, 1)
        view = cliniko.with_options(max_wait=70)
        assert await outcomes(view, ["1", "2"]) == ["1", RateLimitError]
        assert asyncio.get_running_loop().time() <= 71


async def test_a_person_does_not_wait_for_a_ride_of_a_job() -> None:
    server = IdServer(3)
    async with session(server, RateLimit(1)) as cliniko:
        await spend(cliniko, 1)
        job = cliniko.with_options(lane="bulk", batch_gets=False)
        before = [asyncio.ensure_future(job.taxes.get("3")) for _ in range(3)]
        waiting = [asyncio.ensure_future(cliniko.with_options(lane="bulk").taxes.get("1"))]
        await asyncio.sleep(1)
        waiting.append(asyncio.ensure_future(cliniko.taxes.get("2")))
        await asyncio.gather(*waiting)
        assert server.asked == [["1"], ["2", "1"]]
        for task in before:
            task.cancel()


async def test_an_id_that_is_not_in_the_answer_is_asked_for_by_itself() -> None:
    server = IdServer(10)
    server.archived |= {"3"}
    async with session(server) as cliniko:
        ids = ["1", "2", "3", "11", "12"]
        with pytest.raises(NotFoundError) as caught:
            await asyncio.gather(*(cliniko.taxes.get(id) for id in ids))
        assert caught.value.ids == ("3",)
        assert caught.value.path == "/taxes/{id}"
        server.asked.clear()
        assert await outcomes(cliniko, ids) == ["1", "2", *[NotFoundError] * 3]
        assert sorted(map(len, server.asked)) == [1, 1, 1, 5]


async def test_hidden_records_are_found_where_they_are_included() -> None:
    clinic = Clinic.seeded(patients=20, appointments=0)
    patients = [row["id"] for row in clinic.records("patients")]
    transport = Emulator(clinic).transport()
    async with session(transport) as cliniko:
        await cliniko.patients.archive(patients[0])
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(cliniko.patients.get(id, include={"archived"}))
                for id in patients[:5]
            ]
        assert [task.result().id for task in tasks] == patients[:5]
        sent = cliniko.traffic.requests
        hidden, shown = await asyncio.gather(
            *(cliniko.patients.get(id) for id in patients[:2]), return_exceptions=True
        )
        assert isinstance(hidden, NotFoundError)
        assert not isinstance(shown, BaseException)
        assert cliniko.traffic.requests - sent == 2


async def test_errors_are_each_caller_s_own() -> None:
    server = IdServer(3)
    server.spoil = lambda _ids, _is_batch: httpx.Response(401, json={})
    async with session(server) as cliniko:
        errors = await asyncio.gather(
            *(cliniko.taxes.get(id) for id in ("1", "2", "3")), return_exceptions=True
        )
        assert len({id(error) for error in errors}) == 3
        assert {type(error).__name__ for error in errors} == {"AuthenticationError"}
        assert len(server.asked) == 1
        server.spoil = lambda _ids, _is_batch: httpx.Response(200, content=b"{")
        errors = await asyncio.gather(
            *(cliniko.with_options(retries=0).taxes.get(id) for id in ("1", "2")),
            return_exceptions=True,
        )
        assert all(isinstance(error, TransportError) and str(error) for error in errors)
        assert str(errors[0]) == str(errors[1])
        server.latency = 9.0
        errors = await asyncio.gather(
            *(cliniko.with_options(retries=0, timeout=1).taxes.get(id) for id in ("1", "2")),
            return_exceptions=True,
        )
        assert all("no answer within 1 s" in str(error) for error in errors)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
async def test_a_refused_batch_goes_one_by_one(status: int) -> None:
    server = IdServer(1000)
    server.spoil = lambda _ids, is_batch: httpx.Response(status, json={}) if is_batch else None
    async with session(server) as cliniko:
        ids = [str(id) for id in range(1, 21)]
        assert await outcomes(cliniko, ids) == ids
        assert len(server.asked) == 21
        for _ in range(5):
            assert await outcomes(cliniko, ids) == ids
        assert len(server.asked) == 3 * 21 + 3 * 20  # after three refusals it is not tried again


@pytest.mark.parametrize("status", [413, 414])
async def test_a_batch_that_is_too_long_is_halved_until_it_fits(status: int) -> None:
    server = IdServer(1000)
    server.spoil = lambda ids, _is_batch: httpx.Response(status) if len(ids) > 30 else None
    async with session(server) as cliniko:
        ids = list(server.rows)
        assert await outcomes(cliniko, ids) == ids
        assert len(server.asked) == 10 + 20 + 40
        server.asked.clear()
        assert await outcomes(cliniko, ids) == ids
        assert len(server.asked) == 40


async def test_what_each_would_be_refused_alone_each_is_refused() -> None:
    server = IdServer(3)
    server.spoil = lambda ids, _is_batch: httpx.Response(403, json={}) if "2" in ids else None
    async with session(server) as cliniko:
        assert await outcomes(cliniko, ["1", "2", "3"]) == ["1", ForbiddenError, "3"]


async def test_a_list_that_fails_though_records_come_is_not_needed() -> None:
    server = IdServer(3)
    server.spoil = lambda _ids, is_batch: httpx.Response(500) if is_batch else None
    async with session(server) as cliniko:
        view = cliniko.with_options(retries=1)
        assert await outcomes(view, ["1", "2", "3"]) == ["1", "2", "3"]
        server.spoil = lambda _ids, _is_batch: httpx.Response(500)
        server.asked.clear()
        assert await outcomes(view, ["1", "2", "3"]) == [ServerError] * 3
        assert len(server.asked) == 2 + 1  # one finds out for all


async def test_a_server_that_ignores_the_filter_is_not_believed() -> None:
    server = IdServer(300)
    server.filters = False
    async with session(server) as cliniko:
        ids = ["7", "250", "301", "3"]
        assert await outcomes(cliniko, ids) == ["7", "250", NotFoundError, "3"]


async def test_a_server_with_shorter_pages_is_asked_for_less() -> None:
    server = IdServer(100)
    server.most_per_page = 25
    async with session(server) as cliniko:
        ids = list(server.rows)
        assert await outcomes(cliniko, ids) == ids
    assert len(server.asked) == 1 + 3


async def test_a_record_that_cannot_be_read_hurts_only_who_asked_for_it() -> None:
    server = IdServer(5)
    server.rows["2"]["created_at"] = "yesterday"
    server.rows["4"]["id"] = None
    async with session(server) as cliniko:
        found = await outcomes(cliniko, list(server.rows))
        assert found == ["1", DecodeError, "3", DecodeError, "5"]
    assert len(server.asked) == 2  # the one without an id could not be told apart


async def test_who_is_cancelled_leaves_the_others_alone() -> None:
    server = IdServer(9, latency=1.0)
    async with session(server, RateLimit(1)) as cliniko:
        waiting = [asyncio.ensure_future(cliniko.taxes.get(str(id))) for id in range(1, 10)]
        twin = asyncio.ensure_future(cliniko.taxes.get("9"))
        waiting[0].cancel()  # before the turn is over
        await asyncio.sleep(0.5)
        waiting[1].cancel()  # under way
        waiting[8].cancel()
        await asyncio.sleep(1)
        assert [task.result().id for task in waiting[2:8]] == [str(id) for id in range(3, 9)]
        assert (await twin).id == "9"
        late = [asyncio.ensure_future(cliniko.taxes.get(str(id))) for id in range(1, 4)]
        await asyncio.sleep(1)
        late[1].cancel()  # while it waits
        await asyncio.gather(*late, return_exceptions=True)
    assert server.asked == [[str(id) for id in range(2, 10)], ["1", "3"]]


async def test_a_request_ends_when_all_its_callers_have_left() -> None:
    server = IdServer(3, latency=5.0)
    async with session(server, RateLimit(1)) as cliniko:
        under_way = [asyncio.ensure_future(cliniko.taxes.get(str(id))) for id in range(1, 4)]
        await asyncio.sleep(1)
        waiting = [asyncio.ensure_future(cliniko.taxes.get(str(id))) for id in range(1, 4)]
        await asyncio.sleep(1)
        assert cliniko.limiter.waiting["interactive"] == 1
        for task in under_way + waiting:
            task.cancel()
        await asyncio.sleep(0.1)
        assert cliniko.limiter.waiting["interactive"] == 0
        await asyncio.sleep(10)
    assert server.unfinished == 1  # it was cancelled where it stood
    assert len(server.asked) == 1


async def test_the_budget_is_spent_on_what_is_sent() -> None:
    server = IdServer(300)
    async with session(server, RateLimit(5)) as cliniko:
        view = cliniko.with_options(max_requests=2)
        ids = [str(id) for id in range(1, 201)]
        assert await outcomes(view, ids) == ids
        await spend(cliniko, 3)
        assert await outcomes(view, ["201"]) == [RequestBudgetError]  # without a wait
        assert asyncio.get_running_loop().time() < 1
        view = cliniko.with_options(max_requests=2)
        found = await outcomes(view, list(server.rows))
        assert found == [*ids, *[RequestBudgetError] * 100]
    assert len(server.asked) == 2 + 3 + 2


async def test_waiting_gets_do_not_spend_the_budget_one_by_one() -> None:
    server = IdServer(50)
    async with session(server, RateLimit(1)) as cliniko:
        await spend(cliniko, 1)
        view = cliniko.with_options(max_requests=1, max_wait=100)
        waiting: list[asyncio.Task[Tax]] = []
        for id in server.rows:
            waiting.append(asyncio.ensure_future(view.taxes.get(id)))
            await asyncio.sleep(0.5)
        assert [record.id for record in await asyncio.gather(*waiting)] == list(server.rows)


async def test_closing_the_session_ends_all_waits() -> None:
    server = IdServer(9, latency=5.0)
    cliniko = session(server, RateLimit(1))
    async with cliniko:
        tasks = [asyncio.ensure_future(outcomes(cliniko, ["1", "2"]))]
        await asyncio.sleep(1)
        tasks.append(asyncio.ensure_future(outcomes(cliniko, ["3", "4"])))
        await asyncio.sleep(1)
        tasks.append(asyncio.ensure_future(outcomes(cliniko, ["5", "6"])))
        await asyncio.sleep(0)
    for outcome in await asyncio.gather(*tasks):
        assert outcome == [SessionClosedError] * 2
    assert await outcomes(cliniko, ["1", "2"]) == [SessionClosedError] * 2


async def test_ids_are_asked_for_as_numbers() -> None:
    server = IdServer(9)
    too_large = "9" * 20
    server.spoil = lambda ids, _is_batch: (
        httpx.Response(400) if any(int(id) >= 2**63 for id in ids) else None
    )
    async with session(server) as cliniko:
        assert await outcomes(cliniko, ["007", "7", "1", too_large]) == ["7", "7", "1", ApiError]
    assert sorted(server.asked) == [["7", "1"], [too_large]]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks start at once since Python 3.12")
async def test_gets_whose_tasks_start_at_once_travel_together_too() -> None:
    server = IdServer(200)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))
    async with session(server) as cliniko:
        assert await outcomes(cliniko, list(server.rows)) == list(server.rows)
    loop.set_task_factory(None)
    assert len(server.asked) == 2


moments = st.integers(0, 12)
asks = st.tuples(
    moments,
    st.integers(1, 12),
    st.sampled_from([None, None, 0.0, 3.0]),
    st.sampled_from(["interactive", "bulk"]),
    st.one_of(st.none(), moments),
)


@given(
    st.lists(asks, max_size=25),
    st.sampled_from([1, 2, 5]),
    st.integers(0, 2),
    st.sampled_from([None, 400, 403, 414, "short", "ignored"]),
)
@settings(max_examples=150)
def test_every_caller_has_the_outcome_that_it_would_have_alone(
    crowd: list[Any], places: int, latency: int, habit: Any
) -> None:
    server = IdServer(10, latency=latency)
    server.archived |= {"4", "5"}
    server.filters = habit != "ignored"
    server.most_per_page = 2 if habit == "short" else 100
    if isinstance(habit, int):
        server.spoil = lambda ids, _: httpx.Response(habit, json={}) if len(ids) > 2 else None

    async def ask(cliniko: AsyncCliniko, crowd_member: Any) -> None:
        at, id, max_wait, lane, cancelled_after = crowd_member
        await asyncio.sleep(at)
        view = cliniko.with_options(lane=lane, max_wait=max_wait)
        get = asyncio.ensure_future(view.taxes.get(str(id)))
        if cancelled_after is not None:
            asyncio.get_running_loop().call_later(cancelled_after, get.cancel)
        [outcome] = await asyncio.gather(get, return_exceptions=True)
        is_there = str(id) in server.rows.keys() - server.archived
        if isinstance(outcome, NotFoundError):
            assert outcome.ids == (str(id),)
            assert not is_there
        elif isinstance(outcome, RateLimitError):
            assert max_wait is not None
        elif isinstance(outcome, asyncio.CancelledError):
            assert cancelled_after is not None
        else:
            assert not isinstance(outcome, BaseException), outcome
            assert outcome.id == str(id)
            assert is_there

    async def main() -> None:
        async with session(server, RateLimit(places, per=5.0)) as cliniko:
            await asyncio.gather(*(ask(cliniko, member) for member in crowd))
            assert cliniko.limiter.waiting == {"interactive": 0, "bulk": 0}
            assert cliniko.limiter.in_flight == 0

    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(VirtualClock())) as runner:
        runner.run(main())
