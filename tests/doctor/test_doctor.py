"""The doctor's report: complete, honest about half an API, free of values."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.doctor import DoctorReport, doctor
from cliniko_async.emulator import Clinic, Emulator

pytestmark = pytest.mark.anyio


async def examine(transport: httpx.AsyncBaseTransport, **options: Any) -> DoctorReport:
    async with AsyncCliniko("MS0xDOCTOR-au1", user_agent=AGENT, transport=transport) as cliniko:
        return await doctor(cliniko, **options)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=250, appointments=300))


async def test_the_report_is_complete_against_the_emulator(emulator: Emulator) -> None:
    report = await examine(emulator.transport())
    assert report.requests <= 80
    assert {arrival.method for arrival in emulator.report.arrivals} == {"GET"}
    assert {found.status for found in report.lists} == {200}
    assert sum(found.bad_records for found in report.lists) == 0
    assert {name for found in report.lists for name in found.unknown} == set()
    assert {"patients", "individual_appointments"} <= {found.resource for found in report.lists}
    assert all(found.decodes for found in report.records)
    assert report.sees == {"user": 200, "settings": 200, "settings/public": 200}
    assert "content-type" in report.headers
    assert "content-type" in report.headers_of_404
    assert report.most_ids is not None
    assert report.per_page_is_clamped is True
    assert report.clock_skew is not None
    assert not any(found.refused_filters for found in report.lists)


async def test_the_report_has_no_name_id_or_value(emulator: Emulator) -> None:
    report = await examine(emulator.transport())
    said = json.dumps(report.to_dict()) + str(report) + repr(report)
    for resource in ("patients", "practitioners", "businesses", "invoices"):
        for row in emulator.clinic.records(resource):
            assert row["id"] not in said
            for value in row.values():
                if isinstance(value, str) and len(value) > 9 and not value.startswith("20"):
                    assert value not in said


class Half(httpx.AsyncBaseTransport):
    """An API of which half is not there, and whose records have changed."""

    def __init__(self, emulator: Emulator) -> None:
        self._inner = emulator.transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith(("/v1/a", "/v1/s")):
            return httpx.Response(404, json={"message": "Not Found"})
        if path.startswith("/v1/b"):
            return httpx.Response(403, json={"message": "SECRET says no"})
        if b"accepted_privacy_policy" in request.url.query:
            return httpx.Response(
                400, json={"message": "accepted_privacy_policy is not filterable"}
            )
        response = await self._inner.handle_async_request(request)
        body = json.loads(await response.aread())
        for row in body.get("patients", ()):
            row["shoe_size"] = "SECRET"
            row["date_of_birth"] = "SECRET"
        return httpx.Response(200, json=body)


async def test_a_server_that_lacks_half_of_the_api_is_described(emulator: Emulator) -> None:
    report = await examine(Half(emulator))
    found = {finding.resource: finding for finding in report.lists}
    assert found["attendees"].status == 404
    assert found["businesses"].status == 403
    assert found["patients"].bad_records == found["patients"].rows > 0
    assert any("date_of_birth" in problem for problem in found["patients"].problems)
    assert found["patients"].refused_filters == ["accepted_privacy_policy"]
    assert report.sees["settings"] == 404
    assert "SECRET" not in json.dumps(report.to_dict()) + str(report)


async def test_it_keeps_to_the_reads_that_it_is_given(emulator: Emulator) -> None:
    report = await examine(emulator.transport(), reads=10)
    assert report.requests == emulator.report.requests == 10
    assert "settings" in report.skipped
    assert "not tried" in str(report)
