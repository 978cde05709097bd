"""The emulator as an httpx client sees it: lists, hidden records, the limit, what goes wrong."""

from __future__ import annotations

import asyncio
import re
from email.utils import parsedate_to_datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from sessions import AGENT

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.facts import load
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cliniko_async.emulator.faults import Fault

pytestmark = pytest.mark.anyio

EIGHT = {
    "patients": "Patient",
    "practitioners": "Practitioner",
    "businesses": "Business",
    "appointment_types": "AppointmentType",
    "individual_appointments": "IndividualAppointment",
    "attendees": "Attendee",
    "invoices": "Invoice",
    "taxes": "Tax",
}
MARKS = ("archived_at", "cancelled_at", "deleted_at")
HEADERS = {"User-Agent": AGENT}


def client(emulator: Emulator, key: str = "MS0xTEST-au1", **options: Any) -> httpx.AsyncClient:
    defaults: dict[str, Any] = {
        "transport": emulator.transport(),
        "base_url": "https://api.au1.cliniko.com/v1/",
        "auth": (key, ""),
        "headers": HEADERS,
    }
    return httpx.AsyncClient(**{**defaults, **options})


@pytest.fixture(scope="module")
def untouched() -> Emulator:
    """A clinic that its tests only read."""
    return Emulator(Clinic.seeded(patients=130, appointments=260), limit=100_000)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=30, appointments=40), limit=100_000)


def visible(emulator: Emulator, resource: str) -> list[dict[str, Any]]:
    return [row for row in emulator.clinic.records(resource) if not any(row.get(m) for m in MARKS)]


async def every_row(api: httpx.AsyncClient, key: str, **query: str) -> list[dict[str, Any]]:
    """The rows of all pages, by the server's own links."""
    found: list[dict[str, Any]] = []
    url, params = key, query or None
    while url:
        answer = (await api.get(url, params=params)).raise_for_status().json()
        found += answer[key]
        url, params = answer["links"].get("next"), None
    return found


@pytest.mark.parametrize("resource", EIGHT)
async def test_a_list_has_the_envelope_and_its_records_the_properties_of_the_facts(
    untouched: Emulator, resource: str
) -> None:
    async with client(untouched) as api:
        answer = (await api.get(resource)).json()
    assert list(answer) == [resource, "total_entries", "links"]
    allowed = set(load().properties(EIGHT[resource]))
    for row in answer[resource]:
        assert set(row) <= allowed
        assert row["links"]["self"] == f"https://api.au1.cliniko.com/v1/{resource}/{row['id']}"
        assert re.fullmatch(r"\d{18,19}", row["id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["created_at"])


async def test_the_links_lead_through_all_rows_once_and_in_the_order_of_creation(
    untouched: Emulator,
) -> None:
    async with client(untouched) as api:
        rows = await every_row(api, "individual_appointments", per_page="37")
    expected = visible(untouched, "individual_appointments")
    assert [row["id"] for row in rows] == [row["id"] for row in expected]
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in expected)


async def test_links_that_lead_nowhere_are_left_out(untouched: Emulator) -> None:
    async with client(untouched) as api:
        first = (await api.get("patients", params={"per_page": 100})).json()["links"]
        last = (await api.get(first["next"])).json()["links"]
        full = (await api.get("businesses", params={"per_page": 3})).json()["links"]
    assert set(first) == {"self", "next"}
    assert set(last) == {"self", "previous"}
    assert set(full) == {"self"}
    assert "per_page=100" in last["previous"]


@pytest.mark.parametrize(("asked", "given"), [(None, 50), ("7", 7), ("100", 100), ("1000", 100)])
async def test_a_page_has_50_rows_or_as_many_as_are_asked_for_up_to_100(
    untouched: Emulator, asked: str | None, given: int
) -> None:
    async with client(untouched) as api:
        answer = await api.get("attendees", params={"per_page": asked} if asked else None)
    assert len(answer.json()["attendees"]) == given


async def test_a_server_can_send_fewer_rows_than_it_was_asked_for() -> None:
    emulator = Emulator(Clinic.seeded(patients=80, appointments=0), page_limit=20)
    async with client(emulator) as api:
        answer = (await api.get("patients", params={"per_page": 100})).json()
    assert len(answer["patients"]) == 20
    assert answer["total_entries"] == len(visible(emulator, "patients"))


PATIENT_FILTERS: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    "first_name:=Hana": lambda row: row["first_name"] == "Hana",
    "first_name:!=Hana": lambda row: row["first_name"] != "Hana",
    "last_name:~sample": lambda row: "sample" in row["last_name"].lower(),
    "last_name:~~Demø-%": lambda row: row["last_name"].startswith("Demø-"),
    "date_of_birth:=****-05-**": lambda row: row["date_of_birth"][5:7] == "05",
    "date_of_birth:<1970-01-01": lambda row: row["date_of_birth"] < "1970",
    "created_at:>=2021-03-03T00:00:00Z": lambda row: row["created_at"] >= "2021-03-03",
    "created_at:<2021-03-03T00:00:00Z": lambda row: row["created_at"] < "2021-03-03",
    "accepted_privacy_policy:=true": lambda row: row["accepted_privacy_policy"] is True,
    "accepted_privacy_policy:!=true": lambda row: row["accepted_privacy_policy"] is not True,
    "old_reference_id:!?": lambda _: True,
    "old_reference_id:?": lambda _: False,
}


@pytest.mark.parametrize("condition", PATIENT_FILTERS)
async def test_a_filter_lets_through_what_it_says(untouched: Emulator, condition: str) -> None:
    async with client(untouched) as api:
        rows = await every_row(api, "patients", **{"q[]": condition})
    expected = filter(PATIENT_FILTERS[condition], visible(untouched, "patients"))
    assert [row["id"] for row in rows] == [row["id"] for row in expected]


async def test_conditions_are_joined_by_and(untouched: Emulator) -> None:
    both = ["first_name:=Hana", "accepted_privacy_policy:=true"]
    async with client(untouched) as api:
        answer = (await api.get("patients", params={"q[]": both, "per_page": 100})).json()
    assert {row["id"] for row in answer["patients"]} == {
        row["id"]
        for row in visible(untouched, "patients")
        if row["first_name"] == "Hana" and row["accepted_privacy_policy"]
    }


async def test_ids_are_asked_for_by_the_list_and_relations_by_the_id_they_lead_to(
    untouched: Emulator,
) -> None:
    some = [row["id"] for row in visible(untouched, "patients")[3:6]]
    async with client(untouched) as api:
        found = await every_row(api, "patients", **{"q[]": f"id:={','.join(some)}"})
        theirs = await every_row(api, "attendees", **{"q[]": f"patient_id:={some[0]}"})
    assert [row["id"] for row in found] == some
    assert theirs
    for row in theirs:
        assert row["patient"]["links"]["self"].endswith(f"/patients/{some[0]}")


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ("shoe_size:=44", "shoe_size is not filterable"),
        ("created_at:=2021-03-01T09:00:00Z", None),
        ("id:=abc", "Filter value for id must be a number"),
        ("id:>1,2", "Filter value for id must be a number"),
        ("first_name:>A", None),
        ("nonsense", None),
    ],
)
async def test_a_filter_that_the_api_does_not_have_is_refused(
    untouched: Emulator, condition: str, complaint: str | None
) -> None:
    async with client(untouched) as api:
        answer = await api.get("patients", params={"q[]": condition})
    assert answer.status_code == 400
    assert complaint in (None, answer.json()["message"])


async def test_filters_without_brackets_are_ignored_without_a_word(untouched: Emulator) -> None:
    async with client(untouched) as api:
        answer = (await api.get("patients", params={"q": "first_name:=Nobody"})).json()
    assert answer["total_entries"] == len(visible(untouched, "patients"))


async def test_sorting_by_several_fields_up_and_down(untouched: Emulator) -> None:
    async with client(untouched) as api:
        rows = await every_row(api, "patients", sort="first_name,date_of_birth:desc")
    expected = sorted(visible(untouched, "patients"), key=itemgetter("date_of_birth"), reverse=True)
    expected.sort(key=itemgetter("first_name"))
    assert [row["id"] for row in rows] == [row["id"] for row in expected]


async def test_archived_records_are_hidden_unless_they_are_asked_for(emulator: Emulator) -> None:
    id = visible(emulator, "patients")[0]["id"]
    async with client(emulator) as api:
        before = await every_row(api, "patients")
        assert (await api.post(f"patients/{id}/archive")).status_code == 204
        after = await every_row(api, "patients")
        both = await every_row(api, "patients", **{"q[]": "archived_at:*"})
        only = await every_row(api, "patients", **{"q[]": "archived_at:?"})
        gone = await api.get(f"patients/{id}")
        there = await api.get(f"patients/{id}", params={"q[]": "archived_at:?"})
    assert {row["id"] for row in before} - {row["id"] for row in after} == {id}
    assert len(both) == len(emulator.clinic.records("patients"))
    assert {row["id"] for row in both} == {row["id"] for row in [*after, *only]}
    assert (gone.status_code, gone.json()) == (404, {"status": "404", "error": "Not Found"})
    assert there.json()["archived_at"] is not None


async def test_each_mark_hides_on_its_own(emulator: Emulator) -> None:
    id = visible(emulator, "individual_appointments")[0]["id"]
    emulator.clinic.mark("individual_appointments", id, "cancelled_at")
    emulator.clinic.mark("individual_appointments", id, "deleted_at")
    path = f"individual_appointments/{id}"
    async with client(emulator) as api:
        one = await api.get(path, params={"q[]": "cancelled_at:*"})
        both = await api.get(path, params={"q[]": ["cancelled_at:*", "deleted_at:*"]})
    assert (one.status_code, both.status_code) == (404, 200)


async def test_practitioners_who_left_are_in_a_list_of_their_own(untouched: Emulator) -> None:
    async with client(untouched) as api:
        here = (await api.get("practitioners")).json()["practitioners"]
        left = (await api.get("practitioners/inactive")).json()["practitioners"]
    assert all(row["active"] for row in here)
    assert left
    assert not any(row["active"] for row in left)


async def test_rows_come_and_go_between_the_pages_of_a_listing(emulator: Emulator) -> None:
    shown = visible(emulator, "patients")

    def leave(_method: str, _path: str) -> None:
        if emulator.report.requests == 2:
            emulator.clinic.archive("patients", shown[0]["id"])

    emulator.on_request(leave)
    async with client(emulator) as api:
        rows = await every_row(api, "patients", per_page="10")
    missed = {row["id"] for row in shown} - {row["id"] for row in rows}
    assert missed == {shown[10]["id"]}, "pages shift, as they do at the API"


async def test_every_request_over_the_limit_is_refused_until_the_window_ends() -> None:
    emulator = Emulator(limit=3, per=60.0)
    async with client(emulator) as api, client(emulator, "OTHER-au1") as other:
        await anyio.sleep(59.5)
        assert [(await api.get("taxes")).status_code for _ in range(5)] == [200] * 3 + [429] * 2
        refused = await api.get("taxes")
        assert (await other.get("taxes")).status_code == 200
        reset, date = refused.headers["X-RateLimit-Reset"], refused.headers["Date"]
        assert 0 < int(reset) - parsedate_to_datetime(date).timestamp() <= 1
        await anyio.sleep(0.5)
        assert (await api.get("taxes")).status_code == 200
    assert emulator.report.refused == 3
    assert emulator.report.busiest(0.5, key="MS0xTEST-au1") == 6
    assert emulator.report.busiest(0.6, key="MS0xTEST-au1") == 7


async def test_keys_of_one_user_share_a_limit() -> None:
    emulator = Emulator(limit=2, keys={"A-au1": "ines", "B-au1": "ines"})
    async with client(emulator, "A-au1") as one, client(emulator, "B-au1") as two:
        answers = [await api.get("taxes") for api in (one, two, one)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_a_wrong_key_and_a_user_agent_without_an_address_are_turned_away() -> None:
    emulator = Emulator(keys={"A-au1": "ines"})
    async with client(emulator, "B-au1") as stranger:
        refused = await stranger.get("taxes")
        assert (await stranger.get("taxes", auth=("A-au1", "secret"))).status_code == 401
    async with client(emulator, "A-au1", headers={"User-Agent": "curl"}) as nameless:
        blocked = await nameless.get("taxes")
    assert refused.status_code == 401
    assert refused.text.startswith("HTTP Basic: Access denied")
    assert blocked.status_code == 403


ERRORS: Mapping[Fault, type[Exception]] = {
    "cut": httpx.RemoteProtocolError,
    "reset": httpx.ReadError,
    "refuse": httpx.ConnectError,
    "hang": httpx.ReadTimeout,
}


@pytest.mark.parametrize("fault", ERRORS)
async def test_a_broken_connection_is_an_error_of_httpx_once(
    emulator: Emulator, fault: Fault
) -> None:
    emulator.faults.next(fault, path="/patients")
    async with client(emulator, timeout=30.0) as api:
        assert (await api.get("taxes")).status_code == 200
        with pytest.raises(ERRORS[fault]):
            await api.get("patients")
        assert (await api.get("patients")).status_code == 200


async def test_the_share_of_faults_is_the_rate_and_writes_are_spared(emulator: Emulator) -> None:
    emulator.faults.rate, emulator.faults.kinds = 0.2, ("503",)
    async with client(emulator) as api:
        got = [(await api.get("taxes")).status_code for _ in range(400)]
        posted = [(await api.post("taxes", json={})).status_code for _ in range(40)]
    assert 50 < got.count(503) < 110
    assert set(got) == {200, 503}
    assert set(posted) == {201}


async def test_the_server_goes_on_after_its_client_has_left() -> None:
    emulator = Emulator(latency=5.0)
    async with client(emulator, timeout=1.0) as api:
        with pytest.raises(httpx.ReadTimeout):
            await api.post("taxes", json={"name": "GST"})
        with anyio.move_on_after(1):
            await api.post("taxes", json={"name": "VAT"})
        assert not emulator.clinic.records("taxes")
        await anyio.sleep(10)
    assert [tax["name"] for tax in emulator.clinic.records("taxes")] == ["GST", "VAT"]


async def test_requests_are_answered_side_by_side_and_latency_varies_within_its_bounds() -> None:
    emulator = Emulator(latency=0.2, jitter=0.1)
    loop = asyncio.get_running_loop()
    ends: list[float] = []

    async def get(api: httpx.AsyncClient) -> None:
        await api.get("taxes")
        ends.append(loop.time())

    start = loop.time()
    async with client(emulator) as api, anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(get, api)
    assert start + 0.1 <= min(ends) < max(ends) <= start + 0.3 + 1e-3


def test_a_made_up_clinic_is_the_same_each_time_and_another_with_another_seed() -> None:
    one, same, other = (Clinic.seeded(patients=40, appointments=50, seed=n) for n in (3, 3, 4))
    for resource in EIGHT:
        assert one.records(resource) == same.records(resource)
    assert one.records("patients") != other.records("patients")


def test_a_made_up_clinic_holds_together_and_has_what_real_ones_have(untouched: Emulator) -> None:
    clinic = untouched.clinic
    for resource in ("individual_appointments", "attendees", "invoices"):
        for row in clinic.records(resource):
            for name in ("patient", "practitioner", "business", "appointment_type", "booking"):
                if name in row:
                    home, id = row[name]["links"]["self"].split("/")[-2:]
                    assert clinic.find(home, id), (resource, name)
    patients = clinic.records("patients")
    assert len({row["created_at"] for row in patients}) < len(patients), "some share a second"
    ids = [int(row["id"]) for row in patients]
    assert ids != sorted(ids), "ids say nothing about time"
    assert all(row["email"].endswith("@example.com") for row in patients)
    assert any(not row["first_name"].isascii() for row in patients)
    assert any(row["archived_at"] for row in patients)
    assert any(row["cancelled_at"] for row in clinic.records("individual_appointments"))


async def test_the_plugin_gives_each_test_a_clinic(cliniko_emulator: Emulator) -> None:
    async with client(cliniko_emulator) as api:
        answer = await api.get("patients", params={"per_page": 100})
    assert len(answer.json()["patients"]) == 100


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_it_serves_on_a_real_socket_and_cuts_bodies_there_too(emulator: Emulator) -> None:
    emulator.faults.next("cut", path="/patients")
    async with (
        running(emulator) as base_url,
        httpx.AsyncClient(auth=("MS0x-au1", ""), headers=HEADERS) as api,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await api.get(f"{base_url}/patients")
        answer = (await api.get(f"{base_url}/patients")).json()
    assert answer["links"]["self"].startswith(base_url)
    assert answer["patients"][0]["links"]["self"].startswith(base_url)
