"""Changes where nothing tells of them: restores, bad records, and stamps that are behind."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from oddserver import START, OddServer, session, text

from cliniko_async import DecodeError

if TYPE_CHECKING:
    from cliniko_async import AsyncCliniko

pytestmark = pytest.mark.anyio


def clinic(records: int, archived: int = 0, **options: Any) -> OddServer:
    server = OddServer(**options)
    for id in range(1, records + 1):
        at = text(START + timedelta(days=1)) if id <= archived else None
        server.add("patients", id, id, first_name="A", last_name="B", archived_at=at)
    return server


async def told(
    cliniko: AsyncCliniko, cursor: str | None, **options: Any
) -> tuple[dict[str, str], str]:
    """What a run tells, by id, and its cursor."""
    where: dict[str, Any] = {"cursor": cursor} if cursor else {"since": START}
    changes = cliniko.patients.changes(**where, **options)
    found = await changes.all()
    assert len({change.record.id for change in found}) == len(found)
    return {change.record.id: change.kind for change in found}, changes.cursor


async def test_what_came_back_from_the_archive_is_told_though_the_counts_are_equal() -> None:
    server = clinic(300, archived=80)
    rows = server.rows["patients"]
    async with session(server) as cliniko:
        await asyncio.sleep(86400)
        _, cursor = await told(cliniko, None)
        await asyncio.sleep(86400)
        rows["200"]["archived_at"] = server.stamp()
        rows["33"]["archived_at"] = None
        before = len(server.requests)
        found, cursor = await told(cliniko, cursor)
        assert found == {"200": "archived", "33": "restored"}
        assert len(server.requests) - before == 2 + 1 + 1  # a quiet run, a page, the record
        before = len(server.requests)
        assert await told(cliniko, cursor) == ({}, cursor)
        assert len(server.requests) - before == 2
        rows["33"]["archived_at"] = server.stamp()
        found, cursor = await told(cliniko, cursor)
        assert found == {"33": "archived"}
        rows["33"]["archived_at"] = None  # soon enough to look as it did before
        found, cursor = await told(cliniko, cursor)
        assert found == {"33": "restored"}


async def test_finding_one_restored_record_among_many_costs_few_requests() -> None:
    server = clinic(6000, archived=5000)
    async with session(server) as cliniko:
        _, cursor = await told(cliniko, None)
        server.rows["patients"]["4321"]["archived_at"] = None
        before = len(server.requests)
        found, _ = await told(cliniko, cursor)
    assert found == {"4321": "restored"}
    assert len(server.requests) - before <= 2 + 6 + 1 + 1  # of 50 for the whole archive


async def test_restores_are_not_looked_for_if_not_wanted() -> None:
    server = clinic(500, archived=450)
    async with session(server) as cliniko:
        _, cursor = await told(cliniko, None, restored=False)
        assert len(cursor) < 1000
        server.rows["patients"]["33"]["archived_at"] = None
        before = len(server.requests)
        assert await told(cliniko, cursor, restored=False) == ({}, cursor)
        assert len(server.requests) - before == 2


@pytest.mark.parametrize("seed", range(12))
async def test_a_copy_that_follows_knows_what_is_hidden(seed: int) -> None:
    """Archived, restored, deleted for good, with and without a new `updated_at`."""
    random = Random(seed)
    server = clinic(700, archived=random.randrange(300))
    rows = server.rows["patients"]
    copy: dict[str, str | None] = {}
    cursor = None
    async with session(server) as cliniko:
        for _ in range(8):
            where: dict[str, Any] = {"cursor": cursor} if cursor else {"since": START}
            changes = cliniko.patients.changes(**where)
            async for change in changes:
                copy[change.record.id] = text(at) if (at := change.record.archived_at) else None
            cursor = changes.cursor
            assert {id: copy[id] for id in rows} == {id: r["archived_at"] for id, r in rows.items()}
            await asyncio.sleep(random.choice((1, 60, 10_000)))
            for _ in range(random.randrange(12)):
                row = rows[random.choice(list(rows))]
                if random.random() < 0.1:
                    del rows[row["id"]]
                    continue
                row["archived_at"] = None if row["archived_at"] else server.stamp()
                if random.random() < 0.3:
                    row["updated_at"] = server.stamp()


async def test_one_bad_record_stops_nobody_and_is_asked_for_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = clinic(250)
    row = server.rows["patients"]["150"]
    row["date_of_birth"] = "Canary-00-00"
    with caplog.at_level(logging.WARNING, "cliniko_async"):
        async with session(server) as cliniko:
            changes = cliniko.patients.changes(since=START)
            assert len(await changes.all()) == 249
            (error,) = changes.bad_records
            assert error.id == "150"
            assert "date_of_birth" in str(error)
            await asyncio.sleep(86400)
            again = cliniko.patients.changes(cursor=changes.cursor)
            assert await again.all() == []
            assert [error.id for error in again.bad_records] == ["150"]
            await asyncio.sleep(86400)
            row["date_of_birth"] = "2001-02-03"  # though `updated_at` stays
            found, cursor = await told(cliniko, again.cursor)
            assert found == {"150": "updated"}
            await asyncio.sleep(86400)
            assert (await told(cliniko, cursor))[0] == {}
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "Patient 150" in caplog.text
    assert "Canary" not in caplog.text


async def test_bad_records_are_handed_to_a_function_or_raised() -> None:
    server = clinic(20)
    server.rows["patients"]["7"]["created_at"] = None
    server.rows["patients"]["8"]["date_of_birth"] = 5
    errors: list[DecodeError] = []
    async with session(server) as cliniko:
        found, cursor = await told(cliniko, None, on_bad_record=errors.append)
        assert len(found) == 18
        assert sorted(str(error.id) for error in errors) == ["7", "8"]
        with pytest.raises(DecodeError, match=r"Patient [78]"):
            await cliniko.patients.changes(cursor=cursor, on_bad_record="raise").all()


@pytest.mark.parametrize("behind", [0, 240, 1500])
async def test_stamps_that_are_behind_the_servers_date_lose_nothing(behind: int) -> None:
    server = clinic(30, behind=behind)
    rows = server.rows["patients"]
    versions: dict[str, Any] = {}
    cursor = None
    async with session(server) as cliniko:
        for round in range(20):
            rows[str(round + 1)].update(title=f"v{round}", updated_at=server.stamp())
            if round % 3 == 0:
                rows[str(30 - round)].update(archived_at=server.stamp())
            where: dict[str, Any] = {"cursor": cursor} if cursor else {"since": START}
            changes = cliniko.patients.changes(**where)
            async for change in changes:
                record = change.record
                versions[record.id] = (record.title, record.archived_at is not None)
            cursor = changes.cursor
            await asyncio.sleep((20, 130, 400, 4000)[round % 4])
    truth = {id: (row.get("title"), row["archived_at"] is not None) for id, row in rows.items()}
    assert versions == truth


async def test_a_run_that_is_cancelled_anywhere_can_be_taken_up() -> None:
    server = clinic(700, archived=450)
    async with session(server) as cliniko:
        _, cursor = await told(cliniko, None)
        server.rows["patients"]["444"]["archived_at"] = None
        server.rows["patients"]["600"]["updated_at"] = server.stamp()
        changes = cliniko.patients.changes(cursor=cursor)
        iterator, found = aiter(changes), dict[str, str]()
        while True:
            step = asyncio.ensure_future(anext(iterator, None))
            for _ in range(7):
                await asyncio.sleep(0)
            if not step.done():
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)
                step = asyncio.ensure_future(anext(iterator, None))
            change = await step
            if change is None:
                break
            found[change.record.id] = change.kind
        assert found == {"600": "updated", "444": "restored"}
        assert (await told(cliniko, changes.cursor))[0] == {}
