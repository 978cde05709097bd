"""Cancelled at any moment, a call leaves nothing behind: no place, no task, no file."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import NotFoundError, SessionClosedError
from cliniko_async.export import Export

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Work = Callable[[AsyncCliniko], Awaitable[object]]

pytestmark = pytest.mark.anyio

MOST_STEPS = 400
"""Passes of the event loop after which all of these calls are done."""


def session(emulator: Emulator) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xCANCEL-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(100_000),
    )


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def get(cliniko: AsyncCliniko) -> object:
    return await cliniko.users.whoami()


async def create(cliniko: AsyncCliniko) -> object:
    return await cliniko.patients.create(first_name="New", last_name="Testperson")


async def update(cliniko: AsyncCliniko) -> object:
    return await cliniko.taxes.update(await a_tax(cliniko), name="GST")


async def archive_and_back(cliniko: AsyncCliniko) -> object:
    patient = await cliniko.patients.list(include={"archived"}).first()
    assert patient
    with contextlib.suppress(NotFoundError):  # a cancelled call may have archived it
        await cliniko.patients.archive(patient.id)
    return await cliniko.patients.unarchive(patient.id)


async def upload(cliniko: AsyncCliniko) -> object:
    patient = await cliniko.patients.list(include={"archived"}).first()
    assert patient
    return await cliniko.patient_attachments.upload(patient.id, bytes(200_000), filename="x.pdf")


async def a_tax(cliniko: AsyncCliniko) -> str:
    tax = await cliniko.taxes.list().first()
    assert tax
    return tax.id


async def list_all(cliniko: AsyncCliniko) -> object:
    return await cliniko.patients.list().all()


async def list_by_name(cliniko: AsyncCliniko) -> object:
    return await cliniko.patients.list(sort="last_name").all()


async def scan(cliniko: AsyncCliniko) -> object:
    return await cliniko.patients.scan().all()


async def get_many(cliniko: AsyncCliniko) -> object:
    return await cliniko.patients.get_many(map(str, range(350)), missing="none")


async def changes(cliniko: AsyncCliniko) -> object:
    since = (await cliniko.users.whoami()).created_at
    return await cliniko.patients.changes(since=since).all()


@pytest.mark.parametrize(
    "work",
    [
        get,
        create,
        update,
        archive_and_back,
        list_all,
        list_by_name,
        scan,
        get_many,
        changes,
        upload,
    ],
    ids=lambda f: f.__name__,
)
async def test_a_call_cancelled_after_any_number_of_steps_leaves_nothing_behind(
    work: Work,
) -> None:
    emulator = Emulator(Clinic.seeded(patients=950, appointments=0), limit=100_000)
    async with session(emulator) as cliniko:
        await work(cliniko)
        await anyio.sleep(1)
        tasks = asyncio.all_tasks()
        cancelled = 0
        for steps in range(MOST_STEPS):
            task = asyncio.ensure_future(work(cliniko))
            for _ in range(steps):
                await asyncio.sleep(0)
            if task.done():
                break
            task.cancel()
            await asyncio.wait({task})
            cancelled += task.cancelled()
            await anyio.sleep(1)
            assert cliniko.limiter.in_flight == 0, steps
            assert cliniko.limiter.waiting == {"interactive": 0, "bulk": 0}, steps
            assert asyncio.all_tasks() <= tasks | {task}, steps
        else:
            pytest.fail("the call did not come to its end")
    assert cancelled >= 3


async def test_a_session_closed_after_any_number_of_steps_leaves_nothing_behind() -> None:
    emulator = Emulator(Clinic.seeded(patients=950, appointments=0), limit=100_000)
    tasks = asyncio.all_tasks()
    for steps in range(0, MOST_STEPS, 7):
        async with session(emulator) as cliniko:
            task = asyncio.ensure_future(list_all(cliniko))
            for _ in range(steps):
                await asyncio.sleep(0)
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(ended, SessionClosedError | list)
        await anyio.sleep(1)
        assert asyncio.all_tasks() <= tasks | {task}, steps


async def test_a_download_cancelled_after_any_number_of_steps_leaves_no_file(
    tmp_path: Path,
) -> None:
    emulator = Emulator(Clinic.seeded(patients=1, appointments=0), limit=100_000)
    async with session(emulator) as cliniko:
        patient = emulator.clinic.records("patients")[0]["id"]
        files = cliniko.patient_attachments
        attachment = await files.upload(patient, bytes(200_000), filename="x.pdf", wait=99)
        for steps in range(MOST_STEPS):
            target = tmp_path / f"{steps}.pdf"
            task = asyncio.ensure_future(files.download(attachment, target))
            for _ in range(steps):
                await anyio.sleep(0.001)
            if task.done():
                break
            task.cancel()
            await asyncio.wait({task})
            assert cliniko.limiter.in_flight == 0, steps
            assert names_in(tmp_path) <= {target.name}, steps
            target.unlink(missing_ok=True)
        else:
            pytest.fail("the download did not come to its end")
        assert await task == 200_000
    assert names_in(tmp_path) == {target.name}


async def test_an_export_cancelled_after_any_number_of_steps_goes_on(tmp_path: Path) -> None:
    emulator = Emulator(Clinic.seeded(patients=350, appointments=0), limit=100_000)
    names = ["patients", "taxes"]
    async with session(emulator) as cliniko:
        for steps in range(0, 60, 6):
            task: asyncio.Task[Any] = asyncio.ensure_future(Export(cliniko, names, tmp_path).run())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert all(name[0] == "." or name.endswith(".jsonl") for name in names_in(tmp_path))
        await Export(cliniko, names, tmp_path).run()
    assert len((tmp_path / "patients.jsonl").read_text().splitlines()) == 350
    assert not any(name.endswith(".partial") for name in names_in(tmp_path))
