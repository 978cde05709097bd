"""Every field of every write, against the facts: what the API takes passes, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from writes import WRITES, Place, Write, named, places

from cliniko_async._models.fields import encode_fields
from cliniko_async.errors import InvalidFieldsError

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
