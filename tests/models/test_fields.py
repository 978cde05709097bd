"""Fields of writes: what type checkers would refuse is refused at run time, before a request."""

from __future__ import annotations

import enum
import importlib
import json
import pkgutil
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_type_hints

import httpx
import msgspec
import numpy as np
import pandas as pd  # pyright: ignore[reportMissingTypeStubs] # it has none of its own
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import AGENT

from cliniko_async import AsyncCliniko, Link, PhoneNumber, fields_from_json, resources
from cliniko_async._models.fields import encode_fields
from cliniko_async.errors import InvalidFieldsError, InvalidTypeError, InvalidValueError
from cliniko_async.resources.appointment_types import AppointmentTypeCreateFields
from cliniko_async.resources.appointments import RepeatRule
from cliniko_async.resources.communications import MemoCommunicationCreateFields
from cliniko_async.resources.custom_fields import CustomFields
from cliniko_async.resources.individual_appointments import IndividualAppointmentFields
from cliniko_async.resources.patient_cases import PatientCaseFields
from cliniko_async.resources.patients import PatientFields
from cliniko_async.resources.people import Pronouns
from cliniko_async.resources.products import ProductFields
from cliniko_async.resources.questions import (
    Answer,
    ChoiceQuestion,
    Content,
    OtherAnswer,
    Section,
    TextQuestion,
)
from cliniko_async.resources.relationships import RelationshipFields
from cliniko_async.resources.taxes import TaxFields
from cliniko_async.resources.treatment_notes import TreatmentNoteFields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "CANARY"
AWARE = datetime(1990, 12, 31, tzinfo=UTC)


def refusal(kind: type[Any], **fields: Any) -> str:
    """What is said of fields that cannot be right."""
    with pytest.raises(InvalidFieldsError) as caught:
        encode_fields(kind, fields)
    assert isinstance(caught.value, InvalidTypeError)
    assert isinstance(caught.value, InvalidValueError)
    assert SECRET not in str(caught.value)
    return "; ".join(caught.value.problems)


class Sex(enum.StrEnum):
    """How programs keep texts that are one of a few."""

    FEMALE = "Female"


class Token(str):
    """A text that shows something else."""

    __slots__ = ()

    def __str__(self) -> str:
        return "***"


class Phone(str, enum.Enum):  # noqa: UP042 - as older programs have them
    MOBILE = "Mobile"


class Kin(enum.IntEnum):
    PARENT = 10


class Plain(enum.Enum):
    SESSIONS = 5
    CONTACT = "7"
    NOBODY = None
    YES = True


def new_question(name: Any, value: Any, size: int) -> Any:
    """A question of a kind that is not known here, with a member of its own."""
    return {"sections": [{"questions": [{"type": "hologram", name: value, "size": size}]}]}


WRONG: list[tuple[type[Any], str, Any, str]] = [
    (PatientFields, "date_of_birth", "31/12/1990", "write date(2026, 5, 31)"),
    (PatientFields, "date_of_birth", AWARE, "value.date()"),
    (PatientFields, "date_of_birth", AWARE.replace(tzinfo=None), "value.date()"),
    (PatientFields, "date_of_birth", 5, "is a date, not int"),
    (PatientFields, "first_name", 5, "is a text, not int"),
    (PatientFields, "first_name", None, "leave it out"),
    (PatientFields, "first_name", b"x", "is a text, not bytes"),
    (PatientFields, "first_name", [SECRET], "is a text, not list"),
    (PatientFields, "first_name", "x" * 256, "255 characters"),
    (PatientFields, "old_reference_id", "x" * 256, "255 characters"),
    (PatientFields, "old_reference_id", 17, "is a text, not int"),
    (PatientFields, "last_name", f"{SECRET}\ud800", "lone surrogate"),
    (PatientFields, "accepted_privacy_policy", "yes", "write True or False"),
    (PatientFields, "accepted_privacy_policy", 1, "write True or False"),
    (PatientFields, "patient_phone_numbers", "0400", "is a list, not str"),
    (PatientFields, "patient_phone_numbers", ["0400"], "[0] is a PhoneNumber, not str"),
    (PatientFields, "patient_phone_numbers", [{"numbr": "1"}], "did you mean number?"),
    (PatientFields, "patient_phone_numbers", [{"type": "Home", "number": "1"}], "has no type"),
    (PatientFields, "patient_phone_numbers", [{SECRET * 20: "1"}], "has no [...]"),
    (PatientFields, "patient_phone_numbers", [PhoneNumber(number=5)], "[0].number is a text"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # on purpose
    (PatientFields, "patient_phone_numbers", PhoneNumber(number="1"), "is a list"),
    (PatientFields, "patient_phone_numbers", [PhoneNumber(phone_type=SECRET)], "'Home', 'Mobile'"),
    (PatientFields, "patient_phone_numbers", [{"phone_type": "mobile"}], "[0].phone_type takes"),
    (IndividualAppointmentFields, "repeat_rule", RepeatRule(repeat_type="Yearly"), "'Weekly'"),
    (PatientFields, "custom_fields", "x", "is a CustomFields, not str"),
    (PatientFields, "custom_fields", [], "is a CustomFields, not list"),
    (PatientFields, "custom_fields", {"sections": {}}, "custom_fields.sections is a list"),
    (PatientFields, "pronouns", Pronouns(nominative="she"), "pronouns.reflexive is needed"),
    (PatientFields, "reminder_type", "Pigeon", "'SMS & Email'"),
    (PatientFields, "referring_doctor_id", 5, "write '123'"),
    (PatientFields, "referring_doctor_id", "Dr. Who", "digits"),
    (PatientFields, "referring_doctor_id", Link("https://x/v1/contacts"), "list"),
    (PatientFields, "frist_name", "x", "did you mean first_name?"),
    (TaxFields, "rate", "abc", "Decimal('10.5')"),
    (TaxFields, "rate", 10.5, "Decimal('10.5')"),
    (TaxFields, "rate", True, "Decimal('10.5')"),
    (TaxFields, "rate", Decimal("NaN"), "finite"),
    (TaxFields, "rate", float("inf"), "Decimal"),
    (TaxFields, "rate", float("nan"), "missing value"),
    (ProductFields, "price", Decimal("Infinity"), "finite"),
    (IndividualAppointmentFields, "ends_at", "tomorrow", "tzinfo=UTC"),
    (IndividualAppointmentFields, "ends_at", "2019-09-12 00:00:00", "tzinfo=UTC"),
    (IndividualAppointmentFields, "ends_at", datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 - on purpose
    (IndividualAppointmentFields, "ends_at", date(2026, 1, 1), "is a date-time, not date"),
    (TreatmentNoteFields, "content", '{"sections": []}', "is a Content, not str"),
    (PatientCaseFields, "max_sessions", True, "is a whole number"),
    (PatientCaseFields, "max_sessions", 5.0, "is a whole number"),
    (PatientCaseFields, "attendee_ids", ["1", 2], "attendee_ids[1] is an id of digits"),
    (PatientCaseFields, "attendee_ids", "12", "is a list"),
    (RelationshipFields, "relation", 15, "takes one of 10, 20"),
    (RelationshipFields, "relation", "10", "takes one of 10, 20"),
    (RelationshipFields, "relation", 10.0, "takes one of 10, 20"),
    (RelationshipFields, "relation", Plain.YES, "takes one of 10, 20"),
    (PatientCaseFields, "max_sessions", Plain.YES, "is a whole number"),
    (PatientFields, "first_name", Plain.NOBODY, "is a text"),
    (PatientFields, "referring_doctor_id", Kin.PARENT, "write '123'"),
    (PatientFields, "date_of_birth", pd.Timestamp("1990-12-31"), "value.date()"),
    (PatientFields, "date_of_birth", pd.NaT, "missing value (NaTType)"),
    (IndividualAppointmentFields, "ends_at", pd.NaT, "missing value (NaTType)"),
    (PatientFields, "first_name", pd.NA, "missing value (NAType)"),
    (PatientFields, "first_name", float("nan"), "missing value (float)"),
    (PatientCaseFields, "max_sessions", np.int64(5), "value.item()"),
    (PatientFields, "accepted_privacy_policy", np.bool_(1), "value.item()"),
    (TaxFields, "rate", np.float64("nan"), "missing value"),
    (TaxFields, "rate", Decimal("1E+99999"), "too many digits"),
    (TaxFields, "rate", Decimal(10.1), "too many digits"),  # noqa: RUF032 - on purpose
    (ProductFields, "price", Decimal("1E+500"), "too many digits"),
    (PatientCaseFields, "max_sessions", 10**30, "too large"),
    (PatientFields, "referring_doctor_id", Link("https://x/v1/patients/7"), "not to contacts"),
    (PatientCaseFields, "attendee_ids", [Link("https://x/v1/patients/7")], "not to attendees"),
    (PatientFields, "custom_fields", {"sections": [{"fields": [{"typ": "text"}]}]}, "mean type?"),
    (PatientFields, "custom_fields", {"sections": [{"fields": [{"type": "Txt"}]}]}, "mean text?"),
    (PatientFields, "custom_fields", {"sections": [{"fields": [{"type": 5}]}]}, "it takes text"),
    (TreatmentNoteFields, "content", {"sections": [{"questions": [{"anwser": ""}]}]}, "answer?"),
    (TreatmentNoteFields, "content", {"sections": [{"questions": [{"type": []}]}]}, "takes text"),
    (TreatmentNoteFields, "content", {"sections": []}, "is empty: leave content out"),
    (TreatmentNoteFields, "content", Content(sections=[]), "is empty: leave content out"),
    (TreatmentNoteFields, "content", new_question(SECRET * 20, 1, 2**64), "too large"),
    (TreatmentNoteFields, "content", new_question("a", "\ud800", 1), ".a: this text has a lone"),
    (TreatmentNoteFields, "content", new_question("\ud800", "a", 1), "a lone surrogate"),
    (TreatmentNoteFields, "content", new_question(5, "a", 1), "is a text, not int"),
    (TreatmentNoteFields, "content", new_question("a", float("inf"), 1), "is JSON, not float"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "field", "value", "said"), WRONG)
def test_a_value_of_another_kind_is_named_with_what_to_write(
    kind: type[Any], field: str, value: Any, said: str
) -> None:
    told = refusal(kind, **{field: value})
    assert said in told
    assert field in told


RIGHT: list[tuple[type[Any], str, Any, Any]] = [
    (PatientFields, "date_of_birth", date(1990, 12, 31), "1990-12-31"),
    (PatientFields, "date_of_birth", None, None),
    (PatientFields, "old_reference_id", "L-00001", "L-00001"),
    (PatientFields, "old_reference_id", "9" * 21, "9" * 21),
    (PatientFields, "first_name", "x" * 255, "x" * 255),
    (PatientFields, "sex", Sex.FEMALE, "Female"),
    (PatientFields, "sex", np.str_("Female"), "Female"),
    (PatientFields, "sex", Token("Female"), "Female"),
    (
        PatientFields,
        "patient_phone_numbers",
        [{"phone_type": Phone.MOBILE}],
        [{"phone_type": "Mobile"}],
    ),
    (PatientFields, "referring_doctor_id", Token("7"), "7"),
    (PatientFields, "referring_doctor_id", Plain.CONTACT, "7"),
    (PatientCaseFields, "max_sessions", Plain.SESSIONS, 5),
    (RelationshipFields, "relation", Kin.PARENT, 10),
    (PatientFields, "notes", "x" * 70_000, "x" * 70_000),
    (PatientFields, "patient_phone_numbers", (PhoneNumber(number="1"),), [{"number": "1"}]),
    (
        PatientFields,
        "patient_phone_numbers",
        [{"number": "1", "phone_type": None}],
        [{"number": "1"}],
    ),
    (PatientFields, "referring_doctor_id", Link("https://x/v1/contacts/7"), "7"),
    (PatientFields, "custom_fields", {"sections": []}, {"sections": []}),
    (
        PatientFields,
        "custom_fields",
        {
            "sections": [
                {"token": "s", "fields": [{"token": "t", "value": "x"}, {"type": "slider"}]}
            ]
        },
        {
            "sections": [
                {"token": "s", "fields": [{"token": "t", "value": "x"}, {"type": "slider"}]}
            ]
        },
    ),
    (TaxFields, "rate", Decimal(10) / 3, "3.333333333333333333333333333"),
    (
        IndividualAppointmentFields,
        "ends_at",
        datetime(2026, 1, 1, 10, tzinfo=timezone(timedelta(hours=10))),
        "2026-01-01T00:00:00Z",
    ),
    (
        IndividualAppointmentFields,
        "ends_at",
        pd.Timestamp("2026-01-01", tz="UTC"),
        "2026-01-01T00:00:00Z",
    ),
    (TaxFields, "rate", Decimal("1E+1"), "10"),
    (ProductFields, "price", Decimal("10.50"), 10.5),
    (RelationshipFields, "relation", 10, 10),
]


@pytest.mark.parametrize(("kind", "field", "value", "sent"), RIGHT)
def test_a_value_of_its_kind_is_sent_as_the_api_takes_it(
    kind: type[Any], field: str, value: Any, sent: Any
) -> None:
    body = encode_fields(kind, {field: value})
    assert body == {field: sent}
    assert type(body[field]) is type(sent)
    assert msgspec.json.decode(msgspec.json.encode(body)) == body


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = refusal(PatientFields, first_name=1, date_of_birth="x", patient_phone_numbers=["1", "2"])
    assert len(told.split("; ")) == 4


def test_what_a_create_needs_is_asked_for() -> None:
    told = refusal(AppointmentTypeCreateFields, name="Massage")
    assert "color is needed" in told
    assert "name is needed" not in told


def test_the_choices_that_are_not_selected_leave_it_out() -> None:
    chosen = ChoiceQuestion(
        name="q",
        type="radiobuttons",
        answers=[Answer(value="A", selected=True), Answer(value="B", selected=False)],
        other=OtherAnswer(enabled=True, selected=False),
    )
    content = Content(sections=[Section(name="s", questions=[chosen])])
    as_dict = {
        "sections": [
            {
                "name": "s",
                "questions": [
                    {
                        "name": "q",
                        "type": "radiobuttons",
                        "answers": [
                            {"value": "A", "selected": True},
                            {"value": "B", "selected": False},
                        ],
                        "other": {"enabled": True, "selected": False},
                    }
                ],
            }
        ]
    }
    for given_as in (content, as_dict):
        body = encode_fields(TreatmentNoteFields, {"content": given_as})
        (question,) = body["content"]["sections"][0]["questions"]
        assert question["answers"] == [{"value": "A", "selected": True}, {"value": "B"}]
        assert question["other"] == {"enabled": True}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"type": "text", "answr": "x"}, "questions[0] (TextQuestion) has no answr"),
        ({"type": "text", "answer": 5}, "questions[0].answer is a text"),
        ({"type": "date", "answer": "2026-05-31"}, "questions[0].answer is a date"),
        ({"type": "hologram", "depth": object()}, "questions[0].depth is JSON"),
        ("text", "questions[0] is a Question"),
        (PhoneNumber(number="1"), "questions[0] is a Question"),
        (TextQuestion(type="hologram"), "questions[0].type takes one of 'text', 'paragraph'"),
        (TextQuestion(name="Pain", answer="None"), "questions[0].type is needed"),
        ({"name": "Pain", "answer": "None"}, "questions[0].type is needed"),
        ({"type": "text", "answer": "None"}, "questions[0].name is needed"),
        (TextQuestion(type="text", answer=5), "questions[0].answer is a text"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # on purpose
    ],
)
def test_a_question_is_checked_as_the_kind_that_it_is(question: Any, said: str) -> None:
    content = {"sections": [{"questions": [question]}]}
    assert said in refusal(TreatmentNoteFields, content=content)


def every_fields_class() -> Iterator[type[Any]]:
    for module in pkgutil.iter_modules(resources.__path__):
        loaded = importlib.import_module(f"{resources.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            if name.endswith("Fields") and hasattr(value, "__total__"):
                yield value


ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates()
    | st.datetimes() | st.decimals() | st.lists(st.text(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)  # fmt: skip


@given(data=st.data())
def test_anything_is_json_for_the_api_or_a_clear_error(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(every_fields_class(), key=str)))
    name = data.draw(st.sampled_from(sorted(get_type_hints(kind))))
    act: Callable[[Any, Any], Any] = data.draw(st.sampled_from([encode_fields, fields_from_json]))
    try:
        found = act(kind, {name: data.draw(ANYTHING)})
    except InvalidFieldsError:
        return
    json.dumps(found if act is encode_fields else encode_fields(kind, found), allow_nan=False)


@pytest.mark.anyio
async def test_nothing_is_sent_of_what_cannot_be_right() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(500)

    async with AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=httpx.MockTransport(answer),
    ) as cliniko:
        for kind, field, value, _ in WRONG:
            if kind is PatientFields:
                with pytest.raises(InvalidFieldsError):
                    await cliniko.patients.update("1", **{field: value})
    assert not asked


# From JSON


def test_a_json_object_becomes_fields() -> None:
    fields = fields_from_json(
        PatientFields,
        {
            "first_name": "Ann",
            "date_of_birth": "1990-12-31",
            "referring_doctor_id": 7,
            "patient_phone_numbers": [{"number": "1", "phone_type": "Home"}],
            "custom_fields": {
                "sections": [
                    {
                        "token": "s",
                        "fields": [{"token": "t", "type": "date", "value": "2026-05-31"}],
                    }
                ]
            },
        },
    )
    assert fields.get("date_of_birth") == date(1990, 12, 31)
    assert fields.get("referring_doctor_id") == "7"
    assert fields.get("patient_phone_numbers") == [PhoneNumber(number="1", phone_type="Home")]
    assert isinstance(fields.get("custom_fields"), CustomFields)
    body = encode_fields(PatientFields, fields)
    assert body["date_of_birth"] == "1990-12-31"
    assert body["custom_fields"]["sections"][0]["fields"][0]["value"] == "2026-05-31"


@pytest.mark.parametrize(
    ("kind", "name", "value", "read"),
    [
        (TaxFields, "rate", 10.1, Decimal("10.1")),
        (TaxFields, "rate", "10.10", Decimal("10.10")),
        (TaxFields, "rate", 10, Decimal(10)),
        (PatientFields, "date_of_birth", "", None),
        (PatientFields, "date_of_birth", date(1990, 12, 31), date(1990, 12, 31)),
        (
            IndividualAppointmentFields,
            "ends_at",
            "2026-01-01T09:00:00Z",
            datetime(2026, 1, 1, 9, tzinfo=UTC),
        ),
        (
            IndividualAppointmentFields,
            "ends_at",
            "2026-01-01T09:00:00+10:00",
            datetime(2025, 12, 31, 23, tzinfo=UTC),
        ),
    ],
)
def test_a_member_of_json_becomes_what_it_means(
    kind: type[Any], name: str, value: Any, read: Any
) -> None:
    assert fields_from_json(kind, {name: value}) == {name: read}


def test_names_that_python_keeps_for_itself_are_those_of_the_api_in_json() -> None:
    memo = {
        "patient_id": "1", "type_code": 3, "direction_code": 1, "from": "a", "to": "b",
        "content": "c", "confidential": False,
    }  # fmt: skip
    assert encode_fields(
        MemoCommunicationCreateFields, fields_from_json(MemoCommunicationCreateFields, memo)
    ) == memo  # fmt: skip


def test_all_problems_of_a_json_object_are_told_at_once_without_a_value() -> None:
    sent = {
        "first_name": 5,
        "date_of_birth": f"{SECRET}/12/1990",
        "accepted_privacy_policy": "yes",
        "patient_phone_numbers": [{"number": "1"}, {"phone": SECRET}],
        "referring_doctor_id": SECRET,
        "nickname": SECRET,
    }
    with pytest.raises(InvalidFieldsError) as caught:
        fields_from_json(PatientFields, sent)
    problems = caught.value.problems
    assert len(problems) == 6
    for path in ("first_name", "date_of_birth", "accepted_privacy_policy", "nickname"):
        assert any(path in problem for problem in problems)
    assert any("patient_phone_numbers[1]" in problem for problem in problems)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["20260531", "2026-W22-7", "31/12/1990", "2026-02-30", 0, True])
def test_a_date_in_json_is_written_in_one_way(value: Any) -> None:
    with pytest.raises(InvalidFieldsError, match="2026-05-31"):
        fields_from_json(PatientFields, {"date_of_birth": value})


def test_a_moment_in_json_has_a_zone() -> None:
    with pytest.raises(InvalidFieldsError, match=r'no time zone: write "2026-05-31T09:30:00Z"'):
        fields_from_json(IndividualAppointmentFields, {"ends_at": "2026-01-01T09:00:00"})


PYTHONS = re.compile(r"None|True|False|'|tzinfo|Decimal|datetime|date\(|\(\.\.\.\)|Link|self")
"""What somebody who sends JSON has never heard of."""


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (IndividualAppointmentFields, "ends_at", "2026-01-01T09:00:00"),
        (IndividualAppointmentFields, "ends_at", "tomorrow"),
        (IndividualAppointmentFields, "ends_at", 5),
        (IndividualAppointmentFields, "ends_at", "0001-01-01T00:00:00+14:00"),
        (PatientFields, "date_of_birth", "x"),
        (PatientFields, "first_name", None),
        (PatientFields, "first_name", "x" * 256),
        (PatientFields, "first_name", "\ud800"),
        (PatientFields, "accepted_privacy_policy", 1),
        (PatientFields, "referring_doctor_id", "Dr. Who"),
        (PatientFields, "referring_doctor_id", []),
        (PatientCaseFields, "referral_type", "Pigeon"),
        (PatientFields, "patient_phone_numbers", None),
        (PatientFields, "patient_phone_numbers", {}),
        (PatientFields, "patient_phone_numbers", [None]),
        (PatientFields, "patient_phone_numbers", ["0400"]),
        (PatientFields, "patient_phone_numbers", [{"phone_type": 5}]),
        (PatientFields, "pronouns", {}),
        (TreatmentNoteFields, "content", {"sections": []}),
        (PatientFields, "custom_fields", {"sections": [{"fields": ["x"]}]}),
        (PatientFields, "custom_fields", {"sections": [{"fields": [{"type": 5}]}]}),
        (PatientCaseFields, "max_sessions", "5"),
        (PatientCaseFields, "max_sessions", 10**30),
        (PatientCaseFields, "max_sessions", True),
        (TaxFields, "rate", "abc"),
        (TaxFields, "rate", "1e500"),
        (RelationshipFields, "relation", "10"),
        (MemoCommunicationCreateFields, "from", 5),
        (MemoCommunicationCreateFields, "form", 5),
    ],
)
def test_what_is_wrong_in_json_is_said_in_the_words_of_json(
    kind: type[Any], name: str, value: Any
) -> None:
    with pytest.raises(InvalidFieldsError) as caught:
        fields_from_json(kind, {name: value})
    for problem in caught.value.problems:
        assert not PYTHONS.search(problem), problem
        assert "from_" not in problem


@pytest.mark.parametrize("value", ["{}", [], None])
def test_fields_come_from_an_object(value: Any) -> None:
    with pytest.raises(InvalidTypeError, match="JSON object"):
        fields_from_json(PatientFields, value)


@pytest.mark.parametrize("value", ["1_000", "\u0663", "1,5", "0x10", "", True])
def test_a_number_in_json_is_written_in_one_way(value: Any) -> None:
    with pytest.raises(InvalidFieldsError, match=r'such as "10\.5"'):
        fields_from_json(TaxFields, {"rate": value})


@pytest.mark.parametrize("value", ["10.50", " 10.50 ", 10.5, "1050e-2"])
def test_a_number_in_json_is_a_text_or_a_number(value: Any) -> None:
    assert fields_from_json(TaxFields, {"rate": value}) == {"rate": Decimal("10.5")}
