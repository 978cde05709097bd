"""The web service behind the patient button: what it shows, to whom, and what it logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from example_programs import KEY, PASSWORD, environment, serving

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NAME = "<script>alert('&')</script>"
PHONE = "0491 570-156"


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


@pytest.fixture
def clinic() -> Clinic:
    return Clinic.seeded(patients=3, appointments=12)


@pytest.fixture
def patient(clinic: Clinic) -> dict[str, Any]:
    """Somebody whose name is a program."""
    return clinic.create(
        "patients",
        first_name="Fenna",
        last_name=NAME,
        date_of_birth="1951-02-03",
        patient_phone_numbers=[{"number": PHONE, "phone_type": "Mobile"}],
    )


def day(number: int) -> str:
    """Noon, so many days from now."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0)
    return (noon + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%d %B %Y, %H:%M} UTC"


def book(clinic: Clinic, kind: str, days: int, **fields: Any) -> dict[str, Any]:
    """An appointment with a practitioner of its own."""
    who = clinic.records("practitioners")[days]["id"]
    clinic.update("practitioners", who, display_name=f"Dr <i>No. {days}</i>")
    return clinic.create(
        kind, starts_at=day(days), ends_at=day(days), practitioner_id=who, **fields
    )


async def test_the_button_shows_what_is_to_come_and_to_be_paid(
    clinic: Clinic, patient: dict[str, Any]
) -> None:
    own, other = patient["id"], clinic.records("patients")[0]["id"]
    last = book(clinic, "individual_appointments", 7, patient_id=own)  # with one who has left
    book(clinic, "individual_appointments", 1, patient_id=own, cancelled_at=day(0))
    book(clinic, "individual_appointments", 2, patient_id=other)
    first = book(clinic, "group_appointments", 3, patient_ids=[other, own])
    for number, status in ((501, 10), (502, 20), (503, 30)):
        clinic.create(
            "invoices", number=number, status=status, patient_id=own, issue_date="2026-02-03"
        )
    emulator = Emulator(clinic)
    async with running(emulator) as base_url, serving(environment(base_url)) as service:
        answer = await service.browser.get("/patient", params={"patient_id": own})
    assert answer.status_code == 200, answer.text
    page = answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert page.count("<li>") == 3
    in_order = [
        f"{shown(first['starts_at'])}, Dr &lt;i&gt;No. 3&lt;",
        f"{shown(last['starts_at'])}, Dr &lt;i&gt;No. 7&lt;",
    ]
    assert sorted(in_order, key=page.index) == in_order
    assert "No. 501 of 2026-02-03" in page
    assert "502" not in page
    assert "503" not in page
    assert "Fenna &lt;script&gt;" in page
    assert "<script" not in page


async def test_the_desk_finds_patients_by_name_and_phone(
    clinic: Clinic, patient: dict[str, Any]
) -> None:
    clinic.create("patients", last_name="Prescripton", patient_phone_numbers=[])
    found = {"id": patient["id"], "name": f"Fenna {NAME}", "born": "1951-02-03"}
    async with running(Emulator(clinic)) as base_url, serving(environment(base_url)) as service:

        async def search(**wanted: str) -> Any:
            return (await service.browser.post("/search", json=wanted)).json()

        assert len(await search(last_name="SCRIPT")) == 2
        assert await search(last_name="script", phone="(0491) 57") == [found]
        assert await search(last_name="script", phone="999") == []


async def test_what_goes_wrong_has_a_status_of_its_own(
    clinic: Clinic, patient: dict[str, Any]
) -> None:
    for _ in range(600):
        clinic.create("patients", last_name="Everywhere")
    async with running(Emulator(clinic)) as base_url, serving(environment(base_url)) as service:
        browser = service.browser
        unknown = await browser.get("/patient?patient_id=5")
        crooked = await browser.get("/patient?patient_id=5/../6")
        stranger = await browser.get(f"/patient?patient_id={patient['id']}", auth=("desk", "no"))
        too_many = await browser.post("/search", json={"last_name": "ever"})
    statuses = [answer.status_code for answer in (unknown, crooked, stranger, too_many)]
    assert statuses == [404, 422, 401, 422]
    assert stranger.headers["www-authenticate"] == "Basic"


async def test_a_full_window_is_a_503_that_says_when(
    clinic: Clinic, patient: dict[str, Any]
) -> None:
    emulator = Emulator(clinic)
    async with running(emulator) as base_url:
        env = environment(base_url, CLINIKO_RATE_LIMIT="4/600")
        async with serving(env) as service:
            button = f"/patient?patient_id={patient['id']}"
            assert (await service.browser.get(button)).status_code == 200
            answer = await service.browser.get(button)
    assert answer.status_code == 503
    assert 590 <= int(answer.headers["retry-after"]) <= 610
    assert emulator.report.requests == 4


async def test_the_log_shows_ids_and_nothing_else(clinic: Clinic, patient: dict[str, Any]) -> None:
    emulator = Emulator(clinic, keys={KEY: "ann"})
    button = f"/patient?patient_id={patient['id']}"
    async with running(emulator) as base_url, serving(environment(base_url)) as service:
        await service.browser.get(button)
        await service.browser.post("/search", json={"last_name": "script", "phone": PHONE})
        await service.browser.post("/search", json={"last_name": "script" * 50, "phone": PHONE})
        emulator.faults.next("cut")
        await service.browser.get(button)
        clinic.spoil("patients", patient["id"], date_of_birth="some day in 1951")
        assert (await service.browser.get(button)).status_code == 502
    assert service.log.count(button) == 3
    for secret in ("script", "Fenna", "0491", "some day", "Basic", KEY, PASSWORD):
        assert secret not in service.log
