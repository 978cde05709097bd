"""Conditions on the command line stand for the filters that a program would write."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliniko_async import AsyncCliniko, DatePattern
from cliniko_async.cli.catalogue import filter_fields, with_verb
from cliniko_async.cli.conditions import OPERATORS, filter_of
from cliniko_async.errors import InvalidValueError

patients: Any = AsyncCliniko.patients.filters
invoices: Any = AsyncCliniko.invoices.filters
bookings: Any = AsyncCliniko.bookings.filters

DAY = datetime(2026, 5, 31, tzinfo=UTC)
NEXT = datetime(2026, 6, 1, tzinfo=UTC)

SAME = [
    ("patients", "last_name=Smith", patients.last_name == "Smith"),
    ("patients", "last_name==Smith", patients.last_name == "Smith"),
    ("patients", "last_name != O'Brien", patients.last_name != "O'Brien"),
    ("patients", "last_name~son", patients.last_name.contains("son")),
    ("patients", "last_name~~S%n", patients.last_name.like("S%n")),
    ("patients", "email?", patients.email.not_null()),
    ("patients", "email!?", patients.email.is_null()),
    ("patients", "last_name=a=b", patients.last_name == "a=b"),
    ("patients", "last_name=a,b", patients.last_name == "a,b"),
    ("patients", "id=1,2, 3", patients.id.is_in(["1", "2", "3"])),
    ("patients", "id:>=7", patients.id >= "7"),
    ("patients", "accepted_privacy_policy=true", patients.accepted_privacy_policy == True),  # noqa: E712 - how a filter is made
    ("patients", "date_of_birth=1970-05-31", patients.date_of_birth == date(1970, 5, 31)),
    ("patients", "date_of_birth=*-05-31", patients.date_of_birth == DatePattern(month=5, day=31)),
    ("patients", "date_of_birth<1970-05-31", patients.date_of_birth < date(1970, 5, 31)),
    ("patients", "updated_at>=2026-05-31", patients.updated_at >= DAY),
    ("patients", "updated_at<2026-05-31", patients.updated_at < DAY),
    ("patients", "updated_at<=2026-05-31", patients.updated_at < NEXT),
    ("patients", "updated_at>2026-05-31", patients.updated_at >= NEXT),
    ("patients", "updated_at<=2026-05-31T00:00Z", patients.updated_at <= DAY),
    ("patients", "updated_at>2026-05-31T10:00+10:00", patients.updated_at > DAY),
    ("invoices", "number=1000,1001", invoices.number.is_in([1000, 1001])),
    ("bookings", "patient_ids~5", bookings.patient_ids.contains("5")),
]


@pytest.mark.parametrize(("resource", "typed", "written"), SAME, ids=[case[1] for case in SAME])
def test_a_condition_is_the_filter_that_a_program_would_write(
    resource: str, typed: str, written: Any
) -> None:
    assert filter_of(resource, typed).text == written.text


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("last_nam~son", "did you mean last_name?"),
        ("last_name", "a condition is a field, an operator and a value"),
        ("last_name>a", "last_name takes = != ~ ~~ ? !?"),
        ("updated_at=2026-05-31", "updated_at takes < <= > >="),
        ("updated_at>=2026-05-31T10:00", "2026-05-31T19:30+10:00"),
        ("updated_at>=yesterday", "a day in UTC"),
        ("date_of_birth=31.5.1970", "2026-05-31"),
        ("accepted_privacy_policy=yes", "true or false"),
        ("id=abc", "string of up to 20 digits"),
        ("email?x", "write 'email?'"),
    ],
)
def test_a_condition_that_cannot_be_says_what_to_write(typed: str, advice: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        filter_of("patients", typed)
    assert advice in str(caught.value)


VALUES = {
    "ArrayField": "1",
    "BooleanField": "true",
    "DateField": "2026-05-31",
    "DateTimeField": "2026-05-31",
    "IdField": "1",
    "IntegerField": "1",
    "StringField": "x",
}


def test_every_field_takes_the_operators_that_it_is_said_to_take_and_no_others() -> None:
    signs = {sign for taken in OPERATORS.values() for sign in taken}
    for resource in with_verb("scan"):
        for name, field in filter_fields(resource).items():
            for sign in signs:
                typed = f"{name}{sign}{'' if '?' in sign else VALUES[type(field).__name__]}"
                if sign in OPERATORS[type(field)]:
                    assert filter_of(resource, typed).field == name
                else:
                    with pytest.raises(InvalidValueError):
                        filter_of(resource, typed)


@given(
    st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    st.integers(-2 * 86_400, 2 * 86_400) | st.sampled_from([-1, 0, 1, 86_399, 86_400, 86_401]),
    st.sampled_from(["<", "<=", ">", ">="]),
)
def test_a_day_stands_for_all_of_its_moments(day: date, seconds: int, sign: str) -> None:
    """`<= day` holds what happens on that day, `> day` what happens after it."""
    text = filter_of("patients", f"created_at{sign}{day}").text
    operator, bound = text.removeprefix("created_at:")[:-20], text[-20:]
    limit = datetime.fromisoformat(bound).replace(tzinfo=None)
    first, after = datetime(day.year, day.month, day.day), day + timedelta(days=1)  # noqa: DTZ001 - compared with its like
    end = datetime(after.year, after.month, after.day)  # noqa: DTZ001 - likewise
    at = first + timedelta(seconds=seconds)
    passes = at < limit if operator == "<" else at >= limit
    expected = {"<": at < first, "<=": at < end, ">": at >= end, ">=": at >= first}[sign]
    assert passes is expected


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_filter_or_a_sentence(typed: str) -> None:
    try:
        found = filter_of("patients", typed)
    except InvalidValueError as error:
        assert str(error)  # noqa: PT017 - either will do
    else:
        assert found.field in filter_fields("patients")
