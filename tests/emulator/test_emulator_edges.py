"""What the emulator makes of requests that are odd, wrong, or about something that is not there."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.facts import load

pytestmark = pytest.mark.anyio


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=20, appointments=10), limit=100_000)


def client(emulator: Emulator, shard: str = "au1", **options: Any) -> httpx.AsyncClient:
    defaults: dict[str, Any] = {
        "transport": emulator.transport(),
        "base_url": f"https://api.{shard}.cliniko.com/v1/",
        "auth": ("MS0xTEST-au1", ""),
        "headers": {"User-Agent": AGENT},
    }
    return httpx.AsyncClient(**{**defaults, **options})


@pytest.mark.parametrize("token", ["!!!", "A", base64.b64encode(b"\xff\xfe:").decode()])
async def test_credentials_that_cannot_be_read_are_refused(emulator: Emulator, token: str) -> None:
    async with client(emulator, auth=None) as api:
        answer = await api.get("taxes", headers={"Authorization": f"Basic {token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "shoes"), ("POST", "invoices"), ("PUT", "patients/1")]
)
async def test_what_the_api_does_not_have_is_not_found_and_counts(method: str, path: str) -> None:
    emulator = Emulator(limit=1)
    async with client(emulator) as api:
        answer = await api.request(method, path)
        refused = await api.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"status": "404", "error": "Not Found"})
    assert "Date" in answer.headers
    assert refused.status_code == 429
    assert emulator.report.requests == 2


async def test_links_lead_to_the_server_that_was_asked(emulator: Emulator) -> None:
    for shard in ("au1", "uk1", "au1"):
        async with client(emulator, shard) as api:
            row = (await api.get("patients")).json()["patients"][0]
        assert row["links"]["self"].startswith(f"https://api.{shard}.cliniko.com/v1/patients/")


@pytest.mark.parametrize("second", ["10:00:05.500Z", "20:00:05.5+10:00", "00:00:05.5-10:00"])
async def test_moments_are_compared_as_moments(second: str) -> None:
    clinic = Clinic()
    for number in (4, 5, 6):
        clinic.create("taxes", name=str(number), created_at=f"2026-01-05T10:00:0{number}Z")
    names: dict[str, list[str]] = {}
    async with client(Emulator(clinic)) as api:
        for operator in (">", ">=", "<", "<="):
            query = {"q[]": f"created_at:{operator}2026-01-05T{second}"}
            rows = (await api.get("taxes", params=query)).json()["taxes"]
            names[operator] = [row["name"] for row in rows]
    assert names == {">": ["6"], ">=": ["6"], "<": ["4", "5"], "<=": ["4", "5"]}


async def test_a_moment_that_does_not_exist_is_refused(emulator: Emulator) -> None:
    async with client(emulator) as api:
        answer = await api.get("taxes", params={"q[]": "created_at:>2026-13-01T00:00:00Z"})
    assert answer.status_code == 400


async def test_order_turns_a_list_round_as_it_did_before_it_was_deprecated(
    emulator: Emulator,
) -> None:
    async with client(emulator) as api:
        rows = (await api.get("patients", params={"order": "desc"})).json()["patients"]
    moments = [row["created_at"] for row in rows]
    assert moments == sorted(moments, reverse=True) != sorted(moments)


async def test_relations_are_no_order(emulator: Emulator) -> None:
    async with client(emulator) as api:
        answer = await api.get("attendees", params={"sort": "patient"})
    assert answer.status_code == 400


async def test_a_body_that_is_no_json_is_refused(emulator: Emulator) -> None:
    async with client(emulator) as api:
        answer = await api.post("taxes", content=b"{")
    assert answer.status_code == 422


async def test_moments_in_bodies_are_kept_in_utc_and_refused_if_they_are_none(
    emulator: Emulator,
) -> None:
    ids = {
        f"{name}_id": emulator.clinic.records(resource)[0]["id"]
        for name, resource in (
            ("patient", "patients"),
            ("practitioner", "practitioners"),
            ("business", "businesses"),
            ("appointment_type", "appointment_types"),
        )
    }
    async with client(emulator) as api:
        body = {**ids, "starts_at": "2026-02-02T20:00:00+11:00"}
        made = await api.post("individual_appointments", json=body)
        body = {**ids, "starts_at": "soon"}
        refused = await api.post("individual_appointments", json=body)
    assert made.json()["starts_at"] == "2026-02-02T09:00:00Z"
    assert made.json()["ends_at"] == "2026-02-02T10:00:00Z"
    assert set(refused.json()["errors"]) == {"starts_at"}


async def test_what_is_only_written_is_not_read_back(emulator: Emulator) -> None:
    body = {"first_name": "Alba", "last_name": "Testperson", "unsubscribe_sms_marketing": True}
    async with client(emulator) as api:
        made = (await api.post("patients", json=body)).json()
    assert set(made) <= set(load().properties("Patient"))
    assert made["accepted_sms_marketing"] is False


async def test_signatures_are_found_under_their_form(emulator: Emulator) -> None:
    form = emulator.clinic.create("patient_forms", name="Consent")
    signature = emulator.clinic.create("signatures")
    async with client(emulator) as api:
        answer = await api.get(f"patient_forms/{form['id']}/signatures/{signature['id']}")
    assert answer.json()["id"] == signature["id"]


def test_telephone_numbers_are_of_those_that_are_set_aside_for_fiction() -> None:
    clinic = Clinic.seeded(patients=100, appointments=0)
    set_aside = {"006", "110", "156", "157", "158", "159", "313", "737"}
    for patient in clinic.records("patients"):
        for phone in patient["patient_phone_numbers"]:
            assert phone["number"].removeprefix("0491 570 ") in set_aside
