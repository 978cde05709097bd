"""Scans: lists in the bulk lane, with as many pages under way as can be."""

from __future__ import annotations

import asyncio
import gc
import itertools
from random import Random
from typing import Any

import anyio
import httpx
import pytest
from listserver import ListServer, row
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit, ServerError, SessionClosedError
from cliniko_async.emulator import Clinic, Emulator

pytestmark = pytest.mark.anyio


def session(server: httpx.AsyncBaseTransport) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xSCAN-au2",
        user_agent=AGENT,
        transport=server,
        rate_limit=RateLimit(100_000),
    )


def many(count: int, *, rising: bool = False) -> list[dict[str, Any]]:
    random = Random(count)
    ids = random.sample(range(10**17, 10**18), count)
    seconds = sorted(random.randrange(count * 2) for _ in range(count))
    return [row(id, s) for id, s in zip(sorted(ids) if rising else ids, seconds, strict=True)]


async def scanned(server: httpx.AsyncBaseTransport) -> list[str]:
    async with session(server) as cliniko:
        return [tax.id async for tax in cliniko.taxes.scan()]


@pytest.mark.parametrize("count", [0, 1, 100, 101, 950, 4200])
@pytest.mark.parametrize("most_per_page", [100, 50])
async def test_every_row_comes_once_in_few_requests(count: int, most_per_page: int) -> None:
    server = ListServer(many(count), latency=(0.1, 0.3), most_per_page=most_per_page)
    found = await scanned(server)
    assert sorted(found) == sorted(row["id"] for row in server.rows)
    assert len(server.requests) <= max(-(-count // most_per_page), 1) + (
        1 if count <= 4200 and most_per_page == 100 else 3
    )


async def test_200_pages_take_8_round_trips_at_most() -> None:
    server = ListServer(many(20_000), latency=(0.1, 0.3))
    await scanned(server)
    assert asyncio.get_running_loop().time() < 8 * 0.2
    assert len(server.requests) <= 208


@pytest.mark.parametrize("most_per_page", [100, 50])
@pytest.mark.parametrize("rising", [True, False])
async def test_rows_that_come_and_go_cost_no_row_that_stayed(
    most_per_page: int, *, rising: bool
) -> None:
    random, rows = Random(3), many(4000, rising=rising)
    stayed = {row["id"] for row in rows}
    new = itertools.count(1)

    def churn(_request: int) -> None:
        for _ in range(4):
            stayed.discard(rows.pop(random.randrange(len(rows)))["id"])
        rows.extend(row(next(new), 10_000 + next(new)) for _ in range(3))

    server = ListServer(rows, latency=(0.1, 0.3), most_per_page=most_per_page, on_request=churn)
    found = await scanned(server)
    assert len(found) == len(set(found))
    assert stayed <= set(found)


async def test_filters_and_hidden_rows() -> None:
    emulator = Emulator(Clinic.seeded(patients=900, appointments=0), limit=100_000)
    every = {row["id"] for row in emulator.clinic.records("patients")}
    async with session(emulator.transport()) as cliniko:
        shown = {patient.id async for patient in cliniko.patients.scan()}
        assert shown == {p.id for p in await cliniko.patients.list().all()}
        assert {p.id async for p in cliniko.patients.scan(include={"archived"})} == every
        f = cliniko.patients.filters
        middle = (await cliniko.patients.list().all())[400].created_at
        late = await cliniko.patients.scan(f.created_at >= middle).all()
        assert {p.id for p in late} == {
            p.id for p in await cliniko.patients.list(f.created_at >= middle).all()
        }
        people = {p.id async for p in cliniko.practitioners.scan(include={"inactive"})}
        assert people == {row["id"] for row in emulator.clinic.records("practitioners")}
        raw = await cliniko.patients.scan().raw().all()
        assert {row["id"] for row in raw} == shown


async def test_a_server_that_stays_broken_ends_the_scan_with_its_error() -> None:
    broken = ListServer(many(900), spoil=lambda n: httpx.Response(500) if n > 3 else None)
    with pytest.raises(ServerError):
        await scanned(broken)


async def test_faults_cost_time_and_no_rows() -> None:
    emulator = Emulator(Clinic.seeded(patients=3000, appointments=0), limit=100_000, latency=0.1)
    emulator.faults.rate = 0.08
    async with session(emulator.transport()) as cliniko:
        found = [p.id async for p in cliniko.patients.scan(include={"archived"})]
    assert sorted(found) == sorted(row["id"] for row in emulator.clinic.records("patients"))


async def test_leaving_in_the_middle_leaves_nothing_behind() -> None:
    server = ListServer(many(8000), latency=(0.1, 0.3))
    async with session(server) as cliniko:
        async for _ in cliniko.taxes.scan():
            break
        scan = aiter(cliniko.taxes.scan())
        for _ in range(700):
            await anext(scan)
        await scan.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(scan)
        with anyio.move_on_after(1.0):
            await cliniko.taxes.scan().all()
        gc.collect()
        await anyio.sleep(1)
        assert server.in_flight == 0
        assert len(asyncio.all_tasks()) <= 2


async def test_a_time_out_around_anext_loses_no_row() -> None:
    server = ListServer(many(1500), latency=(0.1, 0.9))
    found: list[str] = []
    async with session(server) as cliniko:
        scan = aiter(cliniko.taxes.scan())
        while True:
            try:
                found.append((await asyncio.wait_for(anext(scan), 0.05)).id)
            except TimeoutError:
                continue
            except StopAsyncIteration:
                break
    assert sorted(found) == sorted(row["id"] for row in server.rows)


async def test_memory_is_bounded_when_the_caller_is_slow() -> None:
    server = ListServer(many(8000))
    async with session(server) as cliniko:
        scan = aiter(cliniko.taxes.scan())
        await anext(scan)
        await anyio.sleep(100)
        assert len(server.requests) <= 1 + 64 + 1


async def test_closing_the_session_ends_a_scan() -> None:
    async with session(ListServer(many(8000), latency=(0.1, 0.3))) as cliniko:
        scan = aiter(cliniko.taxes.scan())
        await anext(scan)

        async def read_on() -> None:
            async for _ in scan:
                pass

        reading = asyncio.create_task(read_on())
        await anyio.sleep(0.5)
    with pytest.raises(SessionClosedError):
        await reading
