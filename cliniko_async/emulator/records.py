"""What a record looks like on the wire: the facts of its schema, filled in.

Links are kept with `@/` in place of the server's base URL, which is known when somebody asks.
"""

from __future__ import annotations

import json
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from cliniko_async.emulator.facts import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliniko_async.emulator.facts import Fact

__all__ = ["BASE", "blank", "encode", "link", "linked_id", "placed", "schema_of"]

BASE: Final = "@/"
"""Stands for the server's base URL in links."""

Record = dict[str, Any]

_DEFAULTS: Final[Mapping[str, Any]] = {
    "string": "",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "array": [],
    "object": {},
}


@cache
def schema_of(resource: str) -> str:
    """The schema of a resource's records; of a union, the part that can be created."""
    facts = load()
    paths = (f"/{resource}", f"/{resource}/{{id}}")
    schemas = {o.kind: o.schema for o in facts.operations if o.path.endswith(paths)}
    name = schemas.get("create") or schemas.get("get") or schemas["list"] or ""
    parts = facts.schemas[name].any_of
    return parts[0] if parts else name


def link(path: str) -> Record:
    """A relation, as the API writes it."""
    return {"links": {"self": BASE + path}}


def linked_id(value: Any) -> str | None:
    """The id of the record that a relation leads to."""
    if not isinstance(value, dict) or "links" not in value:
        return None
    holder = cast("Record", value)
    return str(holder["links"]["self"]).rpartition("/")[2]


@cache
def _template(resource: str) -> Sequence[tuple[str, Any, str]]:
    """What every record of this resource has, and the paths of its relations to lists."""
    facts = load().properties(schema_of(resource))
    members = [(name, _default(fact), fact.get("link", "")) for name, fact in facts.items()]
    return [member for member in members if member[1] is not _ABSENT]


_ABSENT: Final = object()
_EMPTY: Final[tuple[Any, ...]] = ([], {})


def _default(fact: Fact) -> Any:
    if "link" in fact:
        # Relations to one record are left out until they are set; those to lists always stand.
        own = "{id}" in fact["link"] and not fact["link"].endswith("/{id}")
        return None if own else _ABSENT
    if fact.get("nullable"):
        return None
    if "enum" in fact:
        return fact["enum"][0]
    if fact.get("format") == "decimal":
        return "0.0"
    return _DEFAULTS.get(fact.get("type", "object"))


def blank(resource: str, id: str) -> Record:
    """A record with this id, and nothing else."""
    record: Record = {
        # What can be changed is the record's own.
        name: link(path.replace("{id}", id)) if path else copy(value) if value in _EMPTY else value
        for name, value, path in _template(resource)
    }
    record["id"] = id
    record["links"] = {"self": f"{BASE}{resource}/{id}"}
    return record


def encode(value: Any, base_url: str) -> bytes:
    """JSON, with links to this server."""
    return placed(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), base_url)


def placed(text: bytes, base_url: str) -> bytes:
    """JSON that was encoded for `BASE`, with links to this server."""
    return text.replace(b'"@/', b'"' + base_url.encode() + b"/")
