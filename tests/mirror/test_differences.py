"""What has happened since a copy was made, beyond what mirrors show in their own tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.mirror._differences import Differences, Known, Since

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

pytestmark = pytest.mark.anyio

MARKS = ("archived_at", "cancelled_at", "deleted_at")


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, by which a day is measured."""
    return "asyncio"


class _Held:
    """A copy of appointments, all hidden ones with it."""

    def __init__(self, clinic: Clinic) -> None:
        self._records = {
            row["id"]: Known(
                datetime.fromisoformat(row["created_at"]),
                frozenset(mark for mark in MARKS if row[mark]),
            )
            for row in clinic.records("individual_appointments")
        }

    def counts(self) -> list[int]:
        marks = [sum(mark in row.marks for row in self._records.values()) for mark in MARKS]
        return [len(self._records), *marks]

    def known(self, ids: Iterable[str] | None = None) -> dict[str, Known]:
        wanted = self._records if ids is None else set(ids) & self._records.keys()
        return {id: self._records[id] for id in wanted}


async def _directly(request: Coroutine[Any, Any, Any]) -> Any:
    return await request


async def test_a_second_mark_on_a_hidden_record_is_found() -> None:
    emulator = Emulator(Clinic.seeded(patients=50, appointments=120), limit=100_000)
    clinic, name, now = emulator.clinic, "individual_appointments", datetime.now(UTC)
    clinic.archiving_touches_updated_at = False
    clinic.mark(name, clinic.records(name)[0]["id"], "deleted_at")
    copy = _Held(clinic)
    clinic.mark(name, clinic.records(name)[0]["id"], "cancelled_at")
    async with AsyncCliniko(
        "MS0xMARK-au1", user_agent=AGENT, transport=emulator.transport()
    ) as cliniko:
        resource = cliniko.individual_appointments
        differences = Differences(resource, _directly, since=Since(now))
        rows = [bytes(row) async for some in differences.find(copy) for row in some.rows]
    assert any(clinic.records(name)[0]["id"].encode() in row for row in rows)
    assert emulator.report.requests == 1 + len(MARKS)
