"""The nightly mirror, run twice, with the emulator's clinic to count by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from example_programs import KEY, environment, output

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

HALF_A_YEAR = 183


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


def days_ago(number: int) -> str:
    return (datetime.now(UTC) - timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def id_of(relation: dict[str, Any]) -> str:
    return str(relation["links"]["self"]).rpartition("/")[2]


def expected(clinic: Clinic) -> list[str]:
    """What the program is to print after its first line, counted from the clinic itself."""
    patients = {
        p["id"] for p in clinic.records("patients") if not (p["archived_at"] or p["deleted_at"])
    }
    booked = [a for a in clinic.records("individual_appointments") if not a["deleted_at"]]
    seen = {
        id_of(a["patient"])
        for a in booked
        if days_ago(HALF_A_YEAR) <= a["starts_at"] <= days_ago(0)
        and not a["cancelled_at"]
        and not a["did_not_arrive"]
    }
    lines: list[tuple[float, str, str]] = []
    for practitioner in {id_of(a["practitioner"]) for a in booked}:
        own = [a["cancelled_at"] for a in booked if id_of(a["practitioner"]) == practitioner]
        cancelled = len(own) - own.count(None)
        line = f"practitioner {practitioner}: {cancelled} of {len(own)} cancelled"
        lines.append((-cancelled / len(own), practitioner, line))
    unseen = f"{len(patients - seen)} of {len(patients)} patients not seen for six months"
    return [*(line for _, _, line in sorted(lines)), unseen]


async def test_each_night_the_copy_answers_as_the_clinic_would(tmp_path: Path) -> None:
    clinic = Clinic.seeded(patients=60, appointments=300)
    seen, missed, cancelled, long_ago, ahead, gone = clinic.records("patients")[:6]
    who = clinic.records("practitioners")[0]["id"]

    assert not clinic.records("individual_appointments")[9]["cancelled_at"]

    def book(patient: dict[str, Any], days: int, **fields: Any) -> None:
        clinic.create(
            "individual_appointments",
            starts_at=days_ago(days),
            ends_at=days_ago(days),
            patient_id=patient["id"],
            practitioner_id=who,
            **fields,
        )

    book(missed, 10, did_not_arrive=True)
    book(cancelled, 10, cancelled_at=days_ago(11))
    book(long_ago, 200)
    book(ahead, -10)
    emulator, path = Emulator(clinic), tmp_path / "clinic.duckdb"
    async with running(emulator) as base_url:
        env = environment(base_url)
        first = await output("nightly_mirror.py", str(path), env=env)
        assert first.splitlines()[1:] == expected(clinic)
        spent = emulator.report.requests
        book(seen, 20)
        clinic.archive("patients", gone["id"])
        booked = clinic.records("individual_appointments")[9]["id"]
        clinic.mark("individual_appointments", booked, "cancelled_at")
        second = await output("nightly_mirror.py", str(path), env=env)
    assert second.splitlines()[1:] == expected(clinic)
    assert second.splitlines()[1:] != first.splitlines()[1:]
    assert f"{emulator.report.requests - spent} requests" in second.splitlines()[0]
    assert path.stat().st_mode & 0o077 == 0
    for secret in (KEY, *(p["last_name"] for p in clinic.records("patients"))):
        assert secret not in first + second
