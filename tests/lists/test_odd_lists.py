"""Lists that are odd in one way each: complete all the same, or an error, never just short."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from churning import ChurningServer, Oddities, Row

from cliniko_async import (
    AsyncCliniko,
    IncompleteListingError,
    ListingChangedError,
    RateLimit,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

WAYS = ("list", "scan")

NO_LIMIT = RateLimit(1_000_000)


def many(count: int, *, per_second: int = 1, step: int = 7) -> list[Row]:
    return [Row(str(1000 + n), -(10**6) + n // per_second * step) for n in range(count)]


def session(server: ChurningServer, rate: RateLimit = NO_LIMIT) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xODD-au2",
        user_agent="Tests (tests@example.com)",
        transport=server,
        rate_limit=rate,
    )


async def ids_of(
    server: ChurningServer, way: str = "list", rate: RateLimit = NO_LIMIT, **options: Any
) -> list[str]:
    async with session(server, rate) as cliniko:
        listing = getattr(cliniko.taxes, way)(**options)
        return [row["id"] async for row in listing.raw()]


def all_of(rows: Sequence[Row]) -> list[str]:
    return [row.id for row in rows]


# Orders in which a row can move


@pytest.mark.parametrize("sort", ["updated_at", "updated_at:desc"])
@pytest.mark.parametrize("moved", [10, 250, 480])
@pytest.mark.parametrize("moment", [0.3, 0.5, 0.7])
async def test_one_row_that_moves_in_its_order_is_told_if_it_cost_another(
    sort: str, moved: int, moment: float
) -> None:
    rows = many(500)
    rows[moved].updates.append(moment)
    try:
        found = await ids_of(ChurningServer(rows), sort=sort)
    except IncompleteListingError:
        return
    assert sorted(found) == all_of(rows)


async def test_an_order_that_stays_as_it_is_is_read_without_an_error() -> None:
    rows = many(950)
    assert await ids_of(ChurningServer(rows), sort="updated_at:desc") == all_of(rows)[::-1]


async def test_changes_that_are_ignored_double_no_row() -> None:
    rows = many(500)
    rows[480].updates.append(0.3)
    found = await ids_of(ChurningServer(rows), sort="updated_at:desc", on_change="ignore")
    assert len(found) == len(set(found))


async def test_out_and_in_while_an_order_pauses_for_the_limit_is_told() -> None:
    rows = many(2500)
    rows[5].turns.append(20.0)
    rows[2400].present, rows[2400].turns = False, [40.0]
    with pytest.raises(ListingChangedError):
        await ids_of(ChurningServer(rows), rate=RateLimit(12, per=60), sort="updated_at")


# Out and in, far apart


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("out", "in_"), [(5, 2400), (1500, 2400), (2000, 100), (2400, 5)])
async def test_out_and_in_while_a_listing_pauses_for_the_limit_costs_no_row(
    way: str, out: int, in_: int
) -> None:
    rows = many(2500)
    rows[out].turns.append(20.0)
    rows[in_].present, rows[in_].turns = False, [40.0]
    found = await ids_of(ChurningServer(rows), way, RateLimit(12, per=60))
    assert len(found) == len(set(found))
    assert set(all_of(rows)) - set(found) <= {rows[out].id, rows[in_].id}


# Pages that do not come


@pytest.mark.parametrize("way", WAYS)
async def test_deep_pages_that_always_fail_are_replaced_by_shallow_ones(way: str) -> None:
    server = ChurningServer(rows := many(2000), Oddities(deepest=8))
    assert await ids_of(server, way) == all_of(rows)
    assert len(server.asked) <= 4 * 20


@pytest.mark.parametrize("way", WAYS)
async def test_pages_beyond_an_end_that_has_moved_may_be_missing(way: str) -> None:
    rows = many(401)
    rows[0].turns.append(0.35)
    found = await ids_of(ChurningServer(rows, Oddities(beyond=404)), way)
    assert found == all_of(rows)


async def test_a_shallow_page_that_stays_broken_ends_the_listing_with_its_error() -> None:
    class Broken(ChurningServer):
        def _fault(self, asked: dict[str, Any]) -> Any:
            self.odd.faults = float(len(self.asked) > 3)
            return super()._fault(asked)

    with pytest.raises((ServerError, TransportError)):
        await ids_of(Broken(many(900)))


# Rows without a moment of creation


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [90, 150, 250, 1000])
@pytest.mark.parametrize("undated", [1, 3, 130])
async def test_rows_without_created_at_at_the_end_are_listed_too(
    way: str, count: int, undated: int
) -> None:
    rows = [*many(count), *(Row(str(5000 + n), None) for n in range(undated))]
    assert await ids_of(ChurningServer(rows), way) == all_of(rows)


async def test_rows_without_created_at_that_cannot_be_asked_for_are_an_error() -> None:
    class Unaware(ChurningServer):
        def _answer(self, asked: dict[str, Any], url: Any) -> Any:
            self.odd.refused = "created_at" if "created_at:!?" in asked["q[]"] else None
            return super()._answer(asked, url)

    with pytest.raises(IncompleteListingError):
        await ids_of(Unaware([*many(250), Row("9000", None)]))


# Totals and links


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [100, 400, 450, 500])
async def test_a_total_that_lags_is_not_the_end(way: str, count: int) -> None:
    rows = many(count)
    rows += [Row(str(5000 + n), 1, present=False, turns=[1.5]) for n in range(60)]
    server = ChurningServer(rows, Oddities(total_lag=60.0))
    async with session(server) as cliniko:
        await cliniko.taxes.list().count()
        await asyncio.sleep(2)
        found = [row["id"] async for row in getattr(cliniko.taxes, way)().raw()]
    assert found == all_of(rows)


@pytest.mark.parametrize("count", [101, 151, 200, 299, 301, 950])
@pytest.mark.parametrize("moment", [0.25, 0.35, 0.45])
async def test_a_total_may_be_counted_after_its_rows(count: int, moment: float) -> None:
    rows = many(count)
    rows[5].turns.append(moment)
    odd = Oddities(counted_late=0.05, latency=(0.2, 0.2))
    found = await ids_of(ChurningServer(rows, odd))
    assert set(all_of(rows)) - set(found) <= {rows[5].id}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [0, 1, 100, 101, 350])
async def test_a_list_without_totals_is_read_to_its_last_link(way: str, count: int) -> None:
    rows = many(count)
    assert await ids_of(ChurningServer(rows, Oddities(totals=False)), way) == all_of(rows)


# Filters and orders that the list does not have


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [90, 150, 200, 350, 1050])
@pytest.mark.parametrize("together", [1, 120, 2000])
async def test_a_list_that_ignores_filters_is_read_by_page_numbers(
    way: str, count: int, together: int
) -> None:
    rows = many(count, per_second=together)
    server = ChurningServer(rows, Oddities(unfiltered=True))
    assert await ids_of(server, way) == all_of(rows)


@pytest.mark.parametrize("way", WAYS)
async def test_a_list_that_refuses_the_filter_is_read_by_page_numbers(way: str) -> None:
    server = ChurningServer(rows := many(950), Oddities(refused="created_at"))
    assert await ids_of(server, way) == all_of(rows)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [150, 950])
async def test_a_list_in_another_order_is_read_by_page_numbers(way: str, count: int) -> None:
    rows = many(count)
    found = await ids_of(ChurningServer(rows, Oddities(shuffled=True)), way)
    assert found == sorted(all_of(rows), key=lambda text: text[::-1])


@pytest.mark.parametrize("moment", [0.3, 0.5])
async def test_in_such_a_list_a_change_is_told(moment: float) -> None:
    rows = many(950)
    rows[500].turns.append(moment)
    with pytest.raises(ListingChangedError):
        await ids_of(ChurningServer(rows, Oddities(shuffled=True)))


# Seconds with more rows than a page


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("before", "together"), [(0, 101), (0, 450), (130, 450), (90, 205)])
@pytest.mark.parametrize("unstable", [False, True])
async def test_more_rows_in_a_second_than_a_page_holds(
    way: str, before: int, together: int, *, unstable: bool
) -> None:
    rows = many(before)
    rows += [Row(str(5000 + n), -500) for n in range(together)]
    rows += [Row(str(8000 + n), -400 + n) for n in range(150)]
    found = await ids_of(ChurningServer(rows, Oddities(unstable_ties=unstable)), way)
    assert len(found) == len(rows)
    assert set(found) == set(all_of(rows))


# A list that grows while it is read


@pytest.mark.parametrize("way", WAYS)
async def test_a_list_that_grows_faster_than_it_is_read_ends_nevertheless(way: str) -> None:
    rows = many(450)

    class Growing(ChurningServer):
        async def handle_async_request(self, request: Any) -> Any:
            now = asyncio.get_running_loop().time()
            self.rows += [Row(str(10**6 + len(self.rows) + n), int(now)) for n in range(110)]
            return await super().handle_async_request(request)

    server = Growing(list(rows))
    found = await ids_of(server, way)
    assert set(all_of(rows)) <= set(found)
    assert len(found) == len(set(found))
    assert len(server.asked) < 400


# What it costs


@pytest.mark.parametrize("way", [*WAYS, "all"])
@pytest.mark.parametrize("pages", [1, 2, 3, 16, 42, 63, 64])
@pytest.mark.parametrize("full", [True, False])
async def test_n_pages_cost_n_requests_and_one(way: str, pages: int, *, full: bool) -> None:
    rows = many(pages * 100 - (0 if full else 40))
    server = ChurningServer(rows)
    if way == "all":
        async with session(server) as cliniko:
            found = [row["id"] for row in await cliniko.taxes.list().raw().all()]
    else:
        found = await ids_of(server, way)
    assert found == all_of(rows)
    assert len(server.asked) <= (pages if pages <= 2 else pages + 1)


async def test_a_break_after_the_first_row_costs_one_request() -> None:
    server = ChurningServer(many(4200))
    async with session(server) as cliniko:
        async for _ in cliniko.taxes.list():
            break
        await asyncio.sleep(5)
    assert len(server.asked) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("apart", "most"), [(None, 65), (50.0, 68), (10.0, 70)])
async def test_at_the_limit_a_listing_takes_no_longer_than_its_requests(
    way: str, apart: float | None, most: int
) -> None:
    """A tenth of 600 pages at 200 a minute, while a row leaves every 5 s, or every second.

    Each of the pauses costs a seam, and there are ten times as many of them for the pages as at
    full scale, which `benchmarks/listings.py` measures.
    """
    rows = many(6000)
    if apart:
        moments = itertools.takewhile(lambda at: at < 200, itertools.count(1, apart))
        for row, moment in zip(rows[1::37], moments, strict=False):
            row.turns.append(moment)
    server = ChurningServer(rows)
    found = await ids_of(server, way, RateLimit(20, per=60, reserve=0))
    stayed = {row.id for row in rows if not row.turns}
    assert stayed <= set(found)
    bound = (-(-len(server.asked) // 20) - 1) * 60.05
    assert len(server.asked) <= most
    assert asyncio.get_running_loop().time() <= bound / 0.98 + 3
