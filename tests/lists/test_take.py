"""The first records of a list, for no more requests than they need."""

from __future__ import annotations

from typing import Any

import pytest
from listserver import ListServer, row
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import InvalidTypeError, InvalidValueError, ListingChangedError

pytestmark = pytest.mark.anyio

ROWS = [row(10**17 + number, number // 3) for number in range(1_000)]
IDS = [each["id"] for each in ROWS]


def session(server: Any) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xTEST-au2", user_agent=AGENT, transport=server, rate_limit=RateLimit(100_000)
    )


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("most", [1, 99, 100, 101, 150, 250, 500, 999, 1_000, 5_000])
async def test_the_first_records_cost_the_pages_that_they_are_on(most: int, falling: bool) -> None:  # noqa: FBT001 - a parameter of the test
    server = ListServer(list(ROWS), latency=(0.1, 0.3))
    async with session(server) as cliniko:
        sort = cliniko.taxes.filters.created_at.desc() if falling else None
        taxes = await cliniko.taxes.list(sort=sort).take(most).all()
    in_order = IDS[::-1] if falling else IDS
    assert [tax.id for tax in taxes] == in_order[:most]
    pages = -(-min(most, len(ROWS)) // 100)
    last = most >= 900  # the end of a list in its default order is asked for in a second way
    assert len(server.requests) <= pages + last


async def test_pages_and_plain_iteration_end_there_too() -> None:
    server = ListServer(list(ROWS))
    async with session(server) as cliniko:
        listing = cliniko.taxes.list().take(250)
        assert [tax.id async for tax in listing] == IDS[:250]
        assert [len(page.items) async for page in listing.pages()] == [100, 100, 50]
        assert [each["id"] async for each in listing.raw()] == IDS[:250]
        assert len(server.requests) == 9
        assert await listing.count() == 250
        assert len(await listing.take(20).all()) == 20
        assert len(await listing.take(400).all()) == 250


async def test_a_row_that_leaves_meanwhile_hides_none_that_stays() -> None:
    rows = list(ROWS)

    def leave(request: int) -> None:
        del rows[request * 7]

    async with session(ListServer(rows, latency=(0.1, 0.3), on_request=leave)) as cliniko:
        found = [tax.id for tax in await cliniko.taxes.list().take(350).all()]
    there = [each["id"] for each in rows]
    assert len(found) == 350
    assert set(there[: there.index(found[-1])]) <= set(found)


async def test_in_another_order_a_change_among_the_first_records_is_told() -> None:
    rows = list(ROWS)

    def leave(request: int) -> None:
        if request == 2:
            del rows[-1]

    async with session(ListServer(rows, latency=(0.1, 0.3), on_request=leave)) as cliniko:
        falling = cliniko.taxes.filters.created_at.desc()
        with pytest.raises(ListingChangedError):
            await cliniko.taxes.list(sort=falling).take(350).all()


async def test_two_lists_are_cut_as_one() -> None:
    clinic = Clinic()
    for number in range(6):
        clinic.create("practitioners", first_name="A", last_name="B", active=number < 4)
    async with session(Emulator(clinic).transport()) as cliniko:
        every = await cliniko.practitioners.list(include={"inactive"}).all()
        some = await cliniko.practitioners.list(include={"inactive"}).take(5).all()
    assert [each.id for each in some] == [each.id for each in every[:5]]
    assert len(every) == 6


@pytest.mark.parametrize(
    ("wrong", "error"), [(0, InvalidValueError), (-1, InvalidValueError), ("5", InvalidTypeError)]
)
async def test_what_is_no_number_of_records_is_refused(wrong: Any, error: type[Exception]) -> None:
    async with session(ListServer([])) as cliniko:
        with pytest.raises(error, match=r"take\(\)"):
            cliniko.taxes.list().take(wrong)
