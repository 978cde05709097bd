"""Whatever a clinic, a network and a process do: a copy that follows a watch is the clinic."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

NAMES = ("patients", "individual_appointments")
MARKS = {"patients": ["archived_at"], NAMES[1]: ["archived_at", "cancelled_at", "deleted_at"]}


class Copy:
    """What somebody keeps who follows a watch, and what they saved last."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}
        self.cursor: str | None = None

    async def follow(self, emulator: Emulator, every: float) -> None:
        """Follow until this process is killed, which can be at any moment."""

        def save(cursor: str) -> None:
            self.cursor = cursor

        session = AsyncCliniko(
            "MS0xPROOF-au1",
            user_agent=AGENT,
            transport=emulator.transport(),
            rate_limit=RateLimit(100_000),
        )
        async with session as cliniko:
            watch = cliniko.watch(*NAMES, every=every, cursor=self.cursor, on_cursor=save)
            async for change in watch:
                await asyncio.sleep(0.1)
                record: Any = change.record
                self.rows[change.resource, record.id] = change.raw()
                await asyncio.sleep(0.1)
                watch.taken()
                self.cursor = watch.cursor


def one_change(clinic: Clinic, random: Random) -> tuple[str, str]:
    """Change something, and say what."""
    name = random.choice(NAMES)
    row = random.choice(clinic.records(name))
    marked = [mark for mark in MARKS[name] if row[mark]]

    def mark() -> None:
        clinic.mark(name, row["id"], random.choice(MARKS[name]))

    def unarchive() -> None:
        before = row["updated_at"]
        clinic.spoil(name, row["id"], archived_at=None)
        if random.random() < 0.5:
            clinic.spoil(name, row["id"], updated_at=before)

    def edit() -> None:
        clinic.update(name, row["id"], notes=str(random.random()))

    kinds: list[Callable[[], None]] = [edit, edit, edit, mark]
    random.choice([unarchive] if marked == ["archived_at"] else kinds)()
    return name, row["id"]


def versions(rows: dict[tuple[str, str], dict[str, Any]]) -> dict[tuple[str, str], list[Any]]:
    """What changes of each record."""
    return {
        key: [row[field] for field in ("notes", "updated_at", *MARKS[key[0]])]
        for key, row in rows.items()
    }


def rows_of(clinic: Clinic) -> dict[tuple[str, str], list[Any]]:
    """All records of the clinic, as they are now."""
    return versions({(name, row["id"]): row for name in NAMES for row in clinic.records(name)})


@pytest.mark.parametrize("seed", range(4))
async def test_a_copy_is_the_clinic(seed: int) -> None:
    random = Random(seed)
    clinic = Clinic.seeded(patients=60, appointments=80, seed=seed)
    clinic.archiving_touches_updated_at = seed % 2 == 0
    emulator = Emulator(clinic, limit=100_000, latency=0.3, jitter=0.2)
    copy, changed = Copy(), set[tuple[str, str]]()
    every = random.choice([20, 60, 400])
    process = asyncio.create_task(copy.follow(emulator, every))
    await asyncio.sleep(every)
    assert copy.cursor is not None
    before = rows_of(clinic)
    emulator.faults.rate = 0.15
    for _ in range(80):
        changed |= {one_change(clinic, random) for _ in range(random.choice([0, 1, 1, 2, 15]))}
        await asyncio.sleep(random.choice([0, 0.2, 5, 60, 600]))
        if random.random() < 0.15:
            process.cancel()
            await asyncio.gather(process, return_exceptions=True)
            await asyncio.sleep(random.choice([0, 60, 7200]))
            process = asyncio.create_task(copy.follow(emulator, every))
    emulator.faults.rate = 0
    await asyncio.sleep(10 * every + 3600)
    process.cancel()
    await asyncio.gather(process, return_exceptions=True)
    assert len(changed) > 50
    assert set(copy.rows) <= changed
    # Something may have come and gone between two polls, as if it had never been.
    assert {**before, **versions(copy.rows)} == rows_of(clinic)
