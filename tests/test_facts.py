"""The table of facts: complete, free of prose, and drift of the API shows."""

from __future__ import annotations

import copy
import json
import runpy
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import attrs
import pytest

from cliniko_async._models.model import json_name
from cliniko_async.emulator.drift import compare
from cliniko_async.emulator.facts import Facts, Operation, load
from cliniko_async.resources.custom_fields import CustomFields
from cliniko_async.resources.settings import AccountSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parents[1] / "scripts"
TABLE: dict[str, Any] = json.loads((files("cliniko_async.emulator") / "facts.json").read_text())


def test_the_table_has_every_operation_of_the_document_and_the_newer_ones() -> None:
    documented = Counter(row["kind"] for row in TABLE["operations"] if "source" not in row)
    assert documented == {
        "list": 65,
        "get": 37,
        "create": 28,
        "update": 27,
        "archive": 21,
        "delete": 19,
        "other": 6,
        "unarchive": 3,
        "conflicts": 3,
        "cancel": 2,
    }
    assert sum("source" in row for row in TABLE["operations"]) == 12
    assert sum(row.get("deprecated", False) for row in TABLE["operations"]) == 27


def test_all_lists_but_three_can_be_filtered_by_what_the_walk_needs() -> None:
    lists = [o for o in load().operations if o.kind == "list"]
    unfilterable = [o.path for o in lists if not o.filters]
    assert len(unfilterable) == 3
    for operation in lists:
        if operation.filters:
            assert operation.filters["id"] == "int64"
            assert operation.filters["created_at"] == "date-time"


def test_the_rows_of_a_list_stand_under_the_last_plural_of_its_path() -> None:
    for operation in load().operations:
        if operation.kind == "list":
            path = operation.path.removesuffix("/active").removesuffix("/inactive")
            assert operation.key == path.rpartition("/")[2]


def test_every_name_in_the_table_leads_somewhere() -> None:
    facts = load()
    for operation in facts.operations:
        assert operation.schema is None or operation.schema in facts.schemas, operation
        assert operation.body is None or operation.body in facts.bodies, operation


VALUES = {"type", "format", "enum", "nullable", "deprecated", "assumed", "source"}
BOUNDS = {
    "pattern",
    "min_length",
    "max_length",
    "minimum",
    "maximum",
    "exclusive_minimum",
    "exclusive_maximum",
}
SHAPES = {"items", "properties", "required", "link", "ref", "any_of"}


def facts_in(fact: Any) -> Iterator[dict[str, Any]]:
    yield fact
    for inner in fact.get("properties", {}).values():
        yield from facts_in(inner)
    if "items" in fact:
        yield from facts_in(fact["items"])


def test_the_table_holds_facts_and_no_prose() -> None:
    schemas = [*TABLE["schemas"].values(), *TABLE["bodies"].values()]
    found = {name for schema in schemas for fact in facts_in(schema) for name in fact}
    assert found <= VALUES | BOUNDS | SHAPES
    operation = {field.name for field in attrs.fields(Operation)}
    assert {name for row in TABLE["operations"] for name in row} <= operation


@pytest.mark.parametrize(
    ("section", "name", "member", "value", "line"),
    [
        ("operations", 0, "status", 203, "status was 200, is 203"),
        ("operations", 0, "filters", {"new": "date"}, "filter new (date)"),
        ("operations", 0, "filters", {}, "gone: GET /appointment_type_billable_items: filter id"),
        ("schemas", "Patient", "properties", {"email": {"type": "integer"}}, "email was"),
        ("schemas", "Patient", "properties", {}, "gone: schema Patient: property email"),
        ("bodies", "Tax", "properties", {"x": {"type": "string"}}, "new: body Tax: property x"),
        ("schemas", "Booking", "any_of", ["Invoice"], "schema Booking: any_of was"),
    ],
)
def test_drift_names_what_has_changed(
    section: str, name: Any, member: str, value: Any, line: str
) -> None:
    changed = copy.deepcopy(TABLE)
    changed[section][name][member] = value
    assert any(line in said for said in compare(load(), Facts.from_json(changed)))


def test_drift_names_what_is_new_and_what_is_gone() -> None:
    changed = copy.deepcopy(TABLE)
    changed["operations"][0]["path"] = "/letters"
    assert compare(load(), Facts.from_json(changed)) == [
        "new: GET /letters",
        "gone: GET /appointment_type_billable_items",
    ]
    assert compare(load(), load()) == []


def test_drift_is_told_in_the_order_of_the_table() -> None:
    changed = copy.deepcopy(TABLE)
    for schema in changed["schemas"].values():
        schema.get("properties", {}).pop("created_at", None)
    told = [line.split()[2] for line in compare(load(), Facts.from_json(changed))]
    assert len(told) > 20
    assert told == sorted(told)


FILTERS = "| Value | Format |\n|---|---|\n| sent_at | [date-time](/#date-time) |\n"


READ_FACTS = runpy.run_path(str(SCRIPTS / "read_openapi.py"))["read_facts"]


def in_json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


LETTER = {"$ref": "#/components/schemas/Letter"}
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/letters": {
            "get": {
                "parameters": [
                    {"$ref": "#/components/parameters/Page"},
                    {"in": "query", "name": "q[]", "description": FILTERS},
                ],
                "responses": {"200": in_json({"properties": {"letters": {"items": LETTER}}})},
            },
            "post": {
                "deprecated": True,
                "requestBody": {"$ref": "#/components/requestBodies/Letter"},
                "responses": {"201": {}},
            },
        },
        "/letters/{id}/archive": {"post": {"responses": {"204": {}}}},
    },
    "components": {
        "parameters": {"Page": {"in": "query", "name": "page", "required": True}},
        "requestBodies": {"Letter": in_json({"properties": {"text": {"type": "string"}}})},
        "schemas": {
            "Letter": {
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "format": "int64", "description": "An id"},
                    "patient": {
                        "properties": {
                            "links": {
                                "properties": {"self": {"example": "https://x/v1/patients/1"}}
                            }
                        }
                    },
                    "tags": {"type": "array", "nullable": True, "items": {"type": "string"}},
                    "copies": {
                        "type": "integer",
                        "minimum": 0,
                        "exclusiveMinimum": True,
                        "maximum": 9,
                    },
                    "stamp": {"type": "string", "pattern": "^#", "minLength": 1, "maxLength": 2},
                },
            }
        },
    },
}


def test_a_document_becomes_facts() -> None:
    facts = Facts.from_json(READ_FACTS(DOCUMENT))
    listing = facts.operation("GET", "/letters")
    assert (listing.kind, listing.key, listing.schema) == ("list", "letters", "Letter")
    assert listing.filters == {"sent_at": "date-time"}
    assert listing.required_params == ["page"]
    assert facts.operation("POST", "/letters").deprecated
    assert facts.operation("POST", "/letters").body == "Letter"
    assert facts.operation("POST", "/letters/{id}/archive").kind == "archive"
    assert facts.schemas["Letter"].properties == {
        "id": {"type": "string", "format": "int64"},
        "patient": {"link": "patients/{id}"},
        "tags": {"type": "array", "items": {"type": "string"}, "nullable": True},
        "copies": {"type": "integer", "minimum": 0, "exclusive_minimum": True, "maximum": 9},
        "stamp": {"type": "string", "pattern": "^#", "min_length": 1, "max_length": 2},
    }


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ("put", {"responses": {"200": {}}}),
        ("get", {"responses": {"2XX": {}}}),
        ("get", {"responses": {"default": {}}}),
        ("post", {"requestBody": {"content": {"text/csv": {}}}, "responses": {"200": {}}}),
    ],
)
def test_operations_written_unlike_the_others_are_read_too(
    method: str, said: dict[str, Any]
) -> None:
    """A newer document that is written otherwise is compared all the same."""
    document = copy.deepcopy(DOCUMENT)
    document["paths"]["/stamps"] = {method: said}
    new = Facts.from_json(READ_FACTS(document))
    assert compare(Facts.from_json(READ_FACTS(DOCUMENT)), new) == [f"new: {method.upper()} /stamps"]
    assert new.operation(method.upper(), "/stamps").status == 200


def test_a_reference_keeps_its_marks() -> None:
    document = copy.deepcopy(DOCUMENT)
    letter = document["components"]["schemas"]["Letter"]["properties"]
    letter["answer_to"] = {"allOf": [LETTER], "nullable": True}
    facts = Facts.from_json(READ_FACTS(document))
    assert facts.schemas["Letter"].properties["answer_to"] == {"ref": "Letter", "nullable": True}


def test_a_document_without_bodies_of_its_own_is_read() -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["components"]["requestBodies"]
    assert Facts.from_json(READ_FACTS(document)).bodies == {}


def test_members_beyond_the_document_say_where_they_were_seen() -> None:
    members = [fact for schema in TABLE["schemas"].values() for fact in facts_in(schema)]
    seen = [fact for fact in members if "source" in fact]
    assert len(seen) >= 4 + 5 + 3
    assert {fact["source"] for fact in seen} == {"observed 2026"}
    patient = TABLE["schemas"]["Patient"]["properties"]
    assert patient["reminders_communication_channels"]["items"]["enum"] == [1, 2]
    assert "assumed" not in patient["reminders_communication_channels"]
    assert TABLE["schemas"]["UploadedPatientAttachment"]["properties"]["category"]["assumed"]


def test_settings_have_the_members_of_both_schemas() -> None:
    def members(fact: Any, path: str = "") -> Iterator[str]:
        for name, inner in fact.get("properties", {}).items():
            yield path + name
            yield from members(inner, f"{path}{name}.")

    def fields(kind: Any, path: str = "") -> Iterator[str]:
        for field in attrs.fields(kind):
            yield path + json_name(field)
            inner = next((k for k in get_args(field.type) if attrs.has(k)), None)
            if inner and inner is not CustomFields:
                yield from fields(inner, f"{path}{json_name(field)}.")

    said = {m for name in ("Settings", "PublicSettings") for m in members(TABLE["schemas"][name])}
    said = {m for m in said if not m.startswith("patient_custom_fields_definition.")}
    assert set(fields(AccountSettings)) == said
