"""The session: keys, shards, where requests go, and misuse that is found before one is sent."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from listserver import ListServer, row
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async._query.query_string import DatePattern
from cliniko_async.errors import (
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    ReadOnlyError,
    RequestBudgetError,
    SessionClosedError,
)
from cliniko_async.resources.patients import PatientFilters

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async._query.fields import Filter

pytestmark = pytest.mark.anyio


def session(
    server: httpx.AsyncBaseTransport, key: str = "MS0xTEST-au2", **more: Any
) -> AsyncCliniko:
    return AsyncCliniko(key, user_agent=AGENT, transport=server, **more)


@pytest.mark.parametrize(
    ("key", "shard"),
    [
        ("MS0xLTEyMzQ1Njc4-au2", "au2"),
        ("MS0xLTEyMzQ1Njc4-UK1", "uk1"),
        ("MS0xLTEyMzQ1Njc4-ca10", "ca10"),
        ("MS0xLTEyMzQ1Njc4", "au1"),
        ("MS0x-LTEy-us1", "us1"),
        ("MS0xLTEy-MzQ1Njc4", "au1"),
    ],
)
async def test_the_key_says_which_shard_to_ask(key: str, shard: str) -> None:
    server = ListServer([])
    async with session(server, key) as cliniko:
        await cliniko.taxes.list().all()
        assert cliniko.shard == shard
    request = server.requests[0]
    assert request.url.host == f"api.{shard}.cliniko.com"
    assert request.url.path == "/v1/taxes"
    # The suffix is part of the key.
    scheme, _, token = request.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(token).decode() == f"{key}:"
    assert request.headers["user-agent"] == AGENT
    assert request.headers["accept"] == "application/json"


@pytest.mark.parametrize("key", ["", "has blanks-au1", "MS0x-", "MS0x-au", "MS0x-au123", "MS0x-a1"])
async def test_a_key_that_cannot_be_right_is_refused(key: str) -> None:
    with pytest.raises(InvalidValueError, match="API key") as refused:
        session(ListServer([]), key)
    assert not key or key not in str(refused.value)


@pytest.mark.parametrize(
    "agent", ["", "My app", "dev@example.com", "My app dev@example.com", "My app ()"]
)
async def test_a_user_agent_without_name_and_address_is_refused(agent: str) -> None:
    with pytest.raises(InvalidValueError, match=r"My app \(dev@example.com\)"):
        AsyncCliniko("MS0x-au1", user_agent=agent)


async def test_key_agent_and_url_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIKO_API_KEY", "MS0xENV-uk2")
    monkeypatch.setenv("CLINIKO_USER_AGENT", AGENT)
    monkeypatch.setenv("CLINIKO_BASE_URL", "http://127.0.0.1:8000/v1/")
    server = ListServer([])
    async with AsyncCliniko(transport=server) as cliniko:
        await cliniko.taxes.list().all()
    assert str(server.requests[0].url).startswith("http://127.0.0.1:8000/v1/taxes?")


async def test_without_a_key_the_error_says_where_one_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLINIKO_API_KEY", raising=False)
    with pytest.raises(InvalidValueError, match="CLINIKO_API_KEY"):
        AsyncCliniko(user_agent=AGENT)


@pytest.mark.parametrize(
    "url",
    ["http://api.au1.cliniko.com/v1", "ftp://127.0.0.1/v1", "https://u:p@example.com/v1", "v1"],
)
async def test_a_base_url_that_would_show_the_key_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="base_url"):
        AsyncCliniko("MS0x-au1", user_agent=AGENT, base_url=url)


@pytest.mark.parametrize(
    "rest",
    [
        *("api.au1.cliniko.com/v1/../v1", "api.au1.cliniko.com//v1", "api.au1.cliniko.com/%76%31"),
        *("api.au1.cliniko.com/v1;x", "api..au1.cliniko.com/v1", "api%2Eau1.cliniko.com/v1"),
        *("api.au1.cliniko.com:0/v1", ".api.au1.cliniko.com/v1", "[::1/v1", "a:b:c/v1"),
    ],
)
async def test_a_second_spelling_of_a_server_is_no_second_server(rest: str) -> None:
    with pytest.raises(InvalidValueError, match="https://host/v1"):
        AsyncCliniko("MS0x-au1", user_agent=AGENT, base_url=f"https://{rest}")


async def test_a_repr_shows_the_shard_and_nothing_of_the_key() -> None:
    cliniko = session(ListServer([]))
    everything = repr(cliniko) + repr(vars(cliniko))
    assert "au2" in repr(cliniko)
    assert "TEST" not in everything
    assert "TVMweFRFU1Q" not in everything  # base64 of it


# Open, closed, elsewhere


async def test_before_opening_and_after_closing_a_call_is_a_clear_error() -> None:
    cliniko = session(ListServer([]))
    with pytest.raises(SessionClosedError, match="async with"):
        await cliniko.taxes.get("1")
    async with cliniko:
        pass
    with pytest.raises(SessionClosedError, match="closed"):
        await cliniko.taxes.list().all()
    with pytest.raises(SessionClosedError, match="new AsyncCliniko"):
        await cliniko.__aenter__()


def test_another_event_loop_is_a_clear_error(
    anyio_backend: tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]],
) -> None:
    cliniko = session(ListServer([]))
    loops = [anyio_backend[1]["loop_factory"]() for _ in range(2)]
    loops[0].run_until_complete(cliniko.__aenter__())
    with pytest.raises(SessionClosedError, match="another event loop"):
        loops[1].run_until_complete(cliniko.taxes.list().all())
    loops[0].run_until_complete(cliniko.aclose())
    for loop in loops:
        loop.close()


async def test_it_can_be_opened_and_closed_in_different_tasks() -> None:
    cliniko = session(ListServer([row(1, 0)]))
    await asyncio.create_task(cliniko.__aenter__())
    assert len(await cliniko.taxes.list().all()) == 1
    await asyncio.create_task(cliniko.aclose())


async def test_calls_under_way_end_with_the_session() -> None:
    cliniko = session(ListServer([row(1, 0)], latency=(5, 5)))
    async with cliniko:
        calls = [asyncio.create_task(cliniko.taxes.list().all()) for _ in range(100)]
        await anyio.sleep(1)
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in ended} == {SessionClosedError}


# Views


async def test_a_view_shares_the_session_and_changes_only_what_it_is_told() -> None:
    server = ListServer([row(1, 0)], latency=(2, 2))
    async with session(server) as cliniko:
        view = cliniko.with_options(lane="bulk", timeout=1, retries=0)
        with pytest.raises(Exception, match="no answer within 1 s"):
            await view.taxes.list().all()
        assert len(await cliniko.taxes.list().all()) == 1
        assert view.traffic is cliniko.traffic


async def test_a_budget_of_requests_stops_a_job_and_says_how_far_it_came() -> None:
    server = ListServer([row(n, n) for n in range(950)])
    async with session(server) as cliniko:
        with pytest.raises(RequestBudgetError) as stopped:
            await cliniko.with_options(max_requests=3).taxes.list().all()
        assert stopped.value.spent == 3
        await cliniko.taxes.get_many(["1"])
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"lane": "fast"},
        {"timeout": 0},
        {"timeout": "3"},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"max_wait": -1},
        {"max_wait": float("nan")},
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"max_requests": -1},
    ],
)
async def test_an_option_that_cannot_be_right_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((InvalidValueError, InvalidTypeError), match=next(iter(wrong))):
        session(ListServer([])).with_options(**wrong)


async def test_a_read_only_session_refuses_every_write_before_it_is_sent() -> None:
    server = ListServer([row(1, 0)])
    async with session(server, read_only=True) as cliniko:
        writes = [
            cliniko.taxes.create(name="GST"),
            cliniko.taxes.update("1", name="GST"),
            cliniko.taxes.delete("1"),
            cliniko.request("POST", "/recalls", json={}),
            cliniko.with_options(read_only=False).request("PATCH", "/recalls/1", json={}),
        ]
        for write in writes:
            with pytest.raises(ReadOnlyError):
                await write
        assert len(await cliniko.taxes.list().all()) == 1
    assert len(server.requests) == 1


# Any path


async def test_any_path_can_be_asked_for() -> None:
    server = ListServer([row(1, 0)])
    async with session(server) as cliniko:
        answer = await cliniko.request("GET", "/taxes", params={"q[]": ["id:=1"], "per_page": 5})
        assert answer["total_entries"] == 1
        with pytest.raises(InvalidValueError, match=r"q\[\]"):
            await cliniko.request("GET", "/taxes", params={"q": "id:=1"})
        with pytest.raises(InvalidValueError, match="own server"):
            await cliniko.request("GET", "https://example.com/v1/taxes")
        with pytest.raises(InvalidValueError, match="PATCH"):
            await cliniko.request("PUT", "/taxes/1")
    assert server.requests[0].url.query == b"q%5B%5D=id%3A%3D1&per_page=5"


# Ids


async def test_get_many_asks_by_the_hundred_and_keeps_the_order() -> None:
    server = ListServer([row(n, n % 7) for n in range(1, 1001)])
    wanted = [str(n) for n in range(1000, 0, -1)]
    async with session(server) as cliniko:
        found = await cliniko.taxes.get_many([*wanted, "5", "5"])
        assert [tax.id for tax in found] == [*wanted, "5", "5"]
        assert len(server.requests) == 10
        assert await cliniko.taxes.get_many([]) == []
        with pytest.raises(NotFoundError) as lost:
            await cliniko.taxes.get_many(["7", "5000"])
        assert lost.value.ids == ("5000",)
        assert list(lost.value.found) == ["7"]
        holes = await cliniko.taxes.get_many(["5000", None, "7"], missing="none")
        assert [tax and tax.id for tax in holes] == [None, None, "7"]


async def test_a_list_of_ids_that_the_server_finds_too_long_is_halved() -> None:
    class Short(ListServer):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            too_long = len(request.url.query) > 200
            return httpx.Response(414) if too_long else super()._answer(request)

    server = Short([row(n, n) for n in range(1, 101)])
    wanted = [str(n) for n in range(1, 101)]
    async with session(server) as cliniko:
        found = await cliniko.taxes.get_many([*wanted, "5000"], missing="none")
    assert [tax and tax.id for tax in found] == [*wanted, None]


@pytest.mark.parametrize(
    ("id", "error"), [("12a", InvalidValueError), ("", InvalidValueError), (12, InvalidTypeError)]
)
async def test_an_id_that_is_none_is_refused(id: Any, error: type[Exception]) -> None:
    async with session(ListServer([])) as cliniko:
        with pytest.raises(error, match="digits"):
            await cliniko.taxes.get(id)
        with pytest.raises(error, match="digits"):
            await cliniko.taxes.get_many([id])


# Filters


async def sent(*where: Filter[Any], **options: Any) -> list[str]:
    """The filters in the query string that a listing of patients sends."""
    asked: list[list[str]] = []

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(httpx.QueryParams(request.url.query).get_list("q[]"))
        return httpx.Response(200, json={"patients": [], "total_entries": 0, "links": {}})

    async with session(httpx.MockTransport(note)) as cliniko:
        await cliniko.patients.list(*where, **options).all()
    return asked[0]


f = PatientFilters()
NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
BRISBANE = timezone(timedelta(hours=10))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (f.last_name == "Smith & Sons: +1%", "last_name:=Smith & Sons: +1%"),
        (f.last_name != "Zoë", "last_name:!=Zoë"),
        (f.last_name.contains("son"), "last_name:~son"),
        (f.last_name.like("%son"), "last_name:~~%son"),
        (f.email.is_null(), "email:!?"),
        (f.email.not_null(), "email:?"),
        (f.id == "9223372036854775807", "id:=9223372036854775807"),
        (f.id.is_in(["1", "2"]), "id:=1,2"),
        (f.id > "5", "id:>5"),
        (f.created_at >= NOON, "created_at:>=2026-05-31T12:00:00Z"),
        (
            f.created_at < NOON.astimezone(timezone(timedelta(hours=10))),
            "created_at:<2026-05-31T12:00:00Z",
        ),
        (f.archived_at.any(), "archived_at:*"),
        (f.date_of_birth == date(1980, 2, 29), "date_of_birth:=1980-02-29"),
        (f.date_of_birth <= date(1980, 2, 29), "date_of_birth:<=1980-02-29"),
        (f.date_of_birth == DatePattern(month=5, day=31), "date_of_birth:=****-05-31"),
        (f.date_of_birth == DatePattern(month=5), "date_of_birth:=****-05-**"),
    ],
)
async def test_filters_are_written_as_the_api_reads_them(condition: Filter[Any], text: str) -> None:
    assert await sent(condition) == [text]


async def test_several_filters_mean_and_and_include_shows_hidden_rows() -> None:
    assert await sent(f.id > "5", f.id < "9", include={"archived"}) == [
        "id:>5",
        "id:<9",
        "archived_at:*",
    ]


async def test_filters_that_cannot_mean_what_was_written_say_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"f.x >= lo, f.x < hi"):
        _ = "1" < f.id < "9"  # pyright: ignore[reportUnusedExpression] # raises
    with pytest.raises(TypeError, match="list twice"):
        _ = (f.id > "1") or (f.id < "9")
    untyped: Any = f.id > "1"
    with pytest.raises(TypeError, match="opposite"):
        _ = not untyped
    with pytest.raises(TypeError, match="== for date-times"):
        _ = f.created_at == NOON
    with pytest.raises(ValueError, match="time zone"):
        _ = f.created_at >= datetime(2026, 5, 31)  # noqa: DTZ001 - that is the point
    with pytest.raises(TypeError, match=r"date\(2026, 5, 31\)"):
        _ = f.date_of_birth >= NOON
    wrong: Any = 5
    with pytest.raises(TypeError, match="digits"):
        _ = f.id == wrong
    with pytest.raises(ValueError, match="at least one"):
        f.id.is_in([])
    with pytest.raises(AttributeError, match="did you mean last_name"):
        _ = getattr(f, "lastname")  # noqa: B009 - no type checker would let it through


async def test_a_filter_or_include_that_a_list_does_not_have_is_refused() -> None:
    async with session(ListServer([])) as cliniko:
        taxes: Any = cliniko.taxes
        patients: Any = cliniko.patients
        wrongs: tuple[Callable[[], object], ...] = (
            lambda: taxes.list(f.last_name == "x"),
            lambda: taxes.list(include={"archived"}),
            lambda: patients.list(include={"cancelled"}),
            lambda: patients.list(sort="created_at desc"),
            lambda: patients.list(on_change="maybe"),
        )
        for wrong in wrongs:
            with pytest.raises(InvalidValueError):
                wrong()


async def test_a_filter_hides_its_value() -> None:
    assert "Smith" not in repr(f.last_name == "Smith")
    assert "Smith" not in repr(session(ListServer([])).patients.list(f.last_name == "Smith"))
