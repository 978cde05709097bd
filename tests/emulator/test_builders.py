"""Records that tests make are checked as the API's own fields are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from cliniko_async.emulator import Clinic


def test_values_of_python_are_taken_and_written_as_the_api_writes_them() -> None:
    clinic = Clinic()
    patient = clinic.create("patients", first_name="Alba", date_of_birth=date(1951, 2, 3))
    starts = datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=11)))
    booked = clinic.create(
        "individual_appointments", starts_at=starts, patient_id=patient["id"], created_at=starts
    )
    tax = clinic.create("taxes", name="GST", rate=Decimal(10))
    assert patient["date_of_birth"] == "1951-02-03"
    assert booked["starts_at"] == booked["created_at"] == "2026-03-01T22:00:00Z"
    assert booked["patient"]["links"]["self"].endswith(f"patients/{patient['id']}")
    assert tax["rate"] == "10"
    clinic.update("taxes", tax["id"], rate=Decimal("12.5"))
    assert clinic.records("taxes")[0]["rate"] == "12.5"


WRONG: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("patient", {}, ValueError, "did you mean patients"),
    ("bookings", {}, ValueError, "individual_appointments"),
    ("patients", {"frist_name": "A"}, TypeError, "did you mean first_name"),
    ("patients", {"busines_id": "1"}, TypeError, "there is no such member"),
    ("individual_appointments", {"patiend_id": "1"}, TypeError, "did you mean patient_id"),
    ("patients", {"first_name": 5}, TypeError, "first_name takes a string, not int"),
    ("patients", {"first_name": None}, TypeError, "never null"),
    ("patients", {"date_of_birth": "03/02/1951"}, TypeError, "takes a date"),
    ("patients", {"date_of_birth": datetime(1951, 2, 3, tzinfo=UTC)}, TypeError, "takes a date"),
    ("patients", {"reminder_type": "Fax"}, ValueError, "'None', 'SMS', 'Email'"),
    ("patients", {"accepted_privacy_policy": 1}, TypeError, "takes a boolean"),
    ("patients", {"patient_phone_numbers": "0491"}, TypeError, "takes a list"),
    ("patients", {"patient_phone_numbers": [{"numbr": "1"}]}, TypeError, "did you mean number"),
    ("patients", {"patient_phone_numbers": [{"number": 1}]}, TypeError, r"numbers\[0\].number"),
    ("patients", {"id": "seven"}, TypeError, "takes an id"),
    ("attendees", {"booking_id": True}, TypeError, "takes an id"),
    ("taxes", {"rate": "ten"}, TypeError, "takes a Decimal"),
    ("taxes", {"rate": True}, TypeError, "takes a Decimal"),
    ("group_appointments", {"max_attendees": "8"}, TypeError, "takes an int"),
    ("group_appointments", {"starts_at": "2026-01-01T09:00:00"}, TypeError, "aware"),
    ("group_appointments", {"starts_at": "tomorrow"}, TypeError, "aware"),
    ("group_appointments", {"patient_ids": ["x"]}, TypeError, "takes an id"),
]


@pytest.mark.parametrize(("resource", "values", "error", "words"), WRONG)
def test_what_the_api_does_not_have_is_an_error_that_says_what_it_has(
    resource: str, values: dict[str, Any], error: type[Exception], words: str
) -> None:
    clinic = Clinic()
    with pytest.raises(error, match=words):
        clinic.create(resource, **values)
    assert not clinic.table(resource)
    if resource in ("patients", "taxes") and "id" not in values:
        made = clinic.create(resource)
        before = dict(made)
        with pytest.raises(error, match=words):
            clinic.update(resource, made["id"], **values)
        assert made == before


def test_a_record_can_be_spoilt_on_purpose() -> None:
    clinic = Clinic()
    patient = clinic.create("patients")
    clinic.spoil("patients", patient["id"], date_of_birth="some day in 1951")
    assert clinic.records("patients")[0]["date_of_birth"] == "some day in 1951"
