"""Arrow tables: types from the models, values as the API sent them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from cliniko_async._client import AsyncCliniko
from cliniko_async._models.arrow import json_columns, schema_of, table_of
from cliniko_async.emulator import Clinic
from cliniko_async.emulator.facts import load
from cliniko_async.emulator.records import encode
from cliniko_async.emulator.records import schema_of as facts_of
from cliniko_async.errors import DecodeError
from cliniko_async.export import exportable

BASE_URL = "https://api.au1.cliniko.com/v1"
PATIENT = {"id": "1", "created_at": "2026-01-05T00:00:00Z", "updated_at": "2026-01-05T00:00:00Z"}


def model_of(name: str) -> Any:
    return getattr(AsyncCliniko, name).model


def table(name: str, *records: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [msgspec.Raw(json.dumps(record).encode()) for record in records]
    found: list[dict[str, Any]] = table_of(model_of(name), rows).to_pylist()
    return found


def test_types_come_from_the_model_even_where_all_is_empty() -> None:
    schema = schema_of(model_of("invoices"))
    assert schema == table_of(model_of("invoices"), []).schema
    types = {field.name: str(field.type) for field in schema}
    assert types["id"] == types["number"].replace("int64", "string") == "string"
    assert types["created_at"] == types["archived_at"] == "timestamp[us, tz=UTC]"
    assert types["issue_date"] == "date32[day]"
    assert types["total_amount"] == "decimal128(38, 9)"
    assert types["patient_id"] == "string"
    assert not schema.field("id").nullable


@pytest.mark.parametrize("name", exportable())
def test_relations_are_ids_where_they_lead_to_one_record_and_urls_where_to_a_list(
    name: str,
) -> None:
    names = schema_of(model_of(name)).names
    assert len(names) == len(set(names))
    facts = load().properties(facts_of(name))
    for member, fact in facts.items():
        if "link" not in fact or member in ("links", "content", *json_columns(model_of(name))):
            continue
        to_one = fact["link"].endswith("/{id}")
        assert (f"{member}_id" if to_one else member) in names


def plain(record: dict[str, Any], column: str) -> Any:
    """What a column holds by the record's own JSON."""
    value = record.get(column)
    if value is None and column.endswith("_id"):
        value = record.get(column.removesuffix("_id"))
        return value and value["links"]["self"].rpartition("/")[2]
    relation: Any = value
    return relation["links"]["self"] if type(value) is dict and "links" in relation else relation


def written(value: Any) -> Any:
    """A cell as the API would have written it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize(
    "name", ["patients", "individual_appointments", "invoices", "practitioners", "bookings"]
)
def test_every_field_arrives(name: str) -> None:
    clinic = Clinic.seeded(patients=40, appointments=40)
    tables = clinic.tables_of(name)
    records = [json.loads(encode(record, BASE_URL)) for part in tables for record in part]
    for record, row in zip(records, table(name, *records), strict=True):
        for column, value in row.items():
            sent = plain(record, column)
            if column in json_columns(model_of(name)):
                assert sent == (value and json.loads(value))
            elif isinstance(value, Decimal):
                assert Decimal(sent) == value
            else:
                assert sent == written(value)


def test_odd_ways_of_writing_are_read() -> None:
    (row,) = table(
        "patients",
        {
            **PATIENT,
            "id": 17,
            "created_at": "2026-01-05T10:30:00+10:30",
            "referring_doctor": {},
            "concession_type": None,
            "latest_booking": {"links": {"self": f"{BASE_URL}/bookings/5"}},
            "new_field": {"unknown": 1},
        },
    )
    assert row["id"] == "17"
    assert row["created_at"] == datetime(2026, 1, 5, tzinfo=UTC)
    assert row["referring_doctor_id"] is None
    assert row["concession_type_id"] is None
    assert row["latest_booking_id"] == "5"
    assert "new_field" not in row


def test_decimals_keep_nine_places_and_refuse_what_is_no_number() -> None:
    record = {**PATIENT, "total_amount": "80.1234567891", "number": 5}
    assert table("invoices", record)[0]["total_amount"] == Decimal("80.123456789")
    for wrong in ("NaN", "Infinity", "1" * 40, "eighty"):
        with pytest.raises(DecodeError, match="Invoice 1") as caught:
            table("invoices", {**record, "total_amount": wrong})
        assert wrong not in str(caught.value)


def test_a_record_that_does_not_fit_is_named_without_its_value() -> None:
    wrong = {**PATIENT, "id": "7", "date_of_birth": "CANARY"}
    with pytest.raises(DecodeError, match="Patient 7") as caught:
        table("patients", PATIENT, wrong)
    assert "date_of_birth" in str(caught.value)
    assert "CANARY" not in str(caught.value)


def test_a_list_of_several_kinds_has_the_columns_of_all() -> None:
    names = set(schema_of(model_of("bookings")).names)
    for kind in ("individual_appointments", "group_appointments", "unavailable_blocks"):
        assert set(schema_of(model_of(kind)).names) <= names
    assert "payment_id" in schema_of(model_of("communications")).names
