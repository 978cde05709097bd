"""What the API sends otherwise than it says, and where links lead."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import AGENT

from cliniko_async import AsyncCliniko, Link, Patient, ReferralSource
from cliniko_async._models import converter
from cliniko_async._models.arrow import table_of
from cliniko_async._models.converter import decode, decode_rows
from cliniko_async.errors import InvalidTypeError, InvalidValueError
from cliniko_async.resources.individual_appointments import IndividualAppointment

BASE = "https://api.eu1.cliniko.com/v1"
RECORD = {
    "id": "1",
    "created_at": "2026-08-21T08:34:22Z",
    "updated_at": "2026-08-21T08:34:22Z",
}


@pytest.mark.parametrize("field", ["date_of_birth", "archived_at", "deleted_at", "merged_at"])
@pytest.mark.parametrize("space", ["", " "])
def test_an_empty_text_where_a_date_could_be_is_none(field: str, space: str) -> None:
    text = json.dumps({**RECORD, "notes": 'says "date_of_birth":"" here', "last_name": "x"})
    raw = (text[:-1] + f', "{field}"{space}:{space}""}}').encode()
    patient = decode(Patient, raw)
    assert isinstance(patient, Patient)
    assert getattr(patient, field) is None
    assert patient.notes == 'says "date_of_birth":"" here'
    assert patient == converter._decode_with_care(Patient, raw)  # pyright: ignore[reportPrivateUsage] # the rule
    (listed,) = decode_rows(Patient, b"[%s]" % raw)
    assert listed == patient
    table = table_of(Patient, [msgspec.Raw(raw)])
    assert table.column(field).to_pylist() == [None]


def test_an_empty_text_where_a_date_must_be_is_an_error() -> None:
    assert not isinstance(
        decode(Patient, json.dumps({**RECORD, "created_at": ""}).encode()), Patient
    )


def test_other_empty_texts_stay() -> None:
    patient = decode(
        Patient, json.dumps({**RECORD, "old_reference_id": "", "archived_at": ""}).encode()
    )
    assert isinstance(patient, Patient)
    assert patient.old_reference_id == ""


def test_a_referral_source_needs_no_id_of_its_own() -> None:
    sent = {
        "links": {"self": f"{BASE}/patients/123/referral_source"},
        "referrer": {"links": {"self": f"{BASE}/patients/456"}},
        "referrer_type": "Patient",
        "patient": {"links": {"self": f"{BASE}/patients/123"}},
    }
    source = decode(ReferralSource, json.dumps(sent).encode())
    assert isinstance(source, ReferralSource)
    assert source.id is None
    assert source.referrer is not None
    assert source.referrer.id == "456"


def test_a_relation_may_be_a_plain_url() -> None:
    url = f"{BASE}/individual_appointments/987654321/attendees"
    raw = json.dumps({**RECORD, "attendees": {"link": url}}).encode()
    fast = decode(IndividualAppointment, raw)
    assert isinstance(fast, IndividualAppointment)
    assert fast.attendees == Link(url)
    assert fast == converter._decode_with_care(IndividualAppointment, raw)  # pyright: ignore[reportPrivateUsage] # the rule


@pytest.mark.parametrize("empty", [None, {}, {"link": None}, {"links": {"self": None}}])
def test_a_relation_that_leads_nowhere_is_none_or_an_error(empty: Any) -> None:
    raw = json.dumps({**RECORD, "attendees": empty}).encode()
    found = decode(IndividualAppointment, raw)
    rule = converter._decode_with_care(IndividualAppointment, raw)  # pyright: ignore[reportPrivateUsage] # the rule
    assert type(found) is type(rule)
    if not empty:
        assert isinstance(found, IndividualAppointment)
        assert found.attendees is None


# Where links lead


class Server:
    """Answers lists with nothing and everything else with one record; keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.URL] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        name = request.url.path.rpartition("/")[2]
        if name.isdecimal():
            return httpx.Response(200, json=RECORD)
        return httpx.Response(200, json={name: [], "total_entries": 0, "links": {}})

    def session(self) -> AsyncCliniko:
        return AsyncCliniko(
            "MS0xTEST-eu1",
            user_agent=AGENT,
            transport=httpx.MockTransport(self),
        )


def conditions(url: httpx.URL) -> list[str]:
    return [value for name, value in parse_qsl(url.query.decode()) if name == "q[]"]


@pytest.mark.anyio
async def test_a_link_with_a_slash_at_its_end_leads_to_a_record() -> None:
    server = Server()
    async with server.session() as cliniko:
        await cliniko.practitioners.get(Link(f"{BASE}/practitioners/9001/"))
        await cliniko.patients.list(link=Link(f"{BASE}/patients/")).all()
    assert [url.path for url in server.asked] == ["/v1/practitioners/9001", "/v1/patients"]


@given(
    st.text(max_size=20)
    | st.sampled_from(
        ["patients", "/patients", "v1/patients", "//x/patients", "../patients", "./patients",
         "/v1/../patients", "/v1/x/../../patients", "/v1/%2e%2e/patients", "patients;x",
         "patients//"]
    )
)  # fmt: skip
def test_a_link_of_any_text_leads_to_a_list_of_the_api_or_is_refused(url: str) -> None:
    cliniko = Server().session()
    try:
        listing = cliniko.patients.list(link=Link(url))
    except InvalidValueError:
        return
    (source,) = listing._reading.sources  # pyright: ignore[reportPrivateUsage] # what is asked
    assert source.path.startswith("/")
    assert source.path.rpartition("/")[2] == "patients"
    assert ".." not in source.path
    assert "//" not in source.path


@pytest.mark.parametrize(
    ("record", "resource", "condition"),
    [
        ("patients", "individual_appointments", "patient_id:=7"),
        ("practitioners", "individual_appointments", "practitioner_id:=7"),
        ("businesses", "individual_appointments", "business_id:=7"),
        ("patients", "group_appointments", "patient_ids:~7"),
        ("patients", "bookings", "patient_ids:~7"),
        ("businesses", "bookings", "business_id:=7"),
    ],
)
@pytest.mark.anyio
async def test_the_appointments_of_a_record_are_listed_where_they_are(
    record: str, resource: str, condition: str
) -> None:
    server = Server()
    link = Link(f"{BASE}/{record}/7/appointments")
    async with server.session() as cliniko:
        await getattr(cliniko, resource).list(link=link).all()
        with pytest.raises(InvalidValueError, match=r"individual_appointments\.list\(link"):
            cliniko.invoices.list(link=link)
    assert {url.path for url in server.asked} == {f"/v1/{resource}"}
    assert condition in conditions(server.asked[0])


@pytest.mark.anyio
async def test_a_link_to_a_booking_says_who_knows_its_kind() -> None:
    server = Server()
    link = Link(f"{BASE}/bookings/7")
    async with server.session() as cliniko:
        with pytest.raises(InvalidValueError, match=r"bookings\.get\(link\)"):
            await cliniko.individual_appointments.get(link)
        await cliniko.bookings.get(link)
        await cliniko.bookings.get(Link(f"{BASE}/individual_appointments/8"))
        with pytest.raises(InvalidValueError, match="not to patients"):
            await cliniko.patients.get(link)
        with pytest.raises(InvalidTypeError):
            cliniko.patients.list(link=f"{BASE}/patients")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # on purpose
    assert [url.path for url in server.asked] == ["/v1/bookings/7", "/v1/bookings/8"]


def test_dates_are_dates() -> None:
    patient = decode(Patient, json.dumps({**RECORD, "date_of_birth": "1990-05-12"}).encode())
    assert isinstance(patient, Patient)
    assert patient.date_of_birth == date(1990, 5, 12)
    assert patient.created_at == datetime(2026, 8, 21, 8, 34, 22, tzinfo=UTC)
