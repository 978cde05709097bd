"""How the API moves on: members that no model knows are counted, and told once."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import msgspec
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, Patient, RateLimit
from cliniko_async._models.unknown_members import PAGES_BETWEEN, UnknownMembers
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.resources.bookings import Bookings

RECORD: dict[str, Any] = {
    "id": "1",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
SECRET = "CANARY"


def session(answer: Any) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer)),
    )


@pytest.mark.anyio
async def test_they_are_counted_by_resource_and_path_and_told_once_without_a_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    patient = {
        **RECORD,
        "shoe_size": SECRET,
        "patient_phone_numbers": [{"number": SECRET, "country": SECRET}],
        "custom_fields": {"sections": [{"fields": [{"type": "text", "colour": SECRET}]}]},
        SECRET * 10: SECRET,
    }
    caplog.set_level(logging.INFO)
    async with session(patient) as cliniko:
        assert cliniko.unknown_members == {}
        for _ in range(3):
            await cliniko.with_options(batch_gets=False).patients.get("1")
        await cliniko.taxes.get("1")
        counts = dict(cliniko.unknown_members["patients"])
        assert "custom_fields" in cliniko.unknown_members["taxes"]
    assert counts == {
        "shoe_size": 3,
        "patient_phone_numbers[].country": 3,
        "custom_fields.sections[].fields[].colour": 3,
        "[...]": 3,
    }
    told = [r for r in caplog.records if r.name == "cliniko_async.unknown_members"]
    assert {record.levelname for record in told} == {"INFO"}
    assert len([r for r in told if "patients.shoe_size" in r.getMessage()]) == 1
    assert SECRET not in caplog.text
    assert SECRET not in str(counts)


@pytest.mark.anyio
async def test_all_rows_of_a_first_page_are_looked_at() -> None:
    rows = [{**RECORD, "id": str(n), **({"new": 1} if n % 2 else {})} for n in range(10)]
    async with session({"patients": rows, "total_entries": 10, "links": {}}) as cliniko:
        await cliniko.patients.list().all()
        assert cliniko.unknown_members == {"patients": {"new": 5}}
        assert cliniko.with_options(retries=0).unknown_members == cliniko.unknown_members


def test_later_pages_are_sampled() -> None:
    seen = UnknownMembers()
    old = msgspec.Raw(json.dumps([RECORD] * 5).encode())
    new = msgspec.Raw(json.dumps([{**RECORD, "new": "é" * 50}, RECORD]).encode())
    seen.look_at_page("patients", Patient, old)
    for _ in range(2 * PAGES_BETWEEN):
        seen.look_at_page("patients", Patient, new)
    assert seen.counts == {"patients": {"new": 2}}


@pytest.mark.parametrize("raw", [b"", b"{", b"[", b"[]", b"null", b"[1, null]", b"[[]]", b"\xff"])
def test_what_is_no_record_is_passed_over(raw: bytes) -> None:
    seen = UnknownMembers()
    for _ in range(2 * PAGES_BETWEEN):
        seen.look_at_page("patients", Patient, raw)
    seen.look_at_record("patients", Patient, raw)
    assert seen.counts == {}


def test_a_record_is_looked_at_as_the_kind_that_it_is() -> None:
    seen = UnknownMembers()
    for more in ({"patient": None, "new": 1}, {"hologram": 1}):
        body = json.dumps({**RECORD, **more}).encode()
        seen.look_at_record("bookings", Bookings.model, body)
    assert seen.counts == {"bookings": {"new": 1}}  # of a booking of a new kind, all is new


@pytest.mark.anyio
async def test_the_emulator_sends_nothing_that_is_not_known() -> None:
    emulator = Emulator(Clinic.seeded(patients=50, appointments=50))
    async with AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(10_000),
    ) as cliniko:
        for name in ("patients", "individual_appointments", "attendees", "practitioners"):
            assert await getattr(cliniko, name).list().all()
        await cliniko.settings.get()
        assert cliniko.unknown_members == {}
