"""How the API takes writes: what it refuses, and what else a write changes."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, cast

from cliniko_async.emulator import moments
from cliniko_async.emulator.facts import load
from cliniko_async.emulator.json_types import is_of_type
from cliniko_async.emulator.records import linked_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cliniko_async.emulator.clinic import Clinic
    from cliniko_async.emulator.facts import Fact, Operation

__all__ = ["RefusedError", "cancel", "conflicts", "create", "update"]

Record = dict[str, Any]

REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    "appointment_types": ("name", "color", "max_attendees", "duration_in_minutes"),
    "individual_appointments": (
        "starts_at",
        "patient_id",
        "practitioner_id",
        "appointment_type_id",
        "business_id",
    ),
    "patient_cases": ("name", "patient_id"),
    "patients": ("first_name", "last_name"),
    "recalls": ("patient_id", "recall_type_id", "recall_at"),
    "stock_adjustments": ("product_id", "quantity", "adjustment_type"),
    "treatment_notes": ("patient_id", "title", "draft"),
}
"""What a create needs, as far as it was observed (the document does not say)."""

REASONS: Final[Mapping[int, str]] = {
    10: "Feeling Better",
    20: "Condition Worse",
    30: "Sick",
    31: "COVID-19 related",
    40: "Away",
    50: "Other",
    60: "Work",
}

BOOKINGS: Final = ("individual_appointments", "group_appointments", "unavailable_blocks")


class RefusedError(Exception):
    """A write that the API answers with 422."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("Validation Failed")
        self.errors: dict[str, str] = dict(errors)


def create(clinic: Clinic, resource: str, operation: Operation, body: Record) -> Record:
    """Create a record.

    Raises:
        RefusedError: Something is missing or of a wrong type.
    """
    errors = {name: "can't be blank" for name in REQUIRED.get(resource, ()) if not _has(body, name)}
    values = _checked(operation, body, errors)
    if resource == "individual_appointments" and "ends_at" not in values:
        kind = clinic.find("appointment_types", str(values["appointment_type_id"])) or {}
        minutes = kind.get("duration_in_minutes") or 30
        values["ends_at"] = moments.seconds_after(values["starts_at"], 60 * minutes)
    record = clinic.add(resource, values)
    if resource == "individual_appointments":
        ids = {"patient_id": values["patient_id"], "booking_id": record["id"]}
        clinic.add("attendees", ids)
    return record


def update(clinic: Clinic, resource: str, id: str, operation: Operation, body: Record) -> Record:
    """Change a record.

    Raises:
        RefusedError: Something is of a wrong type.
    """
    return clinic.change(resource, id, _checked(operation, body, {}))


def cancel(clinic: Clinic, resource: str, id: str, body: Record) -> None:
    """Cancel an appointment or a patient's part in one.

    Raises:
        RefusedError: The reason is missing, or the API does not know it.
    """
    reason: Any = body.get("cancellation_reason")
    if reason not in REASONS:
        raise RefusedError({"cancellation_reason": "is not included in the list"})
    cancelled = {
        "cancellation_reason": reason,
        "cancellation_reason_description": REASONS[reason],
        "cancellation_note": body.get("cancellation_note"),
        "cancelled_at": clinic.moment(),
    }
    clinic.change(resource, id, cancelled)
    for attendee in clinic.records("attendees") if resource == "individual_appointments" else ():
        if linked_id(attendee.get("booking")) == id:
            clinic.change("attendees", attendee["id"], {"cancelled_at": clinic.moment()})


def conflicts(clinic: Clinic, record: Record) -> bool:
    """Whether another booking of the same practitioner overlaps with this one."""
    practitioner = linked_id(record.get("practitioner"))
    return any(
        other["id"] != record["id"]
        and other["starts_at"] < record["ends_at"]
        and record["starts_at"] < other["ends_at"]
        and linked_id(other.get("practitioner")) == practitioner
        and not any(other.get(mark) for mark in ("archived_at", "cancelled_at", "deleted_at"))
        for resource in BOOKINGS
        for other in clinic.table(resource)
    )


def _has(body: Record, name: str) -> bool:
    return body.get(name) not in (None, "")


def _checked(operation: Operation, body: Record, errors: dict[str, str]) -> Record:
    """The members of a body that the API knows. It ignores the others without a word."""
    known = load().bodies[operation.body or ""].properties
    values = {name: value for name, value in body.items() if name in known}
    for name, value in values.items():
        problem = _problem(known[name], value)
        if problem:
            errors[name] = problem
    if errors:
        raise RefusedError(errors)
    return _as_stored(operation, values)


def _as_stored(operation: Operation, values: Record) -> Record:
    """What of a body is found in the record afterwards: some members are only ever written."""
    shown = load().properties(operation.schema or "")
    stored = {
        name: _in_utc(value) if shown.get(name, {}).get("format") == "date-time" else value
        for name, value in values.items()
        if name in shown or (name.endswith("_id") and name.removesuffix("_id") in shown)
    }
    if "unsubscribe_sms_marketing" in values:
        stored["accepted_sms_marketing"] = not values["unsubscribe_sms_marketing"]
    return stored


def _in_utc(moment: str | None) -> str | None:
    """A moment as the API writes it."""
    if moment is None:
        return None
    return moments.text(datetime.fromisoformat(moment))


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    try:
        return len(value) == len("2026-05-31") and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_decimal(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date-time": _is_moment,
    "date": _is_date,
    "decimal": _is_decimal,
    "int64": str.isdecimal,
}


def _problem(fact: Fact, value: Any) -> str | None:
    """What is wrong with a value, or with something in it."""
    if value is None:
        return None if fact.get("nullable") or "type" not in fact else "can't be blank"
    if "any_of" in fact:
        return _problem_of_variant(fact["any_of"], value)
    if not is_of_type(fact.get("type", ""), value):
        # Ids and money are taken as numbers, too; other texts are not.
        number = fact.get("format") in ("int64", "decimal") and isinstance(value, int | float)
        return None if number and not isinstance(value, bool) else "is invalid"
    if isinstance(value, dict):
        return _problem_of_object(fact, cast("Record", value))
    if isinstance(value, list):
        return _problem_of_list(fact.get("items", {}), cast("list[Any]", value))  # type: ignore[redundant-cast] # pyright wants it
    return _problem_of_scalar(fact, value)


def _problem_of_list(items: Fact, values: list[Any]) -> str | None:
    return next(filter(None, (_problem(items, value) for value in values)), None)


def _problem_of_scalar(fact: Fact, value: Any) -> str | None:
    if not _FORMATS.get(fact.get("format", ""), bool)(value) and fact.get("format") in _FORMATS:
        return "is invalid"
    if "enum" in fact and value not in fact["enum"]:
        return "is not included in the list"
    return _out_of_bounds(fact, value)


def _out_of_bounds(fact: Fact, value: Any) -> str | None:
    """What is wrong with a text's length or form, or with a number's size."""
    if isinstance(value, str) and not fact.get("min_length", 0) <= len(value):
        return f"is too short (minimum is {fact['min_length']} characters)"
    if isinstance(value, str) and len(value) > fact.get("max_length", len(value)):
        return f"is too long (maximum is {fact['max_length']} characters)"
    # An empty text stands for none, where there can be none.
    is_none = value == "" and fact.get("nullable")
    if "pattern" in fact and not is_none and not _matches(fact["pattern"], value):
        return "is invalid"
    if "minimum" in fact or "maximum" in fact:
        return _out_of_range(fact, Decimal(str(value)))
    return None


def _matches(pattern: str, value: str) -> bool:
    r"""Whether a text has the form that the document asks for, in whatever case.

    The patterns are Ruby's: `\h` is a hexadecimal digit.
    """
    found = re.search(pattern.replace("\\h", "[0-9a-f]"), value, re.IGNORECASE)
    return found is not None and found.end() == len(value)


def _out_of_range(fact: Fact, number: Decimal) -> str | None:
    least, most = Decimal(fact.get("minimum", "-Inf")), Decimal(fact.get("maximum", "Inf"))
    if number < least or (number == least and fact.get("exclusive_minimum")):
        return f"must be greater than {least}"
    if number > most or (number == most and fact.get("exclusive_maximum")):
        return f"must be less than {most}"
    return None


def _problem_of_object(fact: Fact, value: Record) -> str | None:
    """What is wrong with a part. Members that the API does not know are ignored."""
    for name in fact.get("required", ()):
        if value.get(name) is None:
            return f"'{name}' can't be blank"
    for name, inner in fact.get("properties", {}).items():
        problem = _problem(inner, value[name]) if name in value else None
        if name == "selected" and value.get(name) is False:
            problem = "is not included in the list"  # the API takes True alone
        if name == "sections" and value.get(name) == []:
            problem = "must not be empty"
        if problem:
            return f"'{name}' {problem}"
    return None


def _problem_of_variant(names: Sequence[str], value: Any) -> str | None:
    """What is wrong with a part that is one of several; one of a new kind is taken as it is."""
    if not isinstance(value, dict):
        return "is invalid"
    part = cast("Record", value)
    for name in names:
        schema = load().schemas[name]
        kinds: Sequence[str] = schema.properties.get("type", {}).get("enum", ())
        if part.get("type") in kinds:
            said = {"properties": schema.properties, "required": schema.required}
            return _problem_of_object(said, part)
    return None
