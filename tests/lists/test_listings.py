"""Listings: every row, once, in order, in few requests, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from listserver import ListServer, row
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.errors import (
    IncompleteListingError,
    ListingChangedError,
    ServerError,
    SessionClosedError,
)
from cliniko_async.limits import RateLimit
from cliniko_async.limits.local import forget

if TYPE_CHECKING:
    from cliniko_async.resources.taxes import Tax

pytestmark = pytest.mark.anyio

# No shrinking: it takes minutes here, and the example as found says enough.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


def session(server: httpx.AsyncBaseTransport, rate: RateLimit | None = None) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=server,
        rate_limit=rate or RateLimit(100_000),
    )


def many(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Rows whose ids do not rise with time, some of them created in the same second."""
    random = Random(seed)
    ids = random.sample(range(10**17, 10**18), count)
    seconds = sorted(random.randrange(count * 2) for _ in range(count))
    return [row(id, second) for id, second in zip(ids, seconds, strict=True)]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in sorted(rows, key=lambda row: row["created_at"])]


async def listed(server: httpx.AsyncBaseTransport) -> list[str]:
    async with session(server) as cliniko:
        return [tax.id async for tax in cliniko.taxes.list()]


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250, 301, 950])
async def test_every_row_comes_once_and_in_order(count: int) -> None:
    server = ListServer(many(count))
    assert await listed(server) == ids(server.rows)


async def test_42_pages_take_43_requests_at_most_and_much_less_time_than_one_by_one() -> None:
    server = ListServer(many(4200), latency=(0.1, 0.3))
    assert await listed(server) == ids(server.rows)
    assert len(server.requests) <= 43
    one_by_one = 42 * 0.2
    assert asyncio.get_running_loop().time() < one_by_one / 2.5


async def test_a_loop_that_stops_early_has_spent_few_requests() -> None:
    server = ListServer(many(4200), latency=(0.1, 0.3))
    async with session(server) as cliniko:
        async for _ in cliniko.taxes.list():
            break
        await anyio.sleep(10)
        assert len(server.requests) == 1
        seen = 0
        async for _ in cliniko.taxes.list():
            seen += 1
            if seen == 500:
                break
        gc.collect()
        await anyio.sleep(10)
    assert len(server.requests) <= 1 + 5 + 16


async def test_a_listing_costs_nothing_until_it_is_iterated_and_can_be_iterated_again() -> None:
    server = ListServer(many(150))
    async with session(server) as cliniko:
        listing = cliniko.taxes.list()
        await anyio.sleep(1)
        assert not server.requests
        assert await listing.all() == await listing.all()
        assert await listing.count() == 150
        first = await listing.first()
    assert first is not None
    assert first.id == ids(server.rows)[0]
    assert dict(server.requests[-1].url.params)["per_page"] == "1"


async def test_pages_say_how_many_rows_there_are_in_all() -> None:
    server = ListServer(many(950))
    async with session(server) as cliniko:
        pages = [page async for page in cliniko.taxes.list().pages()]
    assert {page.total_entries for page in pages} == {950}
    assert sum(len(page.items) for page in pages) == 950


async def test_raw_rows_are_what_the_api_sent() -> None:
    rows = [row(1, 0, unknown={"nested": [1.50, None]}), row(2, 1, rate=3)]
    async with session(ListServer(rows)) as cliniko:
        assert await cliniko.taxes.list().raw().all() == rows


async def test_raw_rows_hold_numbers_of_any_size() -> None:
    body = json.dumps(row(1, 0, rate=3)).replace('"rate": 3', '"rate": 1e400')
    answer = f'{{"taxes": [{body}], "total_entries": 1, "links": {{}}}}'
    server = httpx.MockTransport(lambda _: httpx.Response(200, content=answer.encode()))
    async with session(server) as cliniko:
        (found,) = await cliniko.taxes.list().raw().all()
        assert found["rate"] == Decimal("1e400")
        assert (await cliniko.taxes.list().all())[0].rate == Decimal("1e400")


@pytest.mark.parametrize("most_per_page", [100, 50, 7])
async def test_rows_that_come_and_go_cost_no_row_that_stayed(most_per_page: int) -> None:
    """Four rows leave and two come with every request, in a listing of 4,000."""
    random = Random(most_per_page)
    rows = many(4000 if most_per_page > 10 else 700)
    stayed = {row["id"] for row in rows}
    came = itertools.count(1)

    def churn(_request: int) -> None:
        for _ in range(4):
            gone = rows.pop(random.randrange(len(rows)))
            stayed.discard(gone["id"])
        rows.extend(row(next(came), 10_000 + next(came)) for _ in range(2))

    churning = ListServer(rows, latency=(0.1, 0.3), most_per_page=most_per_page, on_request=churn)
    found = await listed(churning)
    assert len(found) == len(set(found))
    assert stayed <= set(found)


@settings(max_examples=150, phases=PHASES)
@given(data=st.data(), coming_back=st.booleans())
def test_any_churn_between_any_requests_costs_no_row_that_stayed(
    data: st.DataObject, *, coming_back: bool
) -> None:
    """Also with many rows a second and pages of three.

    Rows leave in some runs and come back from the archive in others, not both: the total stays
    the same then, and is all that the API shows.
    """
    count = data.draw(st.integers(0, 40), label="rows")
    per_second = data.draw(st.sampled_from([1, 2, 5]), label="rows a second")
    order = data.draw(st.permutations(range(count)), label="ids")
    rows = [row(100 + id, n // per_second) for n, id in enumerate(order)]
    archived = [rows.pop(len(rows) // 2) for _ in range(min(len(rows), 5) if coming_back else 0)]
    stayed = {row["id"] for row in rows}
    new = itertools.count(1000)
    now = count // per_second + 1

    def churn(_request: int) -> None:
        nonlocal now
        for action in data.draw(st.lists(st.sampled_from(["move", "create"]), max_size=3)):
            if action == "create":
                # A row is created now: never before one that is there already.
                now += data.draw(st.integers(0, 1))
                rows.append(row(next(new), now))
            elif coming_back and archived:
                rows.append(archived.pop())
            elif not coming_back and rows:
                stayed.discard(rows.pop(data.draw(st.integers(0, len(rows) - 1)))["id"])

    forget()
    server = ListServer(rows, latency=(0.0, 1.0), most_per_page=3, on_request=churn)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        found = runner.run(listed(server))
    assert len(found) == len(set(found))
    assert stayed <= set(found)


@pytest.mark.parametrize("start", [0, 10])
async def test_more_rows_within_one_second_than_a_page_holds(start: int) -> None:
    rows = [row(1000 + n, 0 if n < start else 5 if n < 400 else n) for n in range(500)]
    assert await listed(ListServer(rows)) == ids(rows)


async def test_a_list_of_one_second_is_as_quick_as_others() -> None:
    """As after an import from another system."""
    server = ListServer([row(id, 0) for id in range(1000, 5200)], latency=(0.1, 0.3))
    assert await listed(server) == ids(server.rows)
    assert len(server.requests) <= 43
    assert asyncio.get_running_loop().time() < 42 * 0.2 / 2.5


async def test_another_order_ends_with_an_error_if_rows_went_meanwhile() -> None:
    rows = many(500)

    def churn(request: int) -> None:
        if request == 3:
            del rows[-150]

    found: list[Tax] = []
    async with session(ListServer(rows, on_request=churn)) as cliniko:
        listing = cliniko.taxes.list(sort="created_at:desc")
        with pytest.raises(ListingChangedError):
            found.extend([tax async for tax in listing])
        ignoring = cliniko.taxes.list(sort="created_at:desc", on_change="ignore")
        assert len(await ignoring.all()) == 499


async def test_another_order_is_kept() -> None:
    server = ListServer(many(950), latency=(0.1, 0.3))
    async with session(server) as cliniko:
        found = [
            tax.id async for tax in cliniko.taxes.list(sort=cliniko.taxes.filters.created_at.desc())
        ]
    assert found == list(reversed(ids(server.rows)))


class _Fixed(httpx.AsyncBaseTransport):
    """Answers every request with the same body."""

    def __init__(self, **body: object) -> None:
        self._body = body
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        self.requests += 1
        return httpx.Response(200, json=self._body)


async def test_a_next_link_that_leads_back_is_an_error() -> None:
    server = _Fixed(
        taxes=[row(1, 1)], links={"next": "https://api.au2.cliniko.com/v1/taxes?page=1"}
    )
    with pytest.raises(IncompleteListingError):
        await listed(server)
    assert server.requests < 5


async def test_a_listing_that_ends_short_is_an_error() -> None:
    with pytest.raises(IncompleteListingError):
        await listed(_Fixed(taxes=[], total_entries=12))


async def test_rows_out_of_order_are_read_by_page_numbers() -> None:
    rows = many(250)

    class Unordered(ListServer):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            params = request.url.params
            page, size = int(params.get("page", 1)), int(params["per_page"])
            assert "q[]" not in params
            part = rows[::-1][(page - 1) * size : page * size]
            return httpx.Response(200, json={"taxes": part, "total_entries": 250})

    assert await listed(Unordered(rows)) == ids(rows)[::-1]


def eight_percent(request: int) -> httpx.Response | None:
    faults = [
        httpx.Response(500),
        httpx.Response(502, html="<h1>Bad gateway</h1>"),
        httpx.Response(503, text="try later"),
        httpx.Response(200, content=b'{"taxes": [{"id": "1", "crea'),
        httpx.Response(200, headers={"content-length": "1000"}, content=b'{"taxes": []}'),
        httpx.Response(200, html="<h1>Maintenance</h1>"),
    ]
    return faults[request // 12 % len(faults)] if request % 12 == 0 else None


async def test_faults_cost_time_and_no_rows() -> None:
    server = ListServer(many(9000), latency=(0.1, 0.3), spoil=eight_percent)
    assert await listed(server) == ids(server.rows)


async def test_a_server_that_stays_broken_ends_the_listing_with_its_error() -> None:
    broken = ListServer(many(900), spoil=lambda n: httpx.Response(500) if n > 4 else None)
    async with session(broken) as cliniko:
        with pytest.raises(ServerError):
            await cliniko.taxes.list().all()


async def test_asked_again_after_an_error_a_listing_does_not_look_as_if_it_had_ended() -> None:
    broken = ListServer(many(900), spoil=lambda n: httpx.Response(500) if n > 4 else None)
    async with session(broken) as cliniko:
        iterator = aiter(cliniko.taxes.list())

        async def read_on() -> None:
            async for _ in iterator:
                pass

        for _ in range(2):
            with pytest.raises(ServerError):
                await read_on()


# Leaving in the middle


async def test_a_time_out_around_anext_loses_no_row() -> None:
    server = ListServer(many(950), latency=(0.1, 0.9))
    found: list[str] = []
    async with session(server) as cliniko:
        iterator = aiter(cliniko.taxes.list())
        while True:
            try:
                found.append((await asyncio.wait_for(anext(iterator), 0.05)).id)
            except TimeoutError:
                continue
            except StopAsyncIteration:
                break
    assert found == ids(server.rows)


async def test_break_raise_and_cancel_leave_nothing_behind() -> None:
    server = ListServer(many(4200), latency=(0.1, 0.3))
    async with session(server) as cliniko:

        async def break_after(count: int) -> None:
            async for _ in cliniko.taxes.list():
                count -= 1
                if not count:
                    break

        async def raise_after(count: int) -> None:
            async for _ in cliniko.taxes.list():
                count -= 1
                if not count:
                    raise ZeroDivisionError

        await break_after(900)
        with pytest.raises(ZeroDivisionError):
            await raise_after(900)
        with anyio.move_on_after(1.0):
            await cliniko.taxes.list().all()
        gc.collect()
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        assert server.in_flight == 0
        assert cliniko.limiter.in_flight == 0
        assert len(asyncio.all_tasks()) <= 2


async def test_a_break_does_not_cancel_the_scope_around_it() -> None:
    async with session(ListServer(many(950))) as cliniko:
        with anyio.CancelScope() as scope:
            async for _ in cliniko.taxes.list():
                break
            await anyio.sleep(1)
        assert not scope.cancelled_caught


async def test_closing_the_session_ends_listings_that_are_being_read() -> None:
    async with session(ListServer(many(4200), latency=(0.1, 0.3))) as cliniko:
        iterator = aiter(cliniko.taxes.list())
        await anext(iterator)

        async def read_on() -> None:
            while True:
                await anext(iterator)

        reading = asyncio.create_task(read_on())
        await anyio.sleep(0.5)
    with pytest.raises(SessionClosedError):
        await reading


async def test_iterators_can_be_closed() -> None:
    server = ListServer(many(4200), latency=(0.1, 0.3))
    async with session(server) as cliniko:
        iterator = aiter(cliniko.taxes.list())
        for _ in range(500):
            await anext(iterator)
        await iterator.aclose()
        await anyio.lowlevel.checkpoint()
        assert server.in_flight == 0
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)


@pytest.mark.parametrize("per_page", [0, 101, -1])
async def test_a_page_size_that_the_api_does_not_have_is_refused(per_page: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        session(ListServer([])).taxes.list(per_page=per_page)
