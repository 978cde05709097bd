"""The promises, client and server together: never over the limit, nothing lost, nothing told."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import traceback
from random import Random
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from rich.console import Console
from sessions import AGENT

from cliniko_async import Wait
from cliniko_async._client import AsyncCliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.emulator.faults import FAULTS
from cliniko_async.errors import ClinikoError
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from cliniko_async.emulator.clock import VirtualClock

pytestmark = pytest.mark.anyio

RATE = RateLimit(50, per=6.0)
BOUND = 3 * 6.0  # 170 requests at 50 per 6 s: the last 20 leave after three windows


def server(**more: Any) -> Emulator:
    return Emulator(
        Clinic.seeded(patients=3, appointments=0),
        limit=50,
        per=6.0,
        latency=0.15,
        jitter=0.14,
        **more,
    )


def session(emulator: Emulator, key: str = "MS0xONE-au1", rate: RateLimit = RATE) -> AsyncCliniko:
    return AsyncCliniko(key, user_agent=AGENT, rate_limit=rate, transport=emulator.transport())


async def fan_out(cliniko: AsyncCliniko, calls: int) -> None:
    await asyncio.gather(*(cliniko.taxes.list().count() for _ in range(calls)))


async def test_170_calls_at_once_keep_50_per_6_seconds_and_waste_nothing() -> None:
    emulator = server()
    async with session(emulator) as cliniko:
        await fan_out(cliniko, 170)
    assert emulator.report.requests == 170
    assert emulator.report.refused == 0
    assert emulator.report.busiest(6.0) <= 50
    assert asyncio.get_running_loop().time() <= BOUND / 0.93


async def test_waits_for_the_limit_are_told_and_counted() -> None:
    emulator, told = server(), list[Wait]()
    async with AsyncCliniko(
        "MS0xWAIT-au1",
        user_agent=AGENT,
        rate_limit=RATE,
        transport=emulator.transport(),
        on_wait=told.append,
    ) as cliniko:
        await fan_out(cliniko.with_options(lane="bulk"), 60)
    long = [wait for wait in told if wait.seconds > 5]
    assert len(long) == 10
    assert {wait.lane for wait in told} == {"bulk"}
    assert cliniko.traffic.waits == len(told)
    assert cliniko.traffic.waited == pytest.approx(sum(wait.seconds for wait in told))


async def test_two_sessions_with_one_key_keep_the_limit_together_and_another_does_not_wait() -> (
    None
):
    emulator = server()
    async with session(emulator) as one, session(emulator) as two, session(emulator, "B-au1") as b:
        other = asyncio.create_task(fan_out(b, 40))
        both = asyncio.gather(fan_out(one, 85), fan_out(two, 85))
        await other
        assert asyncio.get_running_loop().time() < 2
        await both
    assert emulator.report.refused == 0
    assert emulator.report.busiest(6.0, key="MS0xONE-au1") <= 50
    assert asyncio.get_running_loop().time() <= BOUND / 0.93


async def test_a_key_with_and_without_its_shard_is_one_user() -> None:
    emulator = server(keys={"MS0x-au1": "ann", "MS0x": "ann"})
    async with session(emulator, "MS0x-au1") as one, session(emulator, "MS0x") as two:
        await asyncio.gather(fan_out(one, 60), fan_out(two, 60))
    assert emulator.report.refused == 0


def test_two_runs_in_a_row_keep_the_limit_together(clock: VirtualClock) -> None:
    emulator = server()

    async def main() -> None:
        async with session(emulator) as cliniko:
            await fan_out(cliniko, 85)

    for _ in range(2):
        with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
            runner.run(main())
    assert emulator.report.refused == 0
    assert emulator.report.busiest(6.0) <= 50


async def test_a_crowd_cancelled_in_flight_costs_no_429() -> None:
    emulator = server()
    async with session(emulator) as cliniko:
        with anyio.move_on_after(0.05):
            await fan_out(cliniko, 170)
        await fan_out(cliniko, 100)
    assert emulator.report.refused == 0
    assert emulator.report.busiest(6.0) <= 50


async def test_somebody_else_spending_the_allowance_costs_few_429s_and_no_call() -> None:
    emulator = server(keys={"MS0xONE-au1": "ann", "OTHER-au1": "ann"})
    other = httpx.AsyncClient(
        transport=emulator.transport(), auth=("OTHER-au1", ""), headers={"User-Agent": AGENT}
    )

    async def spend() -> None:
        while True:
            await other.get("https://api.au1.cliniko.com/v1/taxes")
            await anyio.sleep(0.2)

    async with other, session(emulator) as cliniko:
        spending = asyncio.create_task(spend())
        await fan_out(cliniko, 170)
        spending.cancel()
    mine = [a for a in emulator.report.arrivals if a.key == "MS0xONE-au1"]
    assert 1 <= cliniko.traffic.refused <= 6
    assert len(mine) - cliniko.traffic.refused == 170


async def test_listing_a_clinic_under_churn_faults_and_small_pages_loses_no_row() -> None:
    clinic = Clinic.seeded(patients=3000, appointments=0)
    emulator = Emulator(clinic, latency=0.2, jitter=0.1, page_limit=50)
    emulator.faults.rate = 0.08
    random = Random(5)
    stayed = {row["id"] for row in clinic.records("patients") if row["archived_at"] is None}

    def churn(_method: str, _path: str) -> None:
        gone = random.choice(clinic.records("patients"))
        clinic.archive("patients", gone["id"])
        stayed.discard(gone["id"])
        clinic.create("patients", first_name="New", last_name="Testperson")

    emulator.on_request(churn)
    async with session(emulator, rate=RateLimit(100_000)) as cliniko:
        found = [patient.id async for patient in cliniko.patients.list()]
    assert len(found) == len(set(found))
    assert stayed <= set(found)


# Privacy

KEY, NAME, EMAIL, NOTE = "CANARYKEY", "Canaryname", "canary@example.com", "Canarynote"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All log records of all loggers, at DEBUG."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield said
    root.removeHandler(handler)
    root.setLevel(before)


async def told_by(call: Coroutine[Any, Any, object], *, variables: bool = True) -> str:
    """What the error of a call says, with its frames' variables, as crash reporters show them."""
    try:
        await call
    except ClinikoError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=variables)
        return "".join(shown.format()) + repr(error)
    raise AssertionError("the call was to fail")


async def test_no_key_or_patient_value_is_ever_told(logged: io.StringIO) -> None:
    clinic = Clinic()
    patient = clinic.create("patients", first_name=NAME, last_name=NAME, email=EMAIL, notes=NOTE)
    emulator = Emulator(clinic)
    f = AsyncCliniko.patients.filters
    told: list[str] = []
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    async with session(emulator, f"{KEY}-au1") as cliniko:
        view = cliniko.with_options(retries=0)
        listing = cliniko.patients.list(f.last_name == NAME, f.email.contains(EMAIL))
        found = await listing.all()
        pages = [page async for page in listing.pages()]
        for shown in (found, pages, listing, aiter(listing), cliniko, f.email == EMAIL):
            told.append(repr(shown))
            console.print(shown)
        for fault in FAULTS[:-1]:
            emulator.faults.next(fault)
            told.append(await told_by(view.patients.list(f.last_name == NAME).all()))
        told.append(await told_by(view.patients.get("404")))
        # What these two are given is in the caller's frames as well: only their words are ours.
        bad_filter = view.request("GET", "/patients", params={"q[]": f"x:={NAME}"})
        told.append(await told_by(bad_filter, variables=False))
        wrong: Any = {"first_name": NAME, "reminder_type": NOTE}
        told.append(await told_by(view.patients.create(**wrong), variables=False))
        patient["date_of_birth"] = NOTE
        clinic.table("patients").touch(patient["id"])
        told.append(await told_by(view.patients.get(patient["id"])))
        told.append(await told_by(view.patients.list().all()))
    gc.collect()
    assert "cliniko" in "".join(told)
    for text in (*told, screen.getvalue(), logged.getvalue()):
        for canary in (KEY, NAME, EMAIL, NOTE):
            assert canary not in text


async def test_the_log_of_the_http_library_is_left_alone_for_others(logged: io.StringIO) -> None:
    emulator = server()
    async with httpx.AsyncClient(transport=emulator.transport()) as other:
        await other.get("https://api.au1.cliniko.com/v1/taxes?mine=1")
    async with session(emulator) as cliniko:
        await fan_out(cliniko, 1)
    assert "mine=1" in logged.getvalue()
    assert "per_page" not in logged.getvalue()
