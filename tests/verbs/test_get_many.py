"""Many records by id: odd ids, servers that refuse, and answers that are not what was asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from idserver import IdServer, session

from cliniko_async import (
    ApiError,
    DecodeError,
    ForbiddenError,
    IncompleteListingError,
    InvalidTypeError,
    InvalidValueError,
    Link,
    NotFoundError,
)

pytestmark = pytest.mark.anyio


async def test_odd_ids_are_found_in_the_order_asked() -> None:
    server = IdServer(20)
    async with session(server) as cliniko:
        link = Link("https://api.au1.cliniko.com/v1/taxes/3")
        found = await cliniko.taxes.get_many(["5", "007", None, "5", link, "7"], missing="none")
        assert [record and record.id for record in found] == ["5", "7", None, "5", "3", "7"]
        assert await cliniko.taxes.get_many([]) == []
    assert server.asked == [["5", "7", "3"]]


async def test_what_cannot_be_an_id_is_refused_before_it_is_sent() -> None:
    server = IdServer(1)
    async with session(server) as cliniko:
        for bad in (5, 5.0, True, b"5"):
            with pytest.raises(InvalidTypeError, match="an id is a string of digits"):
                await cliniko.taxes.get_many([bad])  # type: ignore[list-item] # pyright: ignore[reportArgumentType, reportCallIssue] # that is the point
        for text in ("", "-5", "5.0", " 5", "１２", "5,6", "9" * 21):  # noqa: RUF001 - digits of another script
            with pytest.raises(InvalidValueError):
                await cliniko.taxes.get_many([text])
    assert not server.asked


async def test_an_id_that_no_record_can_have_spoils_nothing() -> None:
    server = IdServer(9)
    server.spoil = lambda ids, _: (
        httpx.Response(400) if any(int(id) >= 2**63 for id in ids) else None
    )
    async with session(server) as cliniko:
        ids = ["1", "9" * 20, "2", "10"]
        found = await cliniko.taxes.get_many(ids, missing="none")
        assert [record and record.id for record in found] == ["1", None, "2", None]
        with pytest.raises(NotFoundError) as caught:
            await cliniko.taxes.get_many(ids)
    assert caught.value.ids == ("9" * 20, "10")
    assert list(caught.value.found) == ["1", "2"]


@pytest.mark.parametrize("status", [400, 413, 414])
@pytest.mark.parametrize(("count", "most"), [(100, 12), (1000, 24)])
async def test_a_server_that_refuses_every_batch_is_given_up(
    status: int, count: int, most: int
) -> None:
    server = IdServer(count)
    server.spoil = lambda _ids, _is_batch: httpx.Response(status, json={"message": "no"})
    async with session(server) as cliniko:
        with pytest.raises(ApiError) as caught:
            await cliniko.taxes.get_many(list(server.rows))
    assert caught.value.status == status
    assert len(server.asked) <= most


@pytest.mark.parametrize("limit", [1, 30, 70, 99])
async def test_the_size_that_a_server_takes_is_learnt_once(limit: int) -> None:
    server = IdServer(1000, latency=0.2)
    server.spoil = lambda ids, _: httpx.Response(414, text="<html>") if len(ids) > limit else None
    async with session(server) as cliniko:
        found = await cliniko.taxes.get_many(list(server.rows))
    assert [record.id for record in found] == list(server.rows)
    learnt = next(100 >> n for n in range(8) if 100 >> n <= limit)
    assert len(server.asked) <= 10 + 7 + 1000 / learnt + 10


async def test_one_bad_id_is_named_by_the_error_of_its_own() -> None:
    server = IdServer(100)
    server.spoil = lambda ids, _: httpx.Response(400, json={}) if "60" in ids else None
    async with session(server) as cliniko:
        with pytest.raises(ApiError):
            await cliniko.taxes.get_many(list(server.rows))
    assert len(server.asked) < 40


@pytest.mark.parametrize("most_per_page", [1, 25, 99])
async def test_shorter_pages_than_asked_for_lose_nothing(most_per_page: int) -> None:
    server = IdServer(250, latency=0.2)
    server.most_per_page = most_per_page
    ids = list(reversed(server.rows))
    async with session(server) as cliniko:
        assert [record.id for record in await cliniko.taxes.get_many(ids)] == ids
    assert asyncio.get_running_loop().time() < (0.5 if most_per_page > 1 else 2)  # all at once


async def test_shorter_pages_without_a_link_lose_nothing() -> None:
    server = IdServer(250)
    server.most_per_page = 30
    server.links = False
    ids = list(server.rows)
    async with session(server) as cliniko:
        assert [record.id for record in await cliniko.taxes.get_many(ids)] == ids
        assert list(await cliniko.taxes.by_id(ids)) == ids
        some = await cliniko.taxes.get_many([*ids[:99], "777"], missing="none")
        assert [record and record.id for record in some] == [*ids[:99], None]


async def test_other_records_than_asked_for_are_an_error() -> None:
    server = IdServer(300)
    server.filters = False
    async with session(server) as cliniko:
        with pytest.raises(IncompleteListingError, match="records of other ids"):
            await cliniko.taxes.get_many(["7", "8"])
        with pytest.raises(IncompleteListingError, match="records of other ids"):
            await cliniko.taxes.get_many(["299"], missing="none")
    assert len(server.asked) == 2


async def test_an_empty_page_with_a_next_one_is_an_error() -> None:
    server = IdServer(3)
    body: dict[str, Any] = {
        "taxes": [],
        "total_entries": 9,
        "links": {"next": "https://x/taxes?page=2"},
    }
    server.spoil = lambda _ids, _is_batch: httpx.Response(200, json=body)
    async with session(server) as cliniko:
        with pytest.raises(IncompleteListingError, match="an empty page"):
            await cliniko.taxes.get_many(["1", "2"])


async def test_a_record_that_cannot_be_read_is_named() -> None:
    server = IdServer(5)
    server.rows["2"]["created_at"] = "yesterday"
    async with session(server) as cliniko:
        with pytest.raises(DecodeError) as caught:
            await cliniko.taxes.get_many(["1", "2", "3"])
        assert caught.value.id == "2"
        server.rows["2"]["id"] = None
        with pytest.raises(DecodeError):
            await cliniko.taxes.get_many(["1", "2", "3"])


async def test_it_ends_at_the_first_error_whichever_batch_it_is_of() -> None:
    server = IdServer(1000)
    slow = server.handle_async_request

    async def handle(request: httpx.Request) -> httpx.Response:
        if "id%3A%3D501%2C" in str(request.url):
            return httpx.Response(403, json={})
        await asyncio.sleep(25)
        return await slow(request)

    server.handle_async_request = handle  # type: ignore[method-assign]
    async with session(server) as cliniko:
        with pytest.raises(ForbiddenError):
            await cliniko.taxes.get_many(list(server.rows))
        assert asyncio.get_running_loop().time() < 5
        assert cliniko.limiter.in_flight == 0
    assert not server.asked
