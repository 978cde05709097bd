"""Decoding by a table: every type of field meets JSON of every awkward kind."""

from __future__ import annotations

import json
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import attrs
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit, resources
from cliniko_async._models import converter as convert
from cliniko_async._models.model import Model, Unknown, json_name
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import DecodeError
from cliniko_async.resources import bookings, communications, custom_fields, questions
from cliniko_async.resources.appointment_types import AppointmentType

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENT = "2026-01-02T03:04:05Z"
URL = "https://api.au1.cliniko.com/v1/patients/1"
BASE = {"id": "9223372036854775807", "created_at": MOMENT, "updated_at": MOMENT}

NUMBERS = ["0", "-1", "-0", "1.0", "12.5", "1e5", "1e400", "-1e400", "1767225600", "9" * 30]
TEXTS = (
    [
        "",
        "x",
        "NaN",
        "Infinity",
        "-inf",
        " 12 ",
        "1_000",
        "\uff11\uff12",
        "1e5",
        "1E+400",
        "+5",
        ".5",
    ]
    + ["0x10", "2026-01-01", "20260101", "2026-W01-1", "2026-1-1", "2026-02-30T00:00:00Z"]
    + [MOMENT, MOMENT.lower(), MOMENT.replace("T", " "), MOMENT[:-1], f"{MOMENT} ", "\x00"]
    + ["2026-01-01T00:00Z", "20260101T000000Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z"]
    + [MOMENT.replace("Z", zone) for zone in ("+00:00", "-00:00", "+10", "+1000", "+24:00")]
    + [MOMENT.replace("Z", ".123456Z"), "0001-01-01T00:00:00+10:00", "9999-12-31T23:00:00-10:00"]
)
LINKS: list[Any] = [
    {},
    {"links": {}},
    {"links": None},
    {"links": {"self": URL}},
    {"self": URL},
    {"self": ""},
    {"self": None},
    {"links": {"self": None}},
    {"links": {"self": 1}},
    {"links": {"self": URL, "next": 1}, "of_next_year": 2},
    {"links": {"self": URL}, "self": "another"},
    {"links": None, "self": URL},
    {"links": []},
    {"links": "x"},
]
NESTED: list[Any] = [
    None,
    True,
    [],
    [{}],
    [None],
    ["1"],
    [1],
    [[]],
    {"x": 1},
    {"type": "text"},
    {"sections": None},
    {"sections": [{}]},
    {"sections": [{"fields": [{"type": "text"}]}]},
    [{"number": "1", "phone_type": "Pigeon"}],
    [{"number": 1}],
]
AWKWARD = NUMBERS + [json.dumps(value) for value in [*TEXTS, *LINKS, *NESTED]]


def models() -> Iterator[type[Model]]:
    for found in iter_modules(resources.__path__):
        for kind in vars(import_module(f"cliniko_async.resources.{found.name}")).values():
            if isinstance(kind, type) and issubclass(kind, Model) and kind is not Model:
                yield kind


def one_field_of_each_type() -> dict[str, tuple[type[Model], str]]:
    fields: dict[str, tuple[type[Model], str]] = {}
    for kind in models():
        hints = get_type_hints(kind, include_extras=True)
        for field in attrs.fields(kind):
            if json_name(field) == field.name:
                fields.setdefault(str(hints[field.name]), (kind, field.name))
    return fields


FIELDS = one_field_of_each_type()


def record(model: type[Model], **members: str) -> bytes:
    """A record of which some members are given as JSON."""
    names = {field.name for field in attrs.fields(model)}
    sent = {name: json.dumps(text) for name, text in BASE.items() if name in names} | members
    return b"{%s}" % ",".join(f'"{name}":{text}' for name, text in sent.items()).encode()


def results(model: type[Model], raw: bytes) -> list[Model | DecodeError]:
    """What becomes of a record: alone, in a list, and by the careful way alone."""
    careful = convert._decode_with_care(model, raw)  # pyright: ignore[reportPrivateUsage] # the rule
    return [convert.decode(model, raw), *convert.decode_rows(model, b"[%s]" % raw), careful]


@pytest.mark.parametrize("kind", FIELDS)
def test_all_ways_of_decoding_agree_on_every_type_of_field(kind: str) -> None:
    model, name = FIELDS[kind]
    for text in AWKWARD:
        alone, listed, careful = results(model, record(model, **{name: text}))
        if isinstance(careful, DecodeError):
            assert isinstance(alone, DecodeError), text
            assert isinstance(listed, DecodeError), text
            assert careful.problems == alone.problems == listed.problems
            assert all(f"$.{name}" in problem for problem in careful.problems), careful.problems
        else:
            assert alone == listed == careful, text


def told_apart() -> Iterator[tuple[str, type[Model], type[Model], str]]:
    """Each model that is told apart, what holds it, and a template for the JSON around it."""
    for kind, member in custom_fields.KINDS.items():
        around = f'{{"fields":[{{"type":"{kind}",%s}}]}}'
        yield f"custom {kind}", custom_fields.CustomSection, member, around
    for kind, member in questions.KINDS.items():
        around = f'{{"questions":[{{"type":"{kind}",%s}}]}}'
        yield f"asked {kind}", questions.Section, member, around
    dated = ",".join(f'"{name}":{json.dumps(text)}' for name, text in BASE.items())
    marks = {
        "UnavailableBlock": '"unavailable_block_type":null',
        "GroupAppointment": '"max_attendees":1',
    }
    for member in get_args(bookings.Booking):
        mark = marks.get(member.__name__, '"patient":{}')
        if member is not Unknown:
            yield member.__name__, bookings.Bookings.model, member, f"{{{dated},{mark},%s}}"
    codes = {
        communications.SmsCommunication: f'"type_code":{communications.SMS}',
        communications.EmailCommunication: f'"type_code":{communications.EMAIL}',
        communications.MemoCommunication: f'"category_code":{communications.MEMO}',
    }
    for member, code in codes.items():
        yield member.__name__, communications.Communications.model, member, f"{{{dated},{code},%s}}"


TOLD_APART = {case[0]: case[1:] for case in told_apart()}


@pytest.mark.parametrize("name", TOLD_APART)
def test_all_ways_of_decoding_agree_on_what_is_told_apart(name: str) -> None:
    holder, member, template = TOLD_APART[name]
    hints = get_type_hints(member, include_extras=True)
    fields = {str(hints[field.name]): json_name(field) for field in attrs.fields(member)}
    read = 0
    for field in fields.values():
        for text in AWKWARD:
            alone, listed, careful = results(holder, (template % f'"{field}":{text}').encode())
            if isinstance(careful, DecodeError):
                assert isinstance(alone, DecodeError), (field, text)
                assert isinstance(listed, DecodeError), (field, text)
                assert careful.problems == alone.problems == listed.problems
            else:
                assert alone == listed == careful, (field, text)
                read += 1
    assert read > len(fields)


def test_all_models_are_looked_at() -> None:
    assert len(set(models())) > 60
    assert len(FIELDS) > 20


@pytest.mark.parametrize("bad", ["1e400", '"soon"', "[[]]", "{}"])
@pytest.mark.anyio
async def test_a_page_with_a_bad_record_keeps_the_good_ones(bad: str) -> None:
    clinic = Clinic()
    made = [clinic.create("appointment_types", name="Massage") for _ in range(5)]
    table = clinic.table("appointment_types")
    # The emulator keeps what it has encoded: here is a record as no emulator would write it.
    table.encoded[made[2]["id"]] = record(
        AppointmentType, id=json.dumps(made[2]["id"]), duration_in_minutes=bad
    )
    told: list[DecodeError] = []
    async with AsyncCliniko(
        "MS0xTEST-au1",
        user_agent=AGENT,
        transport=Emulator(clinic).transport(),
        rate_limit=RateLimit(10_000),
    ) as cliniko:
        found = await cliniko.appointment_types.list(on_bad_record=told.append).all()
    assert [kind.id for kind in found] == [row["id"] for row in made if row is not made[2]]
    assert [error.id for error in told] == [made[2]["id"]]
    assert "duration_in_minutes" in str(told[0])
    assert bad not in str(told[0])
