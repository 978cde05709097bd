"""Errors that say the next step: what to write instead, or where to look."""

from __future__ import annotations

import json
import socket
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, errors
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import InvalidTypeError, InvalidValueError, NotFoundError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pytestmark = pytest.mark.anyio

RECORD = {
    "id": "1",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
NIGHT = datetime(2026, 1, 6, 14, tzinfo=UTC)
"""In Melbourne the next day has begun."""

f: Any = AsyncCliniko.patients.filters  # what a type checker would refuse is the point


class Server:
    """Answers as it is told, by path, and keeps what was asked."""

    def __init__(self, answers: Mapping[str, Any], now: datetime | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = answers
        self._headers = {"date": format_datetime(now, usegmt=True)} if now else {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        name = request.url.path.rpartition("/")[2]
        answer = self._answers.get(name, RECORD)
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, json=answer, headers=self._headers)

    def session(self, **more: Any) -> AsyncCliniko:
        return AsyncCliniko(
            "MS0xTEST-au2", user_agent=AGENT, transport=httpx.MockTransport(self), **more
        )


# Free times

PLACE: dict[str, Any] = {"business_id": "1", "practitioner_id": "2", "appointment_type_id": "3"}
PLACES: dict[str, Any] = {"business_id": "1", "practitioner_ids": ["2"], "appointment_type_id": "3"}
MELBOURNE = {**RECORD, "time_zone_identifier": "Australia/Melbourne"}


def days(request: httpx.Request) -> tuple[str, str]:
    return request.url.params["from"], request.url.params["to"]


async def test_the_next_free_time_is_looked_for_from_the_account_s_day_on() -> None:
    server = Server({"1": MELBOURNE, "next_available_time": {"appointment_start": None}}, NIGHT)
    async with server.session() as cliniko:
        assert await cliniko.available_times.next(**PLACE) is None
        await cliniko.available_times.next(**PLACE, from_=date(2026, 1, 1))
        await cliniko.available_times.next(**PLACE, to=date(2026, 1, 8))
        await cliniko.available_times.next(**PLACE, from_=date(2026, 2, 1))
    asked = [days(r) for r in server.asked if r.url.path.endswith("time")]
    assert asked == [
        ("2026-01-07", "2026-01-13"),
        ("2026-01-07", "2026-01-13"),
        ("2026-01-07", "2026-01-08"),
        ("2026-02-01", "2026-02-07"),
    ]
    assert len(server.asked) == len(asked) + 1  # the business tells its zone once


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200), "null"])
async def test_an_empty_answer_is_no_free_time(answer: Any) -> None:
    said = httpx.Response(200, text=answer) if isinstance(answer, str) else answer
    async with Server({"next_available_time": said}, NIGHT).session() as cliniko:
        assert await cliniko.available_times.next(**PLACE) is None


async def test_days_that_are_past_are_an_error_that_names_the_account_s_day() -> None:
    server = Server({"1": MELBOURNE}, NIGHT)
    async with server.session() as cliniko:
        with pytest.raises(InvalidValueError, match="2026-01-07 there, in Australia/Melbourne"):
            await cliniko.available_times.find(
                **PLACES, from_=date(2026, 1, 1), to=date(2026, 1, 6)
            )
        with pytest.raises(InvalidValueError, match="2026-01-07"):
            await cliniko.available_times.next(**PLACE, to=date(2026, 1, 6))
    assert [r.url.path for r in server.asked] == ["/v1/businesses/1"]


async def test_a_span_that_begins_in_the_past_begins_today() -> None:
    empty: dict[str, Any] = {"available_times": [], "total_entries": 0, "links": {}}
    server = Server({"1": MELBOURNE, "available_times": empty}, NIGHT)
    async with server.session() as cliniko:
        await cliniko.available_times.find(**PLACES, from_=date(2025, 1, 1), to=date(2026, 1, 15))
        await cliniko.available_times.find(**PLACES)
    asked = [days(r) for r in server.asked if r.url.path.endswith("times")]
    assert asked == [
        ("2026-01-07", "2026-01-13"),
        ("2026-01-14", "2026-01-15"),
        ("2026-01-07", "2026-01-13"),
    ]


async def test_a_business_without_a_zone_or_a_clock_is_asked_for_what_was_said() -> None:
    empty: dict[str, Any] = {"available_times": [], "total_entries": 0, "links": {}}
    server = Server({"1": httpx.Response(403), "available_times": empty})
    async with server.session() as cliniko:
        await cliniko.available_times.find(**PLACES, from_=date(2026, 1, 1), to=date(2026, 1, 2))
    assert days(server.asked[-1]) == ("2026-01-01", "2026-01-02")


@pytest.mark.parametrize("day", ["2026-01-01", NIGHT, 5])
async def test_a_day_is_a_date(day: Any) -> None:
    async with Server({}).session() as cliniko:
        with pytest.raises(InvalidTypeError, match=r"date\(2026, 5, 31\)"):
            await cliniko.available_times.find(**PLACES, from_=day)
        with pytest.raises(InvalidTypeError, match=r"date\(2026, 5, 31\)"):
            await cliniko.available_times.next(**PLACE, to=day)


async def test_the_emulator_refuses_the_same_days() -> None:
    clinic = Clinic.seeded(patients=1, appointments=0)
    emulator = Emulator(clinic)
    async with AsyncCliniko(
        "MS0xTEST-au2", user_agent=AGENT, transport=emulator.transport()
    ) as cliniko:
        business, practitioner, kind = [
            await getattr(cliniko, name).list().first()
            for name in ("businesses", "practitioners", "appointment_types")
        ]
        for past in (timedelta(days=400), timedelta(0)):
            times = await cliniko.available_times.find(
                business_id=business.id,
                practitioner_ids=[practitioner.id],
                appointment_type_id=kind.id,
                from_=(clinic.now() - past).date(),
                to=(clinic.now() + timedelta(days=9)).date(),
            )
            assert times


# Answers


CALLS: list[tuple[Callable[[AsyncCliniko], Any], str, str]] = [
    (lambda c: c.patients.create(last_name="x"), "does not exist", "include="),
    (lambda c: c.patients.update("1", last_name="x"), "archived, deleted", "include="),
    (lambda c: c.patients.get("1"), "include=", "fields"),
]


@pytest.mark.parametrize(("call", "says", "hushes"), CALLS)
async def test_a_404_says_what_can_be_done(
    call: Callable[[AsyncCliniko], Any], says: str, hushes: str
) -> None:
    server = Server(dict.fromkeys(("patients", "1"), httpx.Response(404)))
    async with server.session() as cliniko:
        with pytest.raises(NotFoundError) as caught:
            await call(cliniko)
    assert says in str(caught.value)
    assert hushes not in str(caught.value)


@pytest.mark.parametrize("call", ["get", "archive"])
async def test_an_account_that_has_moved_is_named_with_its_new_host(call: str) -> None:
    headers = {"location": "https://api.uk2.cliniko.com/v1/patients/1?q=SECRET"}
    moved = httpx.Response(301, headers=headers)
    server = Server({"1": moved, "archive": moved})
    async with server.session() as cliniko:
        with pytest.raises(errors.ApiError, match=r"api\.uk2\.cliniko\.com") as caught:
            await getattr(cliniko.patients, call)("1")
    assert "SECRET" not in str(caught.value)
    assert {request.url.host for request in server.asked} == {"api.au2.cliniko.com"}


async def test_a_host_that_is_not_found_is_named_with_its_shard() -> None:
    async with AsyncCliniko("MS0xTEST-zz9", user_agent=AGENT, transport=NoHost()) as cliniko:
        with pytest.raises(TransportError, match=r"api\.zz9\.cliniko\.com\. Is zz9"):
            await cliniko.with_options(retries=0).patients.get("1")


class NoHost(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        del request
        raise httpx.ConnectError("no such host") from socket.gaierror()


@pytest.mark.parametrize("url", ["https://api.au2.cliniko.com", "https://api.au2.cliniko.com/"])
def test_a_base_url_names_its_version(url: str) -> None:
    with pytest.raises(InvalidValueError, match="/v1"):
        AsyncCliniko("MS0xTEST-au2", user_agent=AGENT, base_url=url)


def test_a_user_agent_beyond_ascii_is_told_why() -> None:
    with pytest.raises(InvalidValueError, match="ASCII"):
        AsyncCliniko("MS0xTEST-au2", user_agent="Praxis Müller (dev@example.com)")


# Writing


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Feeling better", 10),
        ("feeling BETTER", 10),
        ("Condition Worse", 20),
        ("covid-19 related", 31),
        (31, 31),
        (60, 60),
    ],
)
async def test_a_reason_is_taken_in_any_spelling_and_as_its_code(reason: Any, code: int) -> None:
    server = Server({"cancel": httpx.Response(204)})
    async with server.session() as cliniko:
        await cliniko.attendees.cancel("1", reason=reason)
    assert json.loads(server.asked[0].content) == {"cancellation_reason": code}


@pytest.mark.parametrize("reason", ["Bored", 5, True, None, 10.0])
async def test_another_reason_is_told_those_that_there_are(reason: Any) -> None:
    server = Server({})
    async with server.session() as cliniko:
        with pytest.raises((InvalidTypeError, InvalidValueError), match="'Sick' \\(30\\)"):
            await cliniko.attendees.cancel("1", reason=reason)
        with pytest.raises(InvalidTypeError, match="note="):
            await cliniko.attendees.cancel("1", reason="Sick", note=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # on purpose
        with pytest.raises(InvalidTypeError, match="apply_to_repeats="):
            await cliniko.individual_appointments.cancel("1", reason="Sick", apply_to_repeats="x")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # on purpose
    assert not server.asked


async def test_what_is_archived_already_stays_so_and_what_is_not_there_is_an_error() -> None:
    clinic = Clinic.seeded(patients=3, appointments=0)
    patient = next(row for row in clinic.records("patients") if row["archived_at"] is None)
    async with AsyncCliniko(
        "MS0xTEST-au2", user_agent=AGENT, transport=Emulator(clinic).transport()
    ) as cliniko:
        for _ in range(3):
            await cliniko.patients.archive(patient["id"])
        with pytest.raises(NotFoundError):
            await cliniko.patients.archive("123456")
        hidden = await cliniko.patients.get(patient["id"], include={"archived"})
    assert hidden.archived_at is not None


# Lists and filters


WRONG: list[tuple[Callable[[], Any], str]] = [
        (lambda: (f.id == "1") | (f.id == "2"), r"\.is_in"),
        (lambda: (f.id == "1") & (f.id == "2"), "a, b"),
        (lambda: ~(f.id == "1"), "opposite"),
        (lambda: f.id == None, r"f\.id\.is_null\(\)"),  # noqa: E711 - on purpose
        (lambda: f.last_name == None, r"f\.last_name\.is_null\(\)"),  # noqa: E711 - likewise
        (lambda: f.archived_at == None, r"f\.archived_at\.is_null\(\)"),  # noqa: E711 - likewise
        (lambda: f.date_of_birth != None, r"f\.date_of_birth\.is_null\(\)"),  # noqa: E711 - likewise
        (lambda: f.accepted_privacy_policy == None, "no filter for it"),  # noqa: E711 - likewise
        (lambda: f.last_name.is_in(["a", "b"]), "list once for each"),
        (lambda: f.accepted_privacy_policy == "yes", "True or False"),
        (lambda: f.date_of_birth == "1990-12-31", r"date\(2026, 5, 31\)"),
        (lambda: f.created_at > "yesterday", "tzinfo=UTC"),
        (lambda: f.id.is_in([1, 2]), "'123'"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_a_filter_that_there_is_not_says_what_to_write(wrong: Any, says: str) -> None:
    with pytest.raises(InvalidTypeError, match=says):
        wrong()


def test_flags_are_asked_for_without_a_comparison() -> None:
    assert f.accepted_privacy_policy.is_true().text == "accepted_privacy_policy:=true"
    assert f.accepted_privacy_policy.is_false().text == "accepted_privacy_policy:=false"


async def test_what_is_iterated_is_not_awaited() -> None:
    async with Server({}).session() as cliniko:
        lists: list[Any] = [
            cliniko.patients.list(),
            cliniko.patients.scan(),
            cliniko.patients.changes(since=NIGHT),
        ]
        for one in lists:
            with pytest.raises(InvalidTypeError, match="async for"):
                await one
