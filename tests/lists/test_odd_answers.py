"""Answers whose totals, links or pages are not to be believed: all rows once, or an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from churning import ChurningServer, Row

from cliniko_async import AsyncCliniko, ClinikoError, IncompleteListingError, RateLimit

pytestmark = pytest.mark.anyio

Spoil = Callable[[dict[str, Any], dict[str, Any]], object]

COUNTS = (1, 5, 100, 101, 250, 730)
MOST_REQUESTS = 300


class SpoiltServer(ChurningServer):
    """Changes its answers before they leave.

    Args:
        count: How many rows it has.
        spoil: Is given what was asked and the answer.
        unpaged: Whether it answers each question with its first page.
    """

    def __init__(self, count: int, spoil: Spoil, *, unpaged: bool = False) -> None:
        super().__init__([Row(str(1000 + n), -(10**6) + n * 7) for n in range(count)])
        self._spoil = spoil
        self._unpaged = unpaged

    def _answer(self, asked: dict[str, Any], url: httpx.URL) -> httpx.Response:
        assert len(self.asked) < MOST_REQUESTS, "it asks for ever"
        asked = {**asked, "page": "1"} if self._unpaged else asked
        body = json.loads(super()._answer(asked, url).content)
        self._spoil(asked, body)
        return httpx.Response(200, json=body)


async def read(server: SpoiltServer, **options: Any) -> list[str]:
    async with AsyncCliniko(
        "MS0xODD-au2",
        user_agent="Tests (tests@example.com)",
        transport=server,
        rate_limit=RateLimit(1_000_000),
    ) as cliniko:
        return [str(row["id"]) async for row in cliniko.taxes.list(**options).raw()]


async def read_or_error(server: SpoiltServer, **options: Any) -> list[str] | None:
    try:
        return await read(server, **options)
    except ClinikoError:
        return None


def all_of(server: SpoiltServer) -> list[str]:
    return [row.id for row in server.rows]


def nothing(_asked: dict[str, Any], _body: dict[str, Any]) -> None:
    pass


def total(change: Callable[[int], Any]) -> Spoil:
    def spoil(_asked: dict[str, Any], body: dict[str, Any]) -> None:
        body["total_entries"] = change(body["total_entries"])

    return spoil


def link(change: Callable[[str | None, int], Any]) -> Spoil:
    def spoil(asked: dict[str, Any], body: dict[str, Any]) -> None:
        links = body["links"]
        links["next"] = change(links.get("next"), int(asked.get("page", 1)))

    return spoil


def neither_total_nor_link(_asked: dict[str, Any], body: dict[str, Any]) -> None:
    del body["total_entries"], body["links"]


def links_in_another_form(_asked: dict[str, Any], body: dict[str, Any]) -> None:
    body["links"] = []


def a_row_twice_on_its_page(_asked: dict[str, Any], body: dict[str, Any]) -> None:
    body["taxes"] += body["taxes"][-1:]


READABLE: dict[str, Spoil] = {
    "no total": total(lambda _: None),
    "a total in a text": total(str),
    "a total that is no number": total(lambda _: "many"),
    "an empty link at the end": link(lambda sent, _: sent or ""),
    "no link at all": link(lambda _, __: None),
    "a link that is no text": link(lambda sent, _: sent or False),
    "links in another form": links_in_another_form,
    "neither total nor link": neither_total_nor_link,
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("sort", [None, "name"])
@pytest.mark.parametrize("spoil", READABLE.values(), ids=READABLE)
async def test_what_says_where_a_list_ends_may_be_missing_or_odd(
    count: int, sort: str | None, spoil: Spoil
) -> None:
    for per_page in (100, 7):
        server = SpoiltServer(count, spoil)
        assert sorted(await read(server, sort=sort, per_page=per_page)) == all_of(server)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("spoil", [nothing, neither_total_nor_link], ids=["plain", "no total"])
async def test_a_server_that_knows_no_page_numbers_loses_nothing_in_silence(
    count: int, spoil: Spoil
) -> None:
    server = SpoiltServer(count, spoil, unpaged=True)
    assert await read(server) == all_of(server)
    by_name = await read_or_error(SpoiltServer(count, spoil, unpaged=True), sort="name")
    assert by_name in (all_of(server), None)


@pytest.mark.parametrize("count", [1, 100, 101, 250])
async def test_a_row_that_is_on_its_page_twice_comes_once(count: int) -> None:
    server = SpoiltServer(count, a_row_twice_on_its_page)
    assert await read(server) == all_of(server)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    "spoil",
    [total(lambda right: right + 1), link(lambda _, page: f"/v1/taxes?page={page + 1}")],
    ids=["a total that is too large", "a link at the end"],
)
async def test_a_list_that_never_ends_is_given_up(count: int, spoil: Spoil) -> None:
    server = SpoiltServer(count, spoil)
    with pytest.raises(IncompleteListingError):
        await read(server)
    assert len(server.asked) < 25
