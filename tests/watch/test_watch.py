"""Watching: every change is told, with what has changed, whatever fails; quiet polls are cheap."""

from __future__ import annotations

import asyncio
import base64
import itertools
from datetime import UTC, datetime, timedelta
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

import pytest
from sessions import AGENT

from cliniko_async import (
    AsyncCliniko,
    AuthenticationError,
    ClinikoError,
    DecodeError,
    InvalidTypeError,
    InvalidValueError,
    RateLimit,
    SessionClosedError,
    Watch,
    WatchedChange,
)
from cliniko_async._watch.pace import Pace, Tally
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.backend import VIRTUAL_START

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliniko_async.emulator.faults import Fault

pytestmark = pytest.mark.anyio

START = datetime.fromtimestamp(VIRTUAL_START, UTC)
HOUR = 3600
KEY = "MS0xWATCHA-au1"


def session(emulator: Emulator, *, rate: RateLimit | None = None, key: str = KEY) -> AsyncCliniko:
    return AsyncCliniko(
        key,
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=rate or RateLimit(100_000),
    )


def seeded(patients: int = 30, appointments: int = 40) -> Emulator:
    clinic = Clinic.seeded(patients=patients, appointments=appointments, today=START.date())
    return Emulator(clinic, limit=100_000)


async def taken(watch: Watch[Any], seconds: float = 600) -> list[WatchedChange[Any]]:
    """What a watch tells within some seconds; all of it is taken."""
    found: list[WatchedChange[Any]] = []
    try:
        async with asyncio.timeout(seconds):
            async for change in watch:
                found.append(change)  # noqa: PERF401 - a comprehension would lose them at the end
    except TimeoutError:
        pass
    watch.taken()
    return found


def kinds(changes: Iterable[WatchedChange[Any]]) -> dict[str, str]:
    return {change.record.id: change.kind for change in changes}


def shown(emulator: Emulator, resource: str) -> list[dict[str, Any]]:
    """Records that are not hidden."""
    marks = ("archived_at", "cancelled_at", "deleted_at")
    return [r for r in emulator.clinic.records(resource) if not any(map(r.get, marks))]


async def test_each_change_is_told_once_with_its_kind_and_fields() -> None:
    emulator = seeded()
    clinic = emulator.clinic
    async with session(emulator) as cliniko:
        watch = cliniko.individual_appointments.watch(every=60)
        assert await taken(watch) == []
        moved, noted, cancelled, deleted = [r["id"] for r in shown(emulator, watched)[:4]]
        for id in (moved, noted):  # so that their versions are known
            clinic.update(watched, id, notes="seen")
        assert kinds(await taken(watch)) == {moved: "updated", noted: "updated"}

        clinic.update(watched, moved, starts_at="2026-03-01T00:00:00Z")
        clinic.update(watched, noted, notes="seen again")
        clinic.mark(watched, cancelled, "cancelled_at")
        clinic.mark(watched, deleted, "deleted_at")
        found = await taken(watch)
        assert kinds(found) == {
            moved: "rescheduled",
            noted: "updated",
            cancelled: "cancelled",
            deleted: "deleted",
        }
        assert len(found) == 4
        fields = {change.record.id: change.fields for change in found}
        assert fields[moved] == frozenset({"starts_at"})
        assert fields[noted] == frozenset({"notes"})
        assert fields[cancelled] is None
        assert len({change.version for change in found}) == 4
        assert await taken(watch, HOUR) == []


watched = "individual_appointments"


async def test_marks_that_leave_updated_at_alone_are_told_within_as_many_polls() -> None:
    emulator = seeded()
    emulator.clinic.archiving_touches_updated_at = False
    async with session(emulator) as cliniko:
        watch = cliniko.individual_appointments.watch(every=60)
        await taken(watch)
        ids = [r["id"] for r in shown(emulator, watched)]
        for id, mark in zip(ids, ("archived_at", "cancelled_at", "deleted_at"), strict=False):
            emulator.clinic.mark(watched, id, mark)
        found = await taken(watch, 3 * 60 + 5)
        assert kinds(found) == dict(zip(ids, ("archived", "cancelled", "deleted"), strict=False))


async def test_what_comes_back_from_the_archive_is_told() -> None:
    emulator = seeded()
    clinic = emulator.clinic
    clinic.archiving_touches_updated_at = False
    gone = shown(emulator, "patients")[0]["id"]
    async with session(emulator) as cliniko:
        clinic.mark("patients", gone, "archived_at")
        await asyncio.sleep(3 * HOUR)
        watch = cliniko.patients.watch()
        assert await taken(watch) == []
        clinic.records("patients")
        clinic.spoil("patients", gone, archived_at=None)
        (change,) = await taken(watch)
        assert (change.kind, change.record.id) == ("restored", gone)


@pytest.mark.parametrize(
    ("resource", "most"), [("patients", 2), ("individual_appointments", 2), ("practitioners", 2)]
)
async def test_a_quiet_poll_costs_two_requests_at_the_most(resource: str, most: int) -> None:
    emulator = seeded(300, 300)
    async with session(emulator) as cliniko:
        watch = cliniko.watch(resource, every=60)
        await taken(watch, 30)  # the first poll, which asks about everything
        before = emulator.report.requests
        assert await taken(watch, HOUR) == []
        assert emulator.report.requests - before <= 60 * most


async def test_several_resources_have_one_cursor() -> None:
    emulator = seeded()
    async with session(emulator) as cliniko:
        names = ("patients", "individual_appointments")
        watch = cliniko.watch(*names)
        await taken(watch)
        emulator.clinic.create("patients", first_name="New", last_name="Testperson")
        first = await anext(watch)
        watch.taken()
        assert (first.resource, first.kind) == ("patients", "created")
        booked = shown(emulator, watched)[0]["id"]
        emulator.clinic.update(watched, booked, notes="new")
        again = cliniko.watch(*names, cursor=watch.cursor)
        (change,) = await taken(again)
        assert (change.resource, change.record.id) == (watched, booked)


async def test_the_cursor_is_behind_what_was_taken_and_no_further() -> None:
    emulator = seeded()
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch()
        await taken(watch)
        new = {
            emulator.clinic.create("patients", first_name=str(n), last_name="T")["id"]
            for n in range(5)
        }
        given = [(await anext(watch)).record.id for _ in range(3)]
        # The third was given, and nobody said that it was dealt with.
        rest = kinds(await taken(cliniko.patients.watch(cursor=watch.cursor)))
        assert set(rest) == new - set(given[:2])
        watch.taken()
        rest = kinds(await taken(cliniko.patients.watch(cursor=watch.cursor)))
        assert set(rest) == new - set(given)


async def test_each_poll_hands_out_a_cursor_to_keep() -> None:
    emulator = seeded()
    kept: list[str] = []
    async with session(emulator) as cliniko:
        await taken(cliniko.watch("patients", watched, on_cursor=kept.append), 130)
        assert len(kept) == 3
        new = emulator.clinic.create("patients", first_name="New", last_name="T")["id"]
        # A watch of fewer resources loses none of the others' places.
        await asyncio.sleep(HOUR)
        fewer = cliniko.individual_appointments.watch(cursor=kept[-1])
        assert await taken(fewer) == []
        assert kinds(await taken(cliniko.patients.watch(cursor=fewer.cursor))) == {new: "created"}


async def test_a_machine_that_slept_polls_when_it_wakes() -> None:
    emulator = seeded(3, 0)
    async with session(emulator) as cliniko:
        await cliniko.patients.list().first()
        inner = vars(cliniko)["_session"]
        slept = 0.0
        loop = asyncio.get_running_loop()
        tally = Tally(limit=0)
        pace = Pace(inner, every=HOUR, share=1, tally=tally, wall=lambda: loop.time() + slept)
        await pace.wait()
        pace.polled()
        begin = loop.time()
        waiting = asyncio.create_task(pace.wait())
        await asyncio.sleep(100)
        slept = 8 * HOUR  # which the loop's own clock knows nothing of
        await waiting
        assert 100 <= loop.time() - begin <= 110
        pace.polled()  # once, for all that was missed
        begin = loop.time()
        await pace.wait()
        assert loop.time() - begin == pytest.approx(HOUR)


async def test_a_later_process_knows_the_fields_of_the_version_before() -> None:
    emulator = seeded()
    id = shown(emulator, watched)[0]["id"]
    async with session(emulator) as cliniko:
        watch = cliniko.individual_appointments.watch()
        await taken(watch)
        emulator.clinic.update(watched, id, notes="seen")
        await taken(watch)
    await asyncio.sleep(48 * HOUR)
    emulator.clinic.update(watched, id, starts_at="2026-03-01T00:00:00Z")
    async with session(emulator) as cliniko:
        (change,) = await taken(cliniko.individual_appointments.watch(cursor=watch.cursor))
        assert (change.kind, change.fields) == ("rescheduled", frozenset({"starts_at"}))


async def test_what_is_remembered_is_bounded() -> None:
    emulator = seeded(200, 0)
    ids = [r["id"] for r in shown(emulator, "patients")][:60]
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch(remember=50)
        await taken(watch)
        for turn in ("one", "two"):
            for id in ids:
                emulator.clinic.update("patients", id, notes=turn)
            found = await taken(watch)
            assert len(found) == 60
        known = [change for change in found if change.fields is not None]
        assert len(known) <= 50
        await asyncio.sleep(3 * HOUR)
        await taken(watch)
        assert len(watch.cursor) < 50 * 200 + 1500
        emulator.clinic.update("patients", ids[-1], notes="three")
        (change,) = await taken(watch)
        assert change.fields == frozenset({"notes"})


async def test_a_cursor_tells_nothing_of_records() -> None:
    emulator = seeded(5, 0)
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch(since=START - timedelta(days=3650))
        emulator.clinic.create("patients", first_name="Canaryname", last_name="Canaryname")
        found = await taken(watch)
        assert len(found) == 6
        text = base64.urlsafe_b64decode(watch.cursor)
        assert b"Canary" not in text
        assert "Canary" not in repr(found) + repr(watch)
        assert any(change.raw()["first_name"] == "Canaryname" for change in found)
    async with session(
        emulator, key="MS0xANOTHER-au1"
    ) as cliniko:  # its digests are of another key
        other = cliniko.patients.watch(since=START - timedelta(days=3650))
        await taken(other)
        versions = {change.version for change in found}
        assert not any(bytes.fromhex(v) in base64.urlsafe_b64decode(other.cursor) for v in versions)


async def test_another_key_of_the_account_goes_on_with_the_cursor() -> None:
    emulator = seeded(5, 0)
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch()
        await taken(watch)
    await asyncio.sleep(3 * HOUR)
    new = emulator.clinic.create("patients", first_name="New", last_name="T")["id"]
    async with session(emulator, key="MS0xANOTHER-au1") as cliniko:
        found = await taken(cliniko.patients.watch(cursor=watch.cursor))
        assert kinds(found) == {new: "created"}


@pytest.mark.parametrize("taken_before_the_first_poll", [False, True])
async def test_a_cursor_of_another_account_is_refused_before_a_list_is_asked_for(
    taken_before_the_first_poll: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    emulator, elsewhere = seeded(5, 0), seeded(6, 0)
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch(since=START)
        if not taken_before_the_first_poll:
            await taken(watch)
    async with session(elsewhere, key="MS0xANOTHER-au1") as cliniko:
        other = cliniko.patients.watch(cursor=watch.cursor)
        for _ in range(2):  # and if it is iterated on
            with pytest.raises(InvalidValueError, match="key of another account"):
                await taken(other)
    assert {arrival.path for arrival in elsewhere.report.arrivals} == {"/settings/public"}


async def test_with_the_same_key_the_account_is_not_asked_for_again() -> None:
    emulator = seeded(5, 0)
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch()
        await taken(watch)
        again = cliniko.patients.watch(cursor=watch.cursor)
        await taken(again)
    paths = [arrival.path for arrival in emulator.report.arrivals]
    assert paths.count("/settings/public") == 1


async def test_faults_are_waited_out_and_told() -> None:
    emulator = seeded()
    errors: list[ClinikoError] = []
    async with session(emulator) as cliniko:
        bold = cliniko.with_options(retries=0)
        watch = bold.patients.watch(on_error=errors.append)
        await taken(watch)
        faults: tuple[Fault, ...] = ("500", "503", "reset")
        for fault in faults:
            emulator.faults.next(fault, times=2)
            new = emulator.clinic.create("patients", first_name="New", last_name="T")["id"]
            assert kinds(await taken(watch)) == {new: "created"}
        assert [type(error).__name__ for error in errors] == [
            *["ServerError"] * 4,
            *["TransportError"] * 2,
        ]


async def test_a_refusal_is_raised_and_the_watch_can_go_on() -> None:
    keys = {KEY: "user"}
    emulator = Emulator(Clinic(), limit=100_000, keys=keys)
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch()
        await taken(watch)
        del keys[KEY]
        with pytest.raises(AuthenticationError):
            await anext(watch)
        keys[KEY] = "user"
        new = emulator.clinic.create("patients", first_name="New", last_name="T")["id"]
        assert kinds(await taken(watch)) == {new: "created"}


async def test_a_bad_record_is_told_once_and_its_repair_is_a_change() -> None:
    emulator = seeded(5, 0)
    bad: list[DecodeError] = []
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch(on_bad_record=bad.append)
        await taken(watch)
        id = shown(emulator, "patients")[0]["id"]
        emulator.clinic.update("patients", id, notes="x")
        emulator.clinic.spoil("patients", id, merged_at="Canary")
        good = emulator.clinic.create("patients", first_name="New", last_name="T")["id"]
        assert kinds(await taken(watch, HOUR)) == {good: "created"}
        assert [error.id for error in bad] == [id]
        # What a later version of the library can read is asked for when it starts.
        emulator.clinic.spoil("patients", id, merged_at=None)
        await asyncio.sleep(5 * HOUR)
        later = cliniko.patients.watch(cursor=watch.cursor)
        assert set(kinds(await taken(later))) == {id}


async def test_polls_take_no_more_than_their_share() -> None:
    emulator = seeded()
    async with session(emulator, rate=RateLimit(20, per=60)) as cliniko:
        watch = cliniko.individual_appointments.watch(every=1, share=0.25)
        await taken(watch, 60)
        before = emulator.report.requests
        await taken(watch, HOUR)
        assert 0.8 * 5 * 60 <= emulator.report.requests - before <= 5 * 60 + 2


async def test_polls_are_rarer_while_others_wait_for_places() -> None:
    emulator = seeded()
    async with session(emulator, rate=RateLimit(20, per=60)) as cliniko:
        watch = cliniko.patients.watch(every=60)
        await taken(watch, 300)

        async def ask() -> None:
            while True:
                await cliniko.patients.list().first()

        before = watch_requests(emulator)
        others = [asyncio.create_task(ask()) for _ in range(40)]
        await taken(watch, HOUR)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        assert 2 * 10 <= watch_requests(emulator) - before <= 2 * 20


def watch_requests(emulator: Emulator) -> int:
    return sum("_at" in arrival.query for arrival in emulator.report.arrivals)


async def test_closing_ends_who_waits_for_the_next_change() -> None:
    emulator = seeded()
    async with session(emulator) as cliniko:
        watch = cliniko.patients.watch()
        waiting = asyncio.create_task(anext(watch, None))
        await asyncio.sleep(30)
        await watch.aclose()
        assert await waiting is None
        assert await anext(watch, None) is None
        assert watch.cursor
        other = cliniko.patients.watch()
        waiting = asyncio.create_task(anext(other, None))
        await asyncio.sleep(30)
    with pytest.raises(SessionClosedError):
        await waiting


async def test_closed_at_any_moment_of_a_poll_it_ends_and_its_cursor_skips_nothing() -> None:
    emulator = seeded(5, 0)
    async with session(emulator) as cliniko:
        first = cliniko.patients.watch(restored=False)
        await taken(first)
        await asyncio.sleep(3 * HOUR)
        create = emulator.clinic.create
        made = {create("patients", first_name="N", last_name="T")["id"] for _ in range(130)}
        await asyncio.sleep(3 * HOUR)  # longer than a poll looks back
        for requests, turns in itertools.product((1, 2, 3), range(0, 30, 2)):
            watch = cliniko.patients.watch(cursor=first.cursor, restored=False)
            told = asyncio.create_task(all_of(watch))
            before = emulator.report.requests
            while emulator.report.requests < before + requests:  # noqa: ASYNC110 - moments count
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            await watch.aclose()
            found = await told
            found += await taken(cliniko.patients.watch(cursor=watch.cursor, restored=False), 30)
            assert {change.record.id for change in found} == made


async def all_of(watch: Watch[Any]) -> list[WatchedChange[Any]]:
    """What a watch tells until it is closed."""
    return [change async for change in watch]


async def test_bad_arguments_say_what_to_pass() -> None:
    async with session(Emulator(Clinic())) as cliniko:
        wrong: list[tuple[dict[str, Any], type[Exception]]] = [
            ({"every": 0}, InvalidValueError),
            ({"every": "60"}, InvalidTypeError),
            ({"share": 2}, InvalidValueError),
            ({"remember": -1}, InvalidValueError),
            ({"since": datetime(2026, 1, 1)}, InvalidValueError),  # noqa: DTZ001 - that is the point
            ({"since": "2026-01-01"}, InvalidTypeError),
            ({"cursor": "nonsense"}, InvalidValueError),
            ({"on_bad_record": "ignore"}, InvalidValueError),
        ]
        for arguments, error in wrong:
            with pytest.raises(error) as caught:
                cliniko.patients.watch(**arguments)
            # As crash reporters do, which show the watch that could not be made.
            assert TracebackException.from_exception(caught.value, capture_locals=True)
        run = cliniko.patients.changes(since=START)
        await run.all()
        with pytest.raises(InvalidValueError, match="changes"):
            cliniko.patients.watch(cursor=run.cursor)
        for names in ((), ("patents",), ("settings",), ("services",)):
            with pytest.raises(InvalidValueError):
                cliniko.watch(*names)
