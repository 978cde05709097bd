"""The emulator takes writes as the API does: what comes of them, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import anyio
import httpx
import pytest
from sessions import AGENT

from cliniko_async.emulator import Clinic, Emulator

pytestmark = pytest.mark.anyio

TODAY: Final = date(2026, 1, 5)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=5, appointments=0, today=TODAY), limit=100_000)


def client(emulator: Emulator) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=emulator.transport(),
        base_url="https://api.au1.cliniko.com/v1/",
        auth=("MS0xTEST-au1", ""),
        headers={"User-Agent": AGENT},
    )


def booking(emulator: Emulator, starts_at: str = "2026-03-02T09:00:00Z") -> dict[str, Any]:
    resources = ("patients", "practitioners", "businesses", "appointment_types")
    patient, practitioner, business, kind = (
        emulator.clinic.records(resource)[0]["id"] for resource in resources
    )
    return {
        "starts_at": starts_at,
        "patient_id": patient,
        "practitioner_id": practitioner,
        "business_id": business,
        "appointment_type_id": kind,
    }


async def test_what_is_created_can_be_read_changed_and_archived(emulator: Emulator) -> None:
    async with client(emulator) as api:
        made = await api.post("patients", json={"first_name": "Alba", "last_name": "Testperson"})
        url = made.json()["links"]["self"]
        changed = await api.patch(url, json={"last_name": "Exempel"})
        read = await api.get(url)
        archived = await api.post(f"{url}/archive")
        gone = await api.get(url)
        back = await api.post(f"{url}/unarchive")
    assert (made.status_code, changed.status_code) == (201, 200)
    assert changed.json() == read.json()
    assert (read.json()["first_name"], read.json()["last_name"]) == ("Alba", "Exempel")
    assert (archived.status_code, archived.content) == (204, b"")
    assert gone.status_code == 404
    assert (back.status_code, back.json()["archived_at"]) == (200, None)


async def test_a_change_shows_in_lists_at_once_and_is_dated(emulator: Emulator) -> None:
    async with client(emulator) as api:
        before = (await api.get("businesses")).json()["businesses"][0]
        await anyio.sleep(90)
        await api.patch(f"businesses/{before['id']}", json={"city": "Mock Hill"})
        after = (await api.get("businesses")).json()["businesses"][0]
    assert after["city"] == "Mock Hill"
    assert before["created_at"] == after["created_at"]
    assert after["updated_at"] == "2026-01-05T00:01:30Z"


async def test_cases_are_active_until_they_are_closed(emulator: Emulator) -> None:
    patient = emulator.clinic.records("patients")[0]["id"]
    made = [emulator.clinic.create("patient_cases", name=n, patient_id=patient) for n in "AB"]
    emulator.clinic.update("patient_cases", made[0]["id"], closed_at="2026-01-05T00:00:00Z")
    async with client(emulator) as api:
        active = (await api.get("patient_cases/active")).json()["patient_cases"]
    assert [case["name"] for case in active] == ["B"]


async def test_what_is_deleted_for_good_is_gone(emulator: Emulator) -> None:
    async with client(emulator) as api:
        made = await api.post("taxes", json={"name": "VAT", "rate": 20.0})
        url = made.json()["links"]["self"]
        assert (await api.delete(url)).status_code == 204
        assert (await api.get(url)).status_code == 404


@pytest.mark.parametrize(
    ("resource", "body", "fields"),
    [
        ("patients", {"first_name": "Alba"}, {"last_name"}),
        ("patients", {"first_name": 7, "last_name": "Testperson"}, {"first_name"}),
        ("patient_cases", {}, {"name", "patient_id"}),
        (
            "individual_appointments",
            {},
            {"starts_at", "patient_id", "practitioner_id", "appointment_type_id", "business_id"},
        ),
    ],
)
async def test_a_write_that_does_not_fit_is_refused_field_by_field(
    emulator: Emulator, resource: str, body: dict[str, Any], fields: set[str]
) -> None:
    before = len(emulator.clinic.records(resource))
    async with client(emulator) as api:
        answer = await api.post(resource, json=body)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation Failed"
    assert set(answer.json()["errors"]) == fields
    assert len(emulator.clinic.records(resource)) == before


async def test_members_that_the_api_does_not_know_are_ignored(emulator: Emulator) -> None:
    body = {"first_name": "Alba", "last_name": "Testperson", "shoe_size": 44}
    async with client(emulator) as api:
        made = await api.post("patients", json=body)
    assert made.status_code == 201
    assert "shoe_size" not in made.json()


async def test_ids_become_relations(emulator: Emulator) -> None:
    patient = emulator.clinic.records("patients")[0]["id"]
    async with client(emulator) as api:
        made = await api.post("patient_cases", json={"name": "Knee", "patient_id": patient})
        owner = await api.get(made.json()["patient"]["links"]["self"])
    assert "patient_id" not in made.json()
    assert owner.json()["id"] == patient


async def test_booking_brings_an_attendee_and_an_end(emulator: Emulator) -> None:
    body = booking(emulator)
    length = emulator.clinic.records("appointment_types")[0]["duration_in_minutes"]
    assert length == 60
    async with client(emulator) as api:
        made = (await api.post("individual_appointments", json=body)).json()
        query = {"q[]": f"patient_id:={body['patient_id']}"}
        attendees = (await api.get("attendees", params=query)).json()["attendees"]
        listed = (await api.get("bookings")).json()["bookings"]
    assert made["ends_at"] == "2026-03-02T10:00:00Z"
    assert [row["booking"]["links"]["self"].rpartition("/")[2] for row in attendees] == [made["id"]]
    assert [row["id"] for row in listed] == [made["id"]]


async def test_a_cancelled_appointment_needs_a_reason_and_is_hidden(emulator: Emulator) -> None:
    async with client(emulator) as api:
        made = await api.post("individual_appointments", json=booking(emulator))
        url = made.json()["links"]["self"]
        refused = await api.patch(f"{url}/cancel", json={})
        cancelled = await api.patch(f"{url}/cancel", json={"cancellation_reason": 30})
        gone = await api.get(url)
        there = await api.get(url, params={"q[]": "cancelled_at:*"})
        attendees = (await api.get("attendees")).json()["attendees"]
    assert set(refused.json()["errors"]) == {"cancellation_reason"}
    assert (cancelled.status_code, cancelled.content) == (204, b"")
    assert gone.status_code == 404
    assert there.json()["cancellation_reason"] == 30
    assert attendees == []


@pytest.mark.parametrize(
    ("starts_at", "exist"),
    [
        ("2026-03-02T08:00:00Z", False),
        ("2026-03-02T08:30:00Z", True),
        ("2026-03-02T09:00:00Z", True),
        ("2026-03-02T09:59:00Z", True),
        ("2026-03-02T10:00:00Z", False),
    ],
)
async def test_appointments_of_a_practitioner_conflict_while_they_overlap(
    emulator: Emulator,
    starts_at: str,
    exist: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    async with client(emulator) as api:
        one = await api.post("individual_appointments", json=booking(emulator))
        two = await api.post("individual_appointments", json=booking(emulator, starts_at))
        url = f"{two.json()['links']['self']}/conflicts"
        overlapping = (await api.get(url)).json()
        cancel = f"{one.json()['links']['self']}/cancel"
        await api.patch(cancel, json={"cancellation_reason": 50})
        alone = (await api.get(url)).json()
    assert overlapping == {"conflicts": {"exist": exist}}
    assert alone == {"conflicts": {"exist": False}}


async def test_a_patient_has_one_referral_source(emulator: Emulator) -> None:
    path = f"patients/{emulator.clinic.records('patients')[0]['id']}/referral_source"
    async with client(emulator) as api:
        assert (await api.get(path)).status_code == 404
        first = await api.patch(path, json={"notes": "A friend"})
        second = await api.patch(path, json={"notes": "A colleague"})
        read = (await api.get(path)).json()
    assert first.json()["id"] == second.json()["id"] == read["id"]
    assert read["notes"] == "A colleague"


async def test_free_times_leave_out_what_is_booked(emulator: Emulator) -> None:
    ids = booking(emulator, "2026-01-06T22:00:00Z")  # Wednesday, 9 o'clock in Melbourne
    path = (
        f"businesses/{ids['business_id']}/practitioners/{ids['practitioner_id']}"
        f"/appointment_types/{ids['appointment_type_id']}/available_times"
    )
    days = {"from": "2026-01-07", "to": "2026-01-07"}
    async with client(emulator) as api:
        before = (await api.get(path, params=days)).json()["available_times"]
        await api.post("individual_appointments", json=ids)
        after = (await api.get(path, params=days)).json()["available_times"]
        over = await api.get(path, params={"from": "2025-01-01", "to": "2025-01-02"})
    assert before[1:] == after
    assert before[0] == {"appointment_start": "2026-01-06T22:00:00Z"}
    assert over.status_code == 400
