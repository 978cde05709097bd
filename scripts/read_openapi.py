"""Reads the facts out of the vendor's OpenAPI document: names and types, none of its prose."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

Json = dict[str, Any]

METHODS = ("get", "post", "put", "patch", "delete")
ACTIONS = ("archive", "unarchive", "cancel", "conflicts")
RESULTS = {"post": "create", "put": "update", "patch": "update", "delete": "delete"}

# What the document says of a value besides its type, and the table's word for it.
SAID_OF_VALUES = {
    "format": "format",
    "enum": "enum",
    "pattern": "pattern",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusiveMinimum": "exclusive_minimum",
    "exclusiveMaximum": "exclusive_maximum",
}

# Behind a plain path, these are no records of a list.
OTHERS = (
    "/next_available_time",
    "/attachment_presigned_post",
    "/settings/public",
    "/referral_source",
    "/settings",
    "/user",
)


def read_facts(document: Json) -> Json:
    """Operations, schemas and bodies, in a stable order."""
    components = document["components"]
    reader = _Reader(components)
    operations = [
        reader.operation(method, path, item[method])
        for path, item in sorted(document["paths"].items())
        for method in METHODS
        if method in item
    ]
    return {
        "operations": operations,
        "schemas": {
            name: reader.schema(schema) for name, schema in sorted(components["schemas"].items())
        },
        "bodies": {name: reader.schema(body) for name, body in sorted(reader.bodies.items())},
    }


def _content(holder: Json) -> Json:
    content: Json = holder.get("content", {}).get("application/json", {})
    return content


def _success(responses: Json) -> tuple[int, Json]:
    """The first answer that is no error, and its status; a range such as 2XX counts as 200."""
    found = ((str(s).upper(), a) for s, a in responses.items() if str(s)[0] in "23")
    status, answer = next(found, ("200", responses.get("default", {})))
    return int(status.replace("X", "0")), answer


def _name(ref: Json) -> str | None:
    return ref["$ref"].rpartition("/")[2] if "$ref" in ref else None


def _named(said: Json) -> Json | None:
    """Another schema, or one of several."""
    if "$ref" in said or "allOf" in said:
        return {"ref": _name(said.get("allOf", [said])[0])}
    union = said.get("oneOf") or said.get("anyOf")
    return {"any_of": [_name(part) for part in union]} if union else None


class _Reader:
    def __init__(self, components: Json) -> None:
        self._components = components
        self.bodies: Json = {
            name: _content(body).get("schema", {})
            for name, body in components.get("requestBodies", {}).items()
        }

    def operation(self, method: str, path: str, said: Json) -> Json:
        """One operation as a row of the table."""
        status, answer = _success(said["responses"])
        schema = _content(self._resolve(answer, "responses")).get("schema", {})
        kind, key, record = self._kind(method, path, schema)
        query = [p for p in map(self._parameter, said.get("parameters", ())) if p["in"] == "query"]
        row: Json = {"method": method.upper(), "path": path, "kind": kind, "status": status}
        row["key"] = key
        row["schema"] = record
        row["body"] = self._body(said.get("requestBody", {}))
        row["params"] = [p["name"] for p in query]
        row["required_params"] = [p["name"] for p in query if p.get("required")]
        row["filters"] = _filters(query)
        row["deprecated"] = said.get("deprecated", False)
        return {name: value for name, value in row.items() if value not in (None, [], {}, False)}

    def _body(self, said: Json) -> str | None:
        """The name of what is sent: mostly a request body's, sometimes a schema's."""
        if not said or "$ref" in said:
            return _name(said)
        schema = _content(said).get("schema", {})
        name = _name(schema.get("anyOf", [schema])[0])
        if name:
            self.bodies[name] = self._components["schemas"][name]
        return name

    def _kind(self, method: str, path: str, schema: Json) -> tuple[str, str | None, str | None]:
        """What an operation is, the key of its rows if it is a list, and its records' schema."""
        last = path.rpartition("/")[2]
        if last in ACTIONS:
            return last, None, _name(schema)
        if method == "get" and path.endswith(OTHERS):
            return "other", None, _name(schema)
        key = last if last not in ("active", "inactive") else path.split("/")[-2]
        rows = schema.get("properties", {}).get(key)
        if method == "get" and rows is not None:
            return "list", key, _name(rows.get("items", {})) or ""
        return RESULTS.get(method, "get"), None, _name(schema)

    def _parameter(self, said: Json) -> Json:
        return self._resolve(said, "parameters")

    def _resolve(self, said: Json, section: str) -> Json:
        found: Json = self._components[section][_name(said)] if "$ref" in said else said
        return found

    def schema(self, said: Json) -> Json:
        """The properties of an object, or the alternatives of a union."""
        for union in ("oneOf", "anyOf"):
            if union in said:
                return {"any_of": [_name(part) for part in said[union]]}
        found: Json = {"properties": {}}
        if said.get("required"):
            found["required"] = said["required"]
        for name, part in sorted(said.get("properties", {}).items()):
            found["properties"][name] = self.property(part)
        return found

    def property(self, said: Json) -> Json:
        """One property's type."""
        found = _named(said) or self._link(said) or self._plain(said)
        for mark in ("nullable", "deprecated"):
            if said.get(mark):
                found[mark] = True
        return found

    def _link(self, said: Json) -> Json | None:
        """A relation: nothing but a link to itself or to another record or list."""
        inner = said
        if list(said.get("properties", {})) == ["links"]:
            inner = said["properties"]["links"]
        if list(inner.get("properties", {})) != ["self"]:
            return None
        return {"link": _target(inner["properties"]["self"].get("example", ""))}

    def _plain(self, said: Json) -> Json:
        found: Json = {"type": said.get("type", "array" if "items" in said else "object")}
        found.update({name: said[word] for word, name in SAID_OF_VALUES.items() if word in said})
        if "items" in said:
            found["items"] = self.property(said["items"])
        if "properties" in said:
            found.update(self.schema(said))
        return found


def _target(url: str) -> str:
    """Where a link leads: the example's path and query with its ids left open."""
    parts = urlsplit(url)
    path = re.sub(r"/[0-9]+(?=/|$)", "/{id}", parts.path.removeprefix("/v1").lstrip("/"))
    query = re.sub(r"=[0-9]+", "={id}", unquote(parts.query))
    return path + (f"?{query}" if query else "")


def _filters(query: list[Json]) -> Json:
    """The filters of a list: the document has them in a table within a description."""
    text = next((p.get("description", "") for p in query if p["name"] == "q[]"), "")
    rows = re.findall(r"^\|\s*([a-z_]+)\s*\|\s*\[([a-z0-9-]+)\]", text, re.MULTILINE)
    return dict(sorted(rows))
