"""Decoding: the fast way and the careful way agree, and what does not fit is named, not shown."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from sessions import AGENT

from cliniko_async import AsyncCliniko, DecodeError, Link, Patient, RateLimit, Tax
from cliniko_async._models import converter as convert
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.facts import load
from cliniko_async.resources.appointment_types import AppointmentType
from cliniko_async.resources.attendees import Attendee
from cliniko_async.resources.individual_appointments import IndividualAppointment
from cliniko_async.resources.invoices import Invoice
from cliniko_async.resources.treatment_notes import TreatmentNote

MODELS: dict[str, Any] = {
    "Patient": Patient,
    "IndividualAppointment": IndividualAppointment,
    "Invoice": Invoice,
    "AppointmentType": AppointmentType,
    "Attendee": Attendee,
    "Tax": Tax,
    "TreatmentNote": TreatmentNote,
}
BASE = {
    "id": "9223372036854775807",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
anything = st.recursive(
    scalars,
    lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(max_size=5), i, max_size=3),
    max_leaves=6,
)
moments = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - a zone follows
    lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S")
)
ids = st.integers(1, 10**19 - 1)
links = ids.map(lambda n: {"links": {"self": f"https://api.au1.cliniko.com/v1/patients/{n}"}})

FITTING: dict[tuple[str, str | None], st.SearchStrategy[Any]] = {
    ("string", None): st.text(max_size=10),
    ("string", "date-time"): moments.map(lambda t: t + "Z") | moments.map(lambda t: t + "+10:00"),
    ("string", "date"): st.dates().map(date.isoformat),
    ("string", "int64"): ids.map(str) | st.integers(1, 2**53),
    ("string", "decimal"): st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    ("number", "decimal"): st.integers(-(10**9), 10**9),
    ("integer", None): st.integers(-5, 10**9),
    ("number", None): st.integers(-(10**9), 10**9),
    ("boolean", None): st.booleans(),
}


def value_of(fact: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON that fits a fact, or null, which the API sends more often than it says."""
    if "link" in fact:
        nothing: dict[str, Any] = {}
        return st.none() | links | st.just(nothing)
    if fact.get("type") == "array" and "items" in fact:
        return st.none() | st.lists(value_of(fact["items"]).filter(bool), max_size=2)
    if "properties" in fact:
        parts = {name: value_of(part) for name, part in fact["properties"].items()}
        return st.none() | st.fixed_dictionaries({}, optional=parts)
    if "enum" in fact:
        return st.none() | st.sampled_from(fact["enum"])
    texts = FITTING[("string", None)]
    return st.none() | FITTING.get((fact.get("type", ""), fact.get("format")), texts)


@st.composite
def records(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A record of some model: some fields left out, some unknown, one perhaps of any JSON."""
    name = draw(st.sampled_from(sorted(MODELS)))
    properties = load().schemas[name].properties
    fields = draw(st.lists(st.sampled_from(sorted(properties)), max_size=12, unique=True))
    record: dict[str, Any] = dict(BASE)
    for field in fields:
        if field not in (*BASE, "links"):
            record[field] = draw(value_of(dict(properties[field])))
    if draw(st.booleans()):
        record["a_field_of_next_year"] = draw(anything)
    if draw(st.booleans()):
        record[draw(st.sampled_from(sorted(properties)))] = draw(anything)
    return name, record


def careful(model: Any, raw: bytes) -> Any:
    return convert._decode_with_care(model, raw)  # pyright: ignore[reportPrivateUsage] # the rule


def same(one: Any, other: Any) -> bool:
    """Whether two results are the same: equal records, or errors both."""
    if isinstance(one, DecodeError) or isinstance(other, DecodeError):
        return type(one) is type(other)
    return bool(one == other)


@settings(max_examples=400)
@given(case=records())
def test_the_fast_way_and_the_careful_way_agree(case: tuple[str, dict[str, Any]]) -> None:
    name, record = case
    raw = json.dumps(record).encode()
    fast = convert.decode(MODELS[name], raw)
    rule = careful(MODELS[name], raw)
    assert same(fast, rule), (fast, rule)
    (listed,) = convert.decode_rows(MODELS[name], b"[" + raw + b"]")
    assert same(listed, rule)


@settings(max_examples=200)
@given(case=records(), secret=st.sampled_from(["CANARY", {"CANARY": 1}, [["CANARY"]], 10**30]))
def test_what_does_not_fit_is_named_by_its_path_and_never_shown(
    case: tuple[str, dict[str, Any]], secret: Any
) -> None:
    name, record = case
    for field in ("created_at", "updated_at"):
        result = convert.decode(MODELS[name], json.dumps({**record, field: secret}).encode())
        assert isinstance(result, DecodeError)
        assert result.resource == name
        said = str(result) + repr(result) + "".join(result.problems)
        assert field in said
        assert "CANARY" not in said
        assert str(10**30) not in said


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    [
        ("id", 42, "42"),
        ("id", "9223372036854775807", "9223372036854775807"),
        ("rate", "12.50", Decimal("12.50")),
        ("rate", 12.5, Decimal("12.5")),
        ("rate", 12, Decimal(12)),
        ("rate", None, None),
        ("created_at", "2026-01-01T10:00:00+10:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("created_at", "2026-01-01T00:00:00.250Z", datetime(2026, 1, 1, 0, 0, 0, 250000, UTC)),
        ("links", {"self": "https://x/v1/taxes/1"}, Link("https://x/v1/taxes/1")),
        ("links", {}, None),
    ],
)
def test_what_the_api_sends_becomes_what_it_means(field: str, sent: Any, read: Any) -> None:
    record = convert.decode(Tax, json.dumps({**BASE, field: sent}).encode())
    assert isinstance(record, Tax)
    assert getattr(record, field) == read
    if isinstance(read, datetime):
        assert getattr(record, field).tzinfo is UTC


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("id", None),
        ("id", True),
        ("name", 5),
        ("rate", "NaN"),
        ("rate", "Infinity"),
        ("rate", True),
        ("rate", "ten"),
        ("created_at", "2026-01-01T00:00:00"),
        ("created_at", "2026-13-01T00:00:00Z"),
        ("created_at", None),
        ("links", {"self": None}),
    ],
)
def test_what_does_not_fit_is_an_error_and_no_guess(field: str, sent: Any) -> None:
    result = convert.decode(Tax, json.dumps({**BASE, field: sent}).encode())
    assert isinstance(result, DecodeError)
    assert any(field in problem for problem in result.problems)


def test_values_that_an_enumeration_does_not_have_yet_are_kept() -> None:
    patient = convert.decode(Patient, json.dumps({**BASE, "reminder_type": "Pigeon"}).encode())
    assert isinstance(patient, Patient)
    assert patient.reminder_type == "Pigeon"


def test_deeply_nested_json_is_an_error_and_no_crash() -> None:
    deep = b'{"id": "1", "name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        convert.decode(Tax, deep)


def test_models_are_silent_and_cannot_be_changed() -> None:
    record = {**BASE, "first_name": "Canaryname", "email": "canary@example.com"}
    patient = convert.decode(Patient, json.dumps(record).encode())
    screen = io.StringIO()
    Console(file=screen).print(patient, [patient])
    assert "anary" not in screen.getvalue() + repr(patient) + str(patient)
    assert repr(patient) == "<Patient 9223372036854775807>"
    with pytest.raises(AttributeError):
        patient.first_name = "x"  # type: ignore[union-attr, misc] # pyright: ignore[reportAttributeAccessIssue] # that is the point


@pytest.mark.anyio
async def test_bad_records_are_raised_skipped_or_told() -> None:
    clinic = Clinic.seeded(patients=130, appointments=0)
    shown = [row for row in clinic.records("patients") if row["archived_at"] is None]
    bad = shown[7]
    bad["date_of_birth"] = "CANARY"
    async with AsyncCliniko(
        "MS0xBAD-au1",
        user_agent=AGENT,
        transport=Emulator(clinic).transport(),
        rate_limit=RateLimit(100_000),
    ) as cliniko:
        patients = aiter(cliniko.patients.list())
        assert [(await anext(patients)).id for _ in range(7)] == [row["id"] for row in shown[:7]]
        with pytest.raises(DecodeError) as raised:
            await anext(patients)
        assert raised.value.id == bad["id"]
        told: list[DecodeError] = []
        for listing in (
            cliniko.patients.list(on_bad_record="skip"),
            cliniko.patients.list(on_bad_record=told.append),
        ):
            assert len(await listing.all()) == len(shown) - 1
        assert [error.id for error in told] == [bad["id"]]
        assert len(await cliniko.patients.list().raw().all()) == len(shown)
        assert len([p async for p in cliniko.patients.scan(on_bad_record="skip")]) == len(shown) - 1
