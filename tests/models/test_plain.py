"""Models beside other libraries: plain JSON, pydantic, FastAPI, consoles, copies, frozen time."""

from __future__ import annotations

import copy
import importlib
import io
import json
import pickle
import pkgutil
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Annotated, Any

import fastapi
import hypothesis.vendor.pretty
import msgspec
import pydantic
import pytest
from fastapi.testclient import TestClient
from rich.console import Console
from rich.pretty import pretty_repr
from sessions import AGENT

from cliniko_async import (
    AsyncCliniko,
    Content,
    Link,
    Patient,
    PatientFields,
    PhoneNumber,
    Pronouns,
    Unknown,
    resources,
)
from cliniko_async._models.converter import decode
from cliniko_async._models.fields import encode_fields
from cliniko_async.errors import InvalidFieldsError, InvalidTypeError, ValidationError
from cliniko_async.resources.communications import MemoCommunicationCreateFields


def printed(code: str) -> str:
    """What a Python of its own prints."""
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603 - our own lines
    return run.stdout.strip()


BASE = "https://api.au1.cliniko.com/v1"
SECRET = "CANARY"
SENT: dict[str, Any] = {
    "id": "1",
    "created_at": "2026-08-21T08:34:22Z",
    "updated_at": "2026-08-21T08:34:22Z",
    "first_name": SECRET,
    "date_of_birth": "1990-05-12",
    "patient_phone_numbers": [{"number": SECRET, "phone_type": "Home"}],
    "custom_fields": {"sections": [{"fields": [{"type": "hologram", "depth": 1.5}]}]},
    "referring_doctor": {"links": {"self": f"{BASE}/contacts/5"}},
    "attendees": {"links": {"self": f"{BASE}/attendees?q[]=patient_id:=1"}},
    "links": {"self": f"{BASE}/patients/1"},
}


@pytest.fixture
def patient() -> Patient:
    found = decode(Patient, json.dumps(SENT).encode())
    assert isinstance(found, Patient)
    return found


# Plain JSON


def test_a_record_as_plain_json_has_ids_for_relations(patient: Patient) -> None:
    found = patient.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["date_of_birth"] == "1990-05-12"
    assert found["created_at"] == "2026-08-21T08:34:22Z"
    assert found["referring_doctor_id"] == "5"
    assert found["attendees"] == f"{BASE}/attendees?q[]=patient_id:=1"
    assert found["patient_phone_numbers"][0]["phone_type"] == "Home"
    assert found["custom_fields"]["sections"][0]["fields"] == [{"type": "hologram", "depth": 1.5}]
    assert found["merged_at"] is None
    assert not {"links", "referring_doctor"} & found.keys()
    assert dict(patient) == found


def test_what_is_not_known_is_plain_json_already() -> None:
    assert Unknown(raw={"id": "5", "depth": 1.5}).to_dict() == {"id": "5", "depth": 1.5}


# pydantic and FastAPI


def test_pydantic_reads_and_writes_a_model(patient: Patient) -> None:
    adapter = pydantic.TypeAdapter(Patient)
    assert adapter.validate_python(patient) is patient
    assert adapter.validate_python(SENT) == patient
    again = adapter.validate_json(adapter.dump_json(patient))
    assert again.to_dict()["referring_doctor_id"] == "5"
    assert again.first_name == patient.first_name
    assert json.loads(adapter.dump_json(patient)) == patient.to_dict()
    with pytest.raises(pydantic.ValidationError, match="date_of_birth"):
        adapter.validate_python({**SENT, "date_of_birth": "yesterday"})
    with pytest.raises(pydantic.ValidationError, match="JSON object"):
        adapter.validate_python(5)


def test_a_link_of_plain_json_is_a_link() -> None:
    adapter = pydantic.TypeAdapter(Link)
    for given in ("5", f"{BASE}/contacts/5", {"links": {"self": f"{BASE}/contacts/5"}}):
        link = adapter.validate_python(given)
        assert link.id == "5"
        assert adapter.dump_python(link) == "5"


def every_model_and_fields() -> list[Any]:
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(resources.__path__):
        loaded = importlib.import_module(f"{resources.__name__}.{module.name}")
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if hasattr(value, "__attrs_attrs__") or name.endswith("Fields"):
                found[name] = value
    return list(found.values())


@pytest.mark.parametrize("kind", every_model_and_fields(), ids=lambda kind: kind.__name__)
def test_pydantic_has_a_schema_of_everything(kind: Any) -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(kind)
    for mode in ("validation", "serialization"):
        schema = adapter.json_schema(mode=mode)
        assert schema.get("properties") or kind.__name__ in ("Unknown", "CustomFields")


def test_pydantic_reads_fields_as_json_is_read() -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(PatientFields)
    pronouns = dict.fromkeys(
        (
            "nominative",
            "accusative",
            "pronominal_possessive",
            "predicative_possessive",
            "reflexive",
        ),
        "x",
    )
    fields = adapter.validate_python(
        {
            "date_of_birth": "1990-12-31",
            "referring_doctor_id": 5,
            "patient_phone_numbers": [{"number": "1"}],
            "pronouns": pronouns,
        }
    )
    assert fields == {
        "date_of_birth": date(1990, 12, 31),
        "referring_doctor_id": "5",
        "patient_phone_numbers": [PhoneNumber(number="1")],
        "pronouns": Pronouns(**pronouns),
    }
    assert encode_fields(PatientFields, fields)["date_of_birth"] == "1990-12-31"
    wrong = {
        "first_name": 5,
        "date_of_birth": "31/12/1990",
        "accepted_privacy_policy": "yes",
        "x": 1,
    }
    with pytest.raises(pydantic.ValidationError) as caught:
        adapter.validate_python(wrong)
    assert {error["loc"][0] for error in caught.value.errors()} == wrong.keys()


def test_names_that_python_keeps_are_the_api_s_for_pydantic() -> None:
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(MemoCommunicationCreateFields)
    memo = {"patient_id": "1", "type_code": 3, "direction_code": 1, "from": "a", "to": "b",
            "content": "c", "confidential": False}  # fmt: skip
    fields = adapter.validate_python(memo)
    assert fields["from_"] == "a"
    with pytest.raises(pydantic.ValidationError, match="confidential"):
        adapter.validate_python({name: own for name, own in memo.items() if name != "confidential"})


def service(patient: Patient) -> TestClient:
    app = fastapi.FastAPI()

    def get() -> Patient:
        return patient

    def get_untold() -> Any:
        return patient

    def get_all() -> list[Patient]:
        return [patient]

    def post(fields: PatientFields) -> dict[str, Any]:
        return encode_fields(PatientFields, fields)

    def put(sent: Annotated[Patient, fastapi.Body()]) -> dict[str, Any]:
        return {"born": sent.date_of_birth}

    app.get("/patient")(get)
    app.get("/untold", response_model=None)(get_untold)
    app.get("/patients")(get_all)
    app.post("/patients")(post)
    app.put("/patients")(put)
    # A function's own annotations are texts here, which FastAPI resolves in its module.
    return TestClient(app, raise_server_exceptions=False)


def test_fastapi_answers_with_records_and_takes_fields(patient: Patient) -> None:
    client = service(patient)
    for path in ("/patient", "/untold"):
        assert client.get(path).json() == patient.to_dict(), path
    assert client.get("/patients").json() == [patient.to_dict()]
    sent = client.post("/patients", json={"date_of_birth": "1990-12-31"})
    assert (sent.status_code, sent.json()) == (200, {"date_of_birth": "1990-12-31"})
    refused = client.post("/patients", json={"date_of_birth": "31/12/1990", "first_name": 5})
    assert refused.status_code == 422
    places = {tuple(error["loc"]) for error in refused.json()["detail"]}
    assert places == {("body", "date_of_birth"), ("body", "first_name")}
    assert client.put("/patients", json=patient.to_dict()).json() == {"born": "1990-05-12"}
    assert client.get("/openapi.json").status_code == 200


def test_pydantic_is_not_loaded_unless_it_asks() -> None:
    code = (
        "import sys, cliniko_async as c; c.Patient; c.PatientFields; "
        "print([n for n in ('pydantic', 'pydantic_core', 'fastapi') if n in sys.modules])"
    )
    assert printed(code) == "[]"


# Living with others


def test_consoles_and_debuggers_show_the_name_and_the_id(patient: Patient) -> None:
    screen = io.StringIO()
    Console(file=screen).print(patient, [patient])
    shown = [
        repr(patient),
        pretty_repr([patient]),
        hypothesis.vendor.pretty.pretty([patient, PhoneNumber(number=SECRET)]),
        screen.getvalue(),
        pretty_repr(PhoneNumber(number=SECRET)),
    ]
    for text in shown[:-1]:
        assert "Patient" in text
        assert "1" in text
    assert "PhoneNumber" in shown[-1]
    assert SECRET not in "".join(shown)


def test_models_hash_as_they_are_equal(patient: Patient) -> None:
    again = decode(Patient, json.dumps(SENT).encode())
    assert {patient, again} == {patient}
    assert len({PhoneNumber(number="1"), PhoneNumber(number="1"), PhoneNumber(number="2")}) == 2
    content = msgspec.json.encode({"sections": [{"questions": [{"type": "new", "a": [1]}]}]})
    found = decode(Content, content)
    assert hash(found) == hash(decode(Content, content))
    assert hash(Unknown(raw={"a": []})) == hash(Unknown(raw={"a": []}))


def test_errors_keep_everything_in_their_process_and_leave_it_behind_elsewhere() -> None:
    error = ValidationError("refused", status=422, method="POST", path="/patients", detail=SECRET)
    error.fields = {"email": SECRET}
    for kept in (copy.copy(error), copy.deepcopy(error)):
        assert type(kept) is ValidationError
        assert (kept.args, kept.status, kept.detail) == (error.args, 422, SECRET)
        assert kept.fields == error.fields
    assert SECRET.encode() not in pickle.dumps(error)
    problems = InvalidFieldsError("wrong", problems=["first_name is a text"])
    assert copy.deepcopy(problems).problems == problems.problems
    assert pickle.loads(pickle.dumps(problems)).problems == problems.problems  # noqa: S301 - our own


@pytest.mark.parametrize("act", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_session_says_that_it_is_not_copied(act: Any) -> None:
    session = AsyncCliniko("MS0xTEST-au2", user_agent=AGENT)
    with pytest.raises(InvalidTypeError, match="with_options"):
        act(session)
    assert session.with_options(retries=1).shard == "au2"


FROZEN = """
import asyncio, sys
from datetime import UTC, date, datetime
from freezegun import freeze_time

def use():
    from cliniko_async import AsyncCliniko
    from cliniko_async.emulator import Clinic, Emulator

    async def main():
        transport = Emulator(Clinic.seeded(patients=9, appointments=0)).transport()
        agent = "Tests (tests@example.com)"
        async with AsyncCliniko("MS0x-au1", user_agent=agent, transport=transport) as c:
            patient = await c.patients.list().first()
            await c.patients.update(patient.id, date_of_birth=date(1990, 1, 2))
            patient = await c.patients.get(patient.id)
            since = datetime(2020, 1, 1, tzinfo=UTC)
            changes = [change async for change in c.patients.changes(since=since)]
            return type(patient.date_of_birth).__name__, len(changes) > 5

    return asyncio.run(main())

with freeze_time("2026-05-31 12:00:00"):
    frozen = use()
print(frozen, use())
"""


@pytest.mark.slow
def test_frozen_time_at_the_first_use_breaks_nothing_and_stays_nowhere() -> None:
    assert printed(FROZEN) == "('date', True) ('date', True)"


def test_the_pytest_plugin_loads_nothing_that_is_not_used() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); "
        "import cliniko_async.emulator.pytest_plugin; "
        "print(sorted({n.partition('.')[0] for n in set(sys.modules) - before}))"
    )
    assert printed(code) == "['cliniko_async']"


def test_moments_are_told_in_utc() -> None:
    patient = Patient(
        id="1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_at=datetime(2026, 1, 1, 0, 0, 0, 5000, UTC),
    )
    assert patient.to_dict()["updated_at"] == "2026-01-01T00:00:00.005000Z"
