"""Every resource against the facts: operations, models, bodies and filters, in both directions."""

from __future__ import annotations

import inspect
import json
import re
import types
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
import httpx
import pytest
from sessions import AGENT

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._lists.listing import Listing
from cliniko_async._models.converter import decode
from cliniko_async._models.fields import encode_fields
from cliniko_async._models.links import Link
from cliniko_async._models.model import Model, Unknown, json_name
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.facts import Operation, load
from cliniko_async.errors import InvalidTypeError, InvalidValueError, NotBookableError
from cliniko_async.resources.bookings import Bookings
from cliniko_async.resources.communications import Communications
from cliniko_async.resources.patient_forms import PatientForm
from cliniko_async.resources.patients import Patient, PatientFields
from cliniko_async.resources.people import PhoneNumber, Pronouns
from cliniko_async.resources.products import ProductFields
from cliniko_async.resources.questions import Content

if TYPE_CHECKING:
    from cliniko_async._verbs.one_record import Resource

pytestmark = pytest.mark.anyio

FACTS = load()
NAMES = sorted(name for name, value in vars(AsyncCliniko).items() if isinstance(value, Lazy))
KINDS: Mapping[str, str] = {
    "int64": "IdField",
    "date-time": "DateTimeField",
    "date": "DateField",
    "string": "StringField",
    "integer": "IntegerField",
    "boolean": "BooleanField",
    "array": "ArrayField",
}
FILES = ("upload", "download")
"""Methods that are made of others, and have tests of their own."""

OF_LISTS = {"watch", "scan", "changes"}
"""Methods that ask what `list` asks."""

OURS: Mapping[str, set[str]] = {"AvailableTime": {"practitioner_id"}}
"""Fields of models that the API does not send."""

RECORD = {
    "id": "1",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}


class Recorder:
    """Answers whatever is asked with as little as can be, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Operation, Any]] = []
        self._routes = sorted(
            ((re.sub(r"{\w+}", r"\\d+", o.path), o) for o in FACTS.operations),
            key=lambda route: route[0].count("d+"),
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1")
        operation = next(
            o for p, o in self._routes if o.method == request.method and re.fullmatch(p, path)
        )
        self.asked.append((operation, json.loads(request.content or b"null")))
        return httpx.Response(operation.status, json=_answer(operation))


def _answer(operation: Operation) -> Any:
    if operation.status == 204:
        return None
    if operation.kind == "list" or operation.key:
        return {operation.key: [], "total_entries": 0, "links": {}}
    return {**RECORD, "conflicts": {"exist": False}} if operation.kind == "conflicts" else RECORD


def resource_class(name: str) -> Any:
    kind: type[Resource[Any]] = getattr(AsyncCliniko, name)
    return kind


def has_schema(name: str) -> bool:
    """Whether the records of a resource are of one kind, which the facts have."""
    return getattr(resource_class(name).model, "__name__", "") in {
        name for name, schema in FACTS.schemas.items() if schema.properties
    }


SAMPLES: Mapping[str, Any] = {
    "color": "#0099ff",
    "dva_card_number": "NX123456",
    "email": "ann@example.com",
    "invoice_email": "ann@example.com",
    "max_attendees": 2,
}
"""Values of fields that are not held to a type alone."""


def value_for(name: str, hint: Any) -> Any:
    """A value of a type, whatever it means."""
    if name in SAMPLES:
        return SAMPLES[name]
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType, Sequence):
        inner = value_for(name, get_args(hint)[0])
        return [inner] if get_origin(hint) is Sequence else inner
    if isinstance(hint, type) and issubclass(hint, PhoneNumber | Pronouns):
        written = [f for f in attrs.fields(hint) if "read_only" not in f.metadata]
        return hint(**{f.name: value_for(f.name, f.type) for f in written})
    simple: Mapping[Any, Any] = {
        str: "1",
        int: 1,
        bool: True,
        date: date(2026, 1, 1),
        datetime: datetime(2026, 1, 1, tzinfo=UTC),
        Decimal: Decimal("1.5"),
    }
    return simple[hint] if hint in simple else hint()


def fields_of(method: Any) -> Mapping[str, Any]:
    """The writable fields of a create or update, each with a value."""
    module = import_module(method.__module__)
    hints = get_type_hints(method, vars(module))
    (kind,) = get_args(hints["fields"])
    inner = get_type_hints(kind, vars(module))
    return {name: value_for(name, hint) for name, hint in inner.items()}


def arguments(method: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments that a public method can be called with."""
    known: Mapping[str, Any] = {
        "ids": ["1"],
        "practitioner_ids": ["1"],
        "reason": "Sick",
        "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
        "from_": date(2026, 1, 1),
        "to": date(2026, 1, 2),
    }
    given: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD and parameter.name == "fields":
            named |= fields_of(method)
        elif parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            value = known.get(parameter.name, "1")
            if parameter.kind is parameter.KEYWORD_ONLY:
                named[parameter.name] = value
            else:
                given.append(value)
    return given, named


async def call_everything(resource: Resource[Any]) -> None:
    """Call each public method once."""
    methods = inspect.getmembers(resource, inspect.ismethod)
    for method in (m for name, m in methods if not name.startswith("_") and name not in FILES):
        if method.__name__ in OF_LISTS:
            continue
        given, named = arguments(method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            result = method(*given, **named)
        if isinstance(result, Listing):
            await result.all()
        elif method.__name__ == "get_many":
            with pytest.raises(Exception, match="not found"):
                await result
        else:
            await result


async def test_every_operation_of_the_api_is_reached_and_sends_exactly_the_fields_it_has() -> None:
    recorder = Recorder()
    session = AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=httpx.MockTransport(recorder),
    )
    async with session as cliniko:
        for name in NAMES:
            await call_everything(getattr(cliniko, name))
    reached = {str(operation) for operation, _ in recorder.asked}
    assert reached == {str(operation) for operation in FACTS.operations}
    for operation, body in recorder.asked:
        if operation.body and operation.kind in ("create", "update"):
            assert body.keys() == FACTS.bodies[operation.body].properties.keys(), str(operation)


@pytest.mark.parametrize("name", [name for name in NAMES if has_schema(name)])
def test_a_model_has_the_properties_of_its_schema(name: str) -> None:
    model = resource_class(name).model
    ours = {json_name(field) for field in attrs.fields(model)}
    properties = FACTS.schemas[model.__name__].properties
    assert ours - OURS.get(model.__name__, set()) == properties.keys()


@pytest.mark.parametrize(
    "operation",
    [o for o in FACTS.operations if o.kind == "list" and o.path.count("/") == 1],
    ids=str,
)
def test_filters_are_those_of_the_list_kind_by_kind(operation: Operation) -> None:
    filters = resource_class(operation.path[1:]).filters
    ours = {field: type(getattr(filters, field)).__name__ for field in filters.names}
    assert ours == {field: KINDS[kind] for field, kind in operation.filters.items()}


def test_deprecated_operations_and_no_others_are_struck_out() -> None:
    struck = {
        f"{name}.{method}"
        for name in NAMES
        for method, function in inspect.getmembers(resource_class(name), inspect.isfunction)
        if hasattr(function, "__deprecated__")
    }
    assert len(struck) == sum(operation.deprecated for operation in FACTS.operations)
    assert "patients.delete" in struck
    assert "taxes.delete" not in struck


def test_bookings_are_told_apart_without_a_type() -> None:
    link = {"links": {"self": "https://api.au1.cliniko.com/v1/group_appointments/1/attendees"}}
    kinds = [
        type(decode(Bookings.model, json.dumps({**RECORD, **more}).encode())).__name__
        for more in (
            {"patient": None},
            {"max_attendees": 5},
            {"attendees": link},
            {"unavailable_block_type": None},
            {},
        )
    ]
    assert kinds == [
        "IndividualAppointment",
        "GroupAppointment",
        "GroupAppointment",
        "UnavailableBlock",
        "Unknown",
    ]


def test_a_memo_is_a_memo_even_if_it_notes_an_email() -> None:
    memo = decode(
        Communications.model, json.dumps({**RECORD, "category_code": 12, "type_code": 2}).encode()
    )
    email = decode(
        Communications.model, json.dumps({**RECORD, "category_code": 3, "type_code": 2}).encode()
    )
    assert type(memo).__name__ == "MemoCommunication"
    assert type(email).__name__ == "EmailCommunication"


def test_an_unknown_question_stays_as_it_came_and_goes_back_the_same_way() -> None:
    new = {"type": "hologram", "name": "Where?", "depth": 1.5}
    text = {"type": "text", "name": "How?", "answer": "well"}
    sent = {"sections": [{"name": "Today", "questions": [new, text]}]}
    content = decode(Content, json.dumps(sent).encode())
    assert isinstance(content, Content)
    assert content.sections
    assert content.sections[0].questions
    assert content.sections[0].questions[0] == Unknown(raw=new)
    note = type("Note", (), {"__annotations__": {"content": Content}})
    assert encode_fields(note, {"content": content}) == {"content": sent}


@pytest.mark.parametrize("several", [True, False])
def test_signatures_of_a_form_may_be_one_relation_or_a_list_of_them(several: bool) -> None:  # noqa: FBT001 - a case of the test
    url = "https://api.au1.cliniko.com/v1/patient_forms/1/signatures/112233"
    one = {"links": {"self": url}}
    form = decode(
        PatientForm, json.dumps({**RECORD, "signatures": [one] if several else one}).encode()
    )
    assert isinstance(form, PatientForm)
    assert form.signatures == [Link(url)]


def test_what_was_read_of_a_patient_can_be_sent_back_without_what_is_read_only() -> None:
    numbers = [{"number": "1", "normalized_number": "611", "phone_type": "Home"}]
    patient = decode(Patient, json.dumps({**RECORD, "patient_phone_numbers": numbers}).encode())
    assert isinstance(patient, Patient)
    body = encode_fields(PatientFields, {"patient_phone_numbers": patient.patient_phone_numbers})
    assert body == {"patient_phone_numbers": [{"number": "1", "phone_type": "Home"}]}


def test_only_the_price_of_a_product_is_sent_as_a_number() -> None:
    body = encode_fields(ProductFields, {"price": Decimal("10.50"), "cost_price": Decimal("9.90")})
    assert body == {"price": 10.5, "cost_price": "9.90"}


def _online_bookings(times: Mapping[str, Sequence[str]], **hidden: bool) -> Any:
    """A server of free times, by practitioner; others are not bookable online."""

    def answer(request: httpx.Request) -> httpx.Response:
        parts = request.url.path.split("/")[2:]
        if parts[-1] not in ("available_times", "next_available_time"):
            shown = not hidden.get(parts[0], False)
            return httpx.Response(200, json={**RECORD, "show_in_online_bookings": shown})
        if parts[3] not in times:
            return httpx.Response(404, json={"status": 404})
        first, last = request.url.params["from"], request.url.params["to"]
        free = [t for t in times[parts[3]] if first <= t[:10] <= last]
        asked.append((parts[3], first, last))
        rows = [{"appointment_start": t} for t in free]
        return httpx.Response(
            200, json={"available_times": rows, "total_entries": len(rows), "links": {}}
        )

    asked: list[tuple[str, str, str]] = []
    return answer, asked


def _session(server: Any) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=httpx.MockTransport(server),
    )


async def test_free_times_of_any_span_and_any_number_of_practitioners_come_in_one_list() -> None:
    server, asked = _online_bookings(
        {
            "7": ["2026-01-01T09:00:00Z", "2026-01-20T09:00:00Z"],
            "8": ["2026-01-07T08:00:00Z", "2026-01-08T08:00:00Z"],
        }
    )
    async with _session(server) as cliniko:
        times = await cliniko.available_times.find(
            business_id="1",
            practitioner_ids=["7", "8"],
            appointment_type_id="2",
            from_=date(2026, 1, 1),
            to=date(2026, 1, 20),
        )
    found = [(t.practitioner_id, t.appointment_start) for t in times]
    assert found == [
        ("7", datetime(2026, 1, 1, 9, tzinfo=UTC)),
        ("8", datetime(2026, 1, 7, 8, tzinfo=UTC)),
        ("8", datetime(2026, 1, 8, 8, tzinfo=UTC)),
        ("7", datetime(2026, 1, 20, 9, tzinfo=UTC)),
    ]
    assert sorted(asked)[:3] == [
        ("7", "2026-01-01", "2026-01-07"),
        ("7", "2026-01-08", "2026-01-14"),
        ("7", "2026-01-15", "2026-01-20"),
    ]
    assert len(asked) == 6


async def test_a_practitioner_whom_online_bookings_hide_is_told_apart_from_one_who_is_not() -> None:
    server, _ = _online_bookings({"7": ["2026-01-01T09:00:00Z"]}, practitioners=True)
    async with _session(server) as cliniko:
        with pytest.raises(NotBookableError) as caught:
            await cliniko.available_times.find(
                business_id="1",
                appointment_type_id="2",
                practitioner_ids=["7", "9"],
                from_=date(2026, 1, 1),
                to=date(2026, 1, 1),
            )
        times = await cliniko.available_times.find(
            business_id="1",
            appointment_type_id="2",
            practitioner_ids=["7", "9"],
            from_=date(2026, 1, 1),
            to=date(2026, 1, 1),
            unbookable="skip",
        )
    assert caught.value.hidden == ("practitioner",)
    assert [time.practitioner_id for time in times] == ["7"]


async def test_spans_that_cannot_be_right_send_nothing() -> None:
    async with _session(Recorder()) as cliniko:
        find = partial(cliniko.available_times.find, business_id="1", appointment_type_id="2")
        day = date(2026, 1, 2)
        with pytest.raises(InvalidValueError, match="from_ is later"):
            await find(practitioner_ids=["7"], from_=day, to=date(2026, 1, 1))
        with pytest.raises(InvalidTypeError, match="write \\[id\\]"):
            await find(practitioner_ids="7", from_=day, to=day)


async def test_a_cancellation_names_its_reason() -> None:
    recorder = Recorder()
    async with _session(recorder) as cliniko:
        await cliniko.individual_appointments.cancel("1", reason="Sick", apply_to_repeats=True)
        with pytest.raises(InvalidValueError, match="'Sick'"):
            await cliniko.attendees.cancel("1", reason="Bored")  # type: ignore[arg-type] # on purpose # pyright: ignore[reportArgumentType]
    assert recorder.asked[0][1] == {"cancellation_reason": 30, "apply_to_repeats": True}


async def test_inactive_practitioners_follow_the_active_ones() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        id = "2" if request.url.path.endswith("/inactive") else "1"
        rows = [{**RECORD, "id": id}]
        return httpx.Response(200, json={"practitioners": rows, "total_entries": 1, "links": {}})

    async with _session(answer) as cliniko:
        listing = cliniko.practitioners.list_for_business("5", include={"inactive"})
        assert [practitioner.id async for practitioner in listing] == ["1", "2"]
        both = await cliniko.practitioners.get_many(["2", "1"], include={"inactive"})
        assert [practitioner.id for practitioner in both] == ["2", "1"]


def test_no_model_shows_what_it_holds() -> None:
    assert repr(Unknown(raw={"id": "5", "secret": "x"})) == "<Unknown 5>"
    assert repr(PhoneNumber(number="0400")) == "<PhoneNumber>"
    assert issubclass(Unknown, Model)


async def test_free_times_leave_out_what_is_booked() -> None:
    clinic = Clinic()
    shown: Mapping[str, Any] = {"show_in_online_bookings": True}
    business = clinic.create("businesses", **shown)
    practitioner = clinic.create("practitioners", **shown)
    kind = clinic.create("appointment_types", duration_in_minutes=60, **shown)
    clinic.create(
        "individual_appointments",
        starts_at="2026-01-06T09:00:00Z",
        ends_at="2026-01-06T10:30:00Z",
        practitioner_id=practitioner["id"],
    )
    session = AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=Emulator(clinic).transport(),
    )
    async with session as cliniko:
        times = await cliniko.available_times.find(
            business_id=business["id"],
            practitioner_ids=[practitioner["id"]],
            appointment_type_id=kind["id"],
            from_=date(2026, 1, 6),
            to=date(2026, 1, 31),
        )
        first = await cliniko.available_times.next(
            business_id=business["id"],
            practitioner_id=practitioner["id"],
            appointment_type_id=kind["id"],
            from_=date(2026, 1, 6),
            to=date(2026, 1, 7),
        )
    starts = [time.appointment_start for time in times]
    assert first == starts[0] == datetime(2026, 1, 6, 11, tzinfo=UTC)
    # 19 weekdays of 8 hours from Tuesday the 6th to Friday the 30th, less two hours.
    assert len(starts) == len(set(starts)) == 19 * 8 - 2
    assert starts == sorted(starts, key=str)
