"""The examples, run as their readers run them: as programs, against a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from example_programs import environment, output

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


async def said(emulator: Emulator, name: str, *arguments: str) -> str:
    """What an example prints, on either stream."""
    async with running(emulator) as base_url:
        return await output(name, *arguments, env=environment(base_url))


async def test_booking_books_once_and_sees_clashes() -> None:
    clinic = Clinic.seeded(patients=2, appointments=0)
    emulator = Emulator(clinic)
    one, other = (patient["id"] for patient in clinic.records("patients"))
    nine = "2030-03-04T09:00:00+11:00"
    booked = await said(emulator, "booking.py", one, nine)
    assert booked.endswith("for 03 March, 22:00 UTC, without video")
    assert "not free" in await said(emulator, "booking.py", other, nine)
    first, second = clinic.records("individual_appointments")
    assert first["cancelled_at"] is None
    assert second["cancellation_reason_description"] == "Other"


async def test_nightly_changes_tell_nothing_twice(tmp_path: Path) -> None:
    clinic = Clinic.seeded(patients=5, appointments=120)
    emulator, state = Emulator(clinic), str(tmp_path / "state")
    booked = clinic.records("individual_appointments")
    cancelled = sum(row["cancelled_at"] is not None and not row["deleted_at"] for row in booked)
    assert f"{cancelled} cancelled" in await said(emulator, "nightly_changes.py", state)
    assert await said(emulator, "nightly_changes.py", state) == "nothing new"
    shown = next(
        row for row in clinic.records("individual_appointments") if not row["cancelled_at"]
    )
    clinic.update("individual_appointments", shown["id"], notes="Moved")
    assert await said(emulator, "nightly_changes.py", state) == "1 updated"
