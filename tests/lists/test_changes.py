"""Changes: the next run from a cursor misses nothing, whatever clocks and updates do."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sessions import AGENT

from cliniko_async import AsyncCliniko, DecodeError, InvalidTypeError, InvalidValueError, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.backend import VIRTUAL_START
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.limits.local import forget

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
START = datetime.fromtimestamp(VIRTUAL_START, UTC)


def session(emulator: Emulator) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xCHANGES-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(100_000),
    )


async def test_each_change_is_told_once_with_its_kind() -> None:
    clinic = Clinic.seeded(patients=30, appointments=40, today=START.date())
    emulator = Emulator(clinic, limit=100_000)
    async with session(emulator) as cliniko:
        await asyncio.sleep(3600)
        changes = cliniko.patients.changes(since=datetime.now(UTC) - timedelta(days=9999))
        assert len(await changes.all()) == 30

        await asyncio.sleep(3600)
        old, other, third = clinic.records("patients")[:3]
        clinic.archiving_touches_updated_at = False
        clinic.update("patients", old["id"], notes="new")
        clinic.mark("patients", other["id"], "archived_at")
        new = clinic.create("patients", first_name="New", last_name="Testperson")
        clinic.update("patients", third["id"], merged_at=clinic.moment())
        second = cliniko.patients.changes(cursor=changes.cursor)
        told = {change.record.id: change.kind for change in await second.all()}
        assert told == {
            old["id"]: "updated",
            other["id"]: "archived",
            new["id"]: "created",
            third["id"]: "merged",
        }
        assert await cliniko.patients.changes(cursor=second.cursor).all() == []

        booked = clinic.records("individual_appointments")
        shown = [b for b in booked if not (b["cancelled_at"] or b["deleted_at"])]
        begin = START + timedelta(seconds=asyncio.get_running_loop().time())
        await asyncio.sleep(3600)
        clinic.mark("individual_appointments", shown[0]["id"], "cancelled_at")
        clinic.mark("individual_appointments", shown[1]["id"], "deleted_at")
        found = await cliniko.individual_appointments.changes(since=begin).all()
        assert {c.record.id: c.kind for c in found} == {
            shown[0]["id"]: "cancelled",
            shown[1]["id"]: "deleted",
        }


async def test_an_unchanged_clinic_costs_a_request_a_mark_and_one() -> None:
    clinic = Clinic.seeded(patients=300, appointments=0, today=START.date())
    emulator = Emulator(clinic, limit=100_000)
    async with session(emulator) as cliniko:
        first = cliniko.patients.changes(since=START)
        await first.all()
        before = emulator.report.requests
        await cliniko.patients.changes(cursor=first.cursor).all()
        assert emulator.report.requests - before == 2


async def test_a_cursor_comes_at_the_end_and_tells_nothing() -> None:
    emulator = Emulator(Clinic(), limit=100_000)
    emulator.clinic.create("patients", first_name="Canaryname", last_name="Canaryname")
    async with session(emulator) as cliniko:
        changes = cliniko.patients.changes(since=START)
        iterator = aiter(changes)
        change = await anext(iterator)
        assert "Canary" not in repr(change)
        with pytest.raises(InvalidValueError, match="last change"):
            _ = changes.cursor
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)
        assert "Canary" not in base64.urlsafe_b64decode(changes.cursor).decode()
        assert change.record.id not in base64.urlsafe_b64decode(changes.cursor).decode()


async def test_a_run_that_was_closed_has_no_cursor() -> None:
    clinic = Clinic.seeded(patients=3, appointments=0, today=START.date())
    emulator = Emulator(clinic, limit=100_000)
    async with session(emulator) as cliniko:
        changes = cliniko.patients.changes(since=START - timedelta(days=9999))
        iterator = aiter(changes)
        await anext(iterator)
        await iterator.aclose()
        assert await anext(iterator, None) is None
        with pytest.raises(InvalidValueError, match="last change"):
            _ = changes.cursor


async def test_a_record_that_does_not_fit_is_an_error_in_each_run_until_it_does() -> None:
    emulator = Emulator(Clinic(), limit=100_000)
    created = emulator.clinic.create("patients", first_name="A", last_name="B")
    async with session(emulator) as cliniko:
        changes = cliniko.patients.changes(since=START, on_bad_record="raise")
        for bad in ("Canary", "2026-01-01T00:00:00", 5):
            emulator.clinic.spoil("patients", created["id"], merged_at=bad)
            iterator = aiter(changes)
            with pytest.raises(DecodeError, match="merged_at") as caught:
                await anext(iterator)
            assert caught.value.id == created["id"]
            assert "Canary" not in str(caught.value)
            assert await anext(iterator, None) is None
        emulator.clinic.update("patients", created["id"], merged_at=None)
        (change,) = await cliniko.patients.changes(cursor=changes.cursor).all()
        assert change.record.id == created["id"]


async def test_bad_arguments_say_what_to_pass() -> None:
    async with session(Emulator(Clinic())) as cliniko:
        wrong: list[tuple[dict[str, Any], type[Exception]]] = [
            ({}, InvalidTypeError),
            ({"since": START, "cursor": "x"}, InvalidTypeError),
            ({"since": "2026-01-01"}, InvalidTypeError),
            ({"since": datetime(2026, 1, 1)}, InvalidValueError),  # noqa: DTZ001 - that is the point
            ({"cursor": "nonsense"}, InvalidValueError),
        ]
        for arguments, error in wrong:
            with pytest.raises(error):
                cliniko.patients.changes(**arguments)


class Copy:
    """What somebody keeps who follows the changes: the latest version of each record."""

    def __init__(self) -> None:
        self.versions: dict[str, tuple[Any, ...]] = {}
        self.cursor: str | None = None

    async def follow(self, cliniko: AsyncCliniko) -> None:
        changes = (
            cliniko.patients.changes(cursor=self.cursor)
            if self.cursor
            else cliniko.patients.changes(since=START - timedelta(days=1))
        )
        async for change in changes:
            patient = change.record
            self.versions[patient.id] = (patient.notes, patient.archived_at)
        self.cursor = changes.cursor


@settings(max_examples=60, phases=PHASES)
@given(data=st.data(), touches=st.booleans(), skew=st.integers(-60, 60))
def test_a_copy_that_follows_the_changes_misses_nothing(
    data: st.DataObject, *, touches: bool, skew: int
) -> None:
    """Updates between any requests, several a second, stamped by a clock that is off."""
    forget()
    emulator = Emulator(Clinic(), limit=100_000, latency=0.5, jitter=0.5)
    clinic = emulator.clinic
    clinic.archiving_touches_updated_at = touches
    true_now: Callable[[], datetime] = clinic.now
    clinic.now = lambda: true_now() + timedelta(seconds=skew)
    count = 0

    def act(*_: object) -> None:
        nonlocal count
        ids = [record["id"] for record in clinic.records("patients")]
        for action in data.draw(st.lists(st.sampled_from("CUA"), max_size=3)):
            count += 1
            if action == "C" or not ids:
                clinic.create("patients", first_name="A", last_name="B", notes=f"v{count}")
            elif action == "U":
                clinic.update("patients", data.draw(st.sampled_from(ids)), notes=f"v{count}")
            else:
                clinic.mark("patients", data.draw(st.sampled_from(ids)), "archived_at")

    async def main() -> Copy:
        copy = Copy()
        async with session(emulator) as cliniko:
            act()
            emulator.on_request(act)
            for _ in range(3):
                await copy.follow(cliniko)
                await asyncio.sleep(data.draw(st.sampled_from([0, 1, 1000])))
            emulator.watch_no_more()
            await copy.follow(cliniko)
        return copy

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        copy = runner.run(main())
    truth = {
        record["id"]: (record["notes"], record["archived_at"] is not None)
        for record in clinic.records("patients")
    }
    kept = {id: (notes, at is not None) for id, (notes, at) in copy.versions.items()}
    assert kept == truth
