"""Every field of every write, against the facts: what the API takes passes, and nothing else."""

from __future__ import annotations

import contextlib
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from writes import WRITES, Place, Write, named, places

from cliniko_async._models.fields import encode_fields
from cliniko_async.emulator.facts import load
from cliniko_async.emulator.writes import RefusedError
from cliniko_async.emulator.writes import _checked as emulator_checked  # pyright: ignore[reportPrivateUsage] # the API's own side
from cliniko_async.errors import InvalidFieldsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLACES = [(write, place) for write in WRITES for place in places(write.facts)]


def told(write: Write, place: Place, value: Any) -> str:
    """What is said of a place that holds this value, where anything is."""
    try:
        encode_fields(write.fields, {named(place.field): place.holding(value)})
    except InvalidFieldsError as error:
        about = [problem for problem in error.problems if problem.startswith(place.path)]
        return "; ".join(about)
    return ""


ENUMERATIONS = [(write, place) for write, place in PLACES if "enum" in place.fact]


@pytest.mark.parametrize(
    ("write", "place"),
    ENUMERATIONS,
    ids=[f"{write.resource} {write.verb} {place.path}" for write, place in ENUMERATIONS],
)
def test_an_enumeration_takes_what_the_api_documents_and_nothing_else(
    write: Write, place: Place
) -> None:
    values = place.fact["enum"]
    for value in values:
        assert not told(write, place, value)
    for value in ("CANARY", "", 99, -1, str(values[0]) + " ", True, float(len(values))):
        said = told(write, place, value)
        assert said.startswith(f"{place.path} takes one of "), value
        assert all(repr(value) in said for value in values)
        assert "CANARY" not in said


def test_enumerations_are_found_in_parts_as_well() -> None:
    paths = {place.path for _, place in ENUMERATIONS}
    assert {"phone_numbers[0].phone_type", "repeat_rule.repeat_type"} <= paths


REQUIRING = [
    (write, place)
    for write, place in PLACES
    if "any_of" in place.fact or place.fact.get("required") or "ref" in place.fact
]


def required(fact: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Each object that can stand in a place, with no more than what it has to have."""
    facts = load()
    for name in fact.get("any_of", [fact["ref"]] if "ref" in fact else []):
        schema = facts.schemas[name]
        yield {need: schema.properties[need].get("enum", ["x"])[0] for need in schema.required} | {
            member: said["enum"][0]
            for member, said in schema.properties.items()
            if member == "type" and "enum" in said
        }
    if fact.get("required"):
        yield {
            need: [] if fact["properties"][need]["type"] == "array" else "x"
            for need in fact["required"]
        }


@pytest.mark.parametrize(
    ("write", "place"),
    REQUIRING,
    ids=[f"{write.resource} {write.verb} {place.path}" for write, place in REQUIRING],
)
def test_what_a_part_has_to_have_is_asked_for(write: Write, place: Place) -> None:
    for whole in required(place.fact):
        assert "is needed" not in told(write, place, whole)
        for name in whole:
            lacking = {n: value for n, value in whole.items() if n != name}
            needs = f"{place.path}.{name} is needed"
            # What a field of the patient's own is, the API knows by its token.
            assert (needs in told(write, place, lacking)) is (
                name != "type" or place.field != "custom_fields"
            )


# Bounds: lengths, ranges and forms

TEXTS = [
    "",
    "x",
    "#09f",
    "#0099FF",
    "#0099f",
    "0099ff",
    "#00 9ff",
    "#0099ff\n",
    "ann@example.com",
    "Ann.O'Hara+1@mail.example.org",
    "ann@example",
    "ann example.com",
    "ann@exa mple.com",
    "NX123456",
    "QSM12345",
    "v 1",
    "NX1234567",
    "AX123456",
]


def tried(fact: Mapping[str, Any]) -> Iterator[Any]:
    """Values of a fact's type, around each of its bounds and far from all."""
    if fact["type"] == "string" and "format" not in fact:
        yield from TEXTS
        yield from ("x" * (length + more) for length in (2, 50, 100, 255, 5000) for more in (0, 1))
        yield "x" * 70_000
    elif fact["type"] == "integer":
        edges = [0, fact.get("minimum", 0), fact.get("maximum", 0)]
        yield from (edge + more for edge in edges for more in (-1, 0, 1))
        yield from (-(10**12), 10**12)
    else:
        edges = [0, fact.get("minimum", 0), fact.get("maximum", 0)]
        yield from (Decimal(edge) + Decimal(more) for edge in edges for more in ("-0.01", "0", "1"))
        yield from (Decimal(-(10**12)), Decimal("1e12"))


def fits(fact: Mapping[str, Any], value: Any) -> bool:
    """Whether a value of the right type is within the bounds of the document."""
    if isinstance(value, str):
        # The document's patterns are Ruby's, and of e-mail addresses it has capitals alone.
        form = fact.get("pattern", "(?s).*").strip("^$").replace(r"\h", "[0-9a-f]")
        return (value == "" and fact.get("nullable", False)) or (
            fact.get("min_length", 0) <= len(value) <= fact.get("max_length", 10**6)
            and re.fullmatch(form, value, re.IGNORECASE) is not None
        )
    least, most = fact.get("minimum", -(10**15)), fact.get("maximum", 10**15)
    return bool(
        least <= value <= most
        and not (value == least and fact.get("exclusive_minimum"))
        and not (value == most and fact.get("exclusive_maximum"))
    )


def is_measured(fact: Mapping[str, Any]) -> bool:
    kind, form = fact.get("type"), fact.get("format")
    is_text = kind == "string" and form in (None, "decimal")
    return (is_text or kind in ("integer", "number")) and "enum" not in fact


MEASURED = [(write, place) for write, place in PLACES if is_measured(place.fact)]


@pytest.mark.parametrize(
    ("write", "place"),
    MEASURED,
    ids=[f"{write.resource} {write.verb} {place.path}" for write, place in MEASURED],
)
def test_values_are_held_to_the_bounds_of_the_document_and_to_no_others(
    write: Write, place: Place
) -> None:
    for value in tried(place.fact):
        said = told(write, place, value)
        assert fits(place.fact, value) is not bool(said), (value, said)
        assert not said or re.search(r": the API takes ", said)


AT_THE_TOP = [(write, place) for write, place in MEASURED if len(place.steps) == 1]


@pytest.mark.parametrize(
    ("write", "place"),
    AT_THE_TOP,
    ids=[f"{write.resource} {write.verb} {place.path}" for write, place in AT_THE_TOP],
)
def test_the_emulator_holds_values_to_the_same_bounds(write: Write, place: Place) -> None:
    for value in tried(place.fact):
        sent = f"{value:f}" if place.fact.get("format") == "decimal" else value
        body = {place.field: float(value) if place.fact["type"] == "number" else sent}
        errors: dict[str, str] = {}
        with contextlib.suppress(RefusedError):
            emulator_checked(write.operation, body, errors)
        assert fits(place.fact, value) is (place.field not in errors), (value, errors)


def test_bounds_of_every_sort_are_met() -> None:
    said = {name for _, place in MEASURED for name in place.fact}
    assert said >= {
        "pattern", "min_length", "max_length", "minimum", "maximum", "exclusive_minimum",
        "exclusive_maximum",
    }  # fmt: skip
