"""The facts of the API that the package was built on, as a table.

`facts.json` is made by `scripts/make_facts.py` from the vendor's OpenAPI document and from what was
observed since. It holds names, types and filters, no prose. The emulator takes its routes from it,
and a test holds every method, model, field and filter of the package against it.

A property's fact has one of these forms, with `"nullable": true` or `"deprecated": true` in any:

    {"type": "string", "format": "date-time", "enum": [...]}   a value
    {"type": "object", "properties": {...}, "required": [...]} an object of its own
    {"type": "array", "items": {...}}                          a list
    {"link": "patients/{id}/invoices"}                         a relation, and where it leads
    {"ref": "PatientPhoneNumber"}                              another schema of the table
    {"any_of": ["TextQuestion", ...]}                          one of several schemas
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import attrs

__all__ = ["Facts", "Operation", "Schema", "load"]

Fact = Mapping[str, Any]


@attrs.frozen
class Operation:
    """What the API can do: a method on a path.

    Attributes:
        kind: list, get, create, update, archive, unarchive, delete, cancel, conflicts or other.
        key: The name of a list's rows in its answers.
        schema: The schema of its records.
        body: The schema of what is sent.
        filters: A list's filters with their types.
        source: Where it is known from, if not from the vendor's document.
    """

    method: str
    path: str
    kind: str
    status: int
    key: str | None = None
    schema: str | None = None
    body: str | None = None
    params: Sequence[str] = ()
    required_params: Sequence[str] = ()
    filters: Mapping[str, str] = attrs.field(factory=dict[str, str])
    deprecated: bool = False
    source: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@attrs.frozen
class Schema:
    """What a record or a body is made of: properties, or one of several other schemas."""

    properties: Mapping[str, Fact] = attrs.field(factory=dict[str, Fact])
    required: Sequence[str] = ()
    any_of: Sequence[str] = ()


@attrs.frozen
class Facts:
    """The whole table."""

    operations: Sequence[Operation]
    schemas: Mapping[str, Schema]
    bodies: Mapping[str, Schema]

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> Facts:
        """The table as its file has it."""
        return cls(
            operations=tuple(Operation(**row) for row in table["operations"]),
            schemas={name: Schema(**said) for name, said in table["schemas"].items()},
            bodies={name: Schema(**said) for name, said in table["bodies"].items()},
        )

    def operation(self, method: str, path: str) -> Operation:
        """The operation with this method and path template."""
        return next(o for o in self.operations if (o.method, o.path) == (method, path))

    def properties(self, schema: str) -> Mapping[str, Fact]:
        """A schema's properties; of a union, those of all its parts together."""
        said = self.schemas[schema]
        together = dict(said.properties)
        for part in said.any_of:
            together |= self.properties(part)
        return together


@cache
def load() -> Facts:
    """The table that comes with the package."""
    text = (files("cliniko_async.emulator") / "facts.json").read_text(encoding="utf-8")
    return Facts.from_json(json.loads(text))
