"""Values that tests put into records, checked as the API's own fields are."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from cliniko_async.emulator import moments
from cliniko_async.emulator.facts import load
from cliniko_async.emulator.json_types import is_of_type
from cliniko_async.emulator.records import schema_of
from cliniko_async.emulator.tables import KINDS_OF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliniko_async.emulator.facts import Fact

__all__ = ["as_stored", "known"]

_OWN: Final[Mapping[str, Fact]] = {
    "id": {"type": "string", "format": "int64"},
    "created_at": {"type": "string", "format": "date-time"},
    "updated_at": {"type": "string", "format": "date-time"},
}
"""What every record of the emulator has, even services, which show none of it."""

_ARTICLES: Final[Mapping[str, str]] = {"array": "a list", "integer": "an int", "object": "a dict"}
_FORMATS: Final[Mapping[str, str]] = {
    "date": "a date",
    "date-time": "an aware datetime",
    "decimal": "a Decimal",
    "int64": "an id",
}


@cache
def known(resource: str) -> str:
    """The name of a resource that records can be added to.

    Raises:
        ValueError: The resource does not exist.
    """
    keys = {str(o.key) for o in load().operations if o.kind == "list"} | {"signatures"}
    names = sorted(keys - set(KINDS_OF) - {"available_times"})
    if resource in KINDS_OF:
        raise ValueError(f"{resource} are of several kinds: name {', '.join(KINDS_OF[resource])}")
    if resource not in names:
        raise ValueError(f"there is no resource {resource!r}{_hint(resource, names)}")
    return resource


@cache
def _members(resource: str) -> Mapping[str, Fact]:
    """What a record of this resource can have; of a union, what any of its parts can have."""
    path, facts = f"/{known(resource)}", load()
    listed = (o.schema for o in facts.operations if o.kind == "list" and o.path == path)
    members = facts.properties(next(listed, None) or schema_of(resource))
    return {**members, **_OWN}


def as_stored(resource: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a record as the API writes them.

    Raises:
        TypeError: A member does not exist, or its value has another type.
        ValueError: The resource does not exist, or the API does not know the value.
    """
    members = _members(resource)
    return {name: _stored(resource, name, value, members) for name, value in values.items()}


def _stored(resource: str, name: str, value: Any, members: Mapping[str, Fact]) -> Any:
    fact = members.get(name)
    where = f"{resource}: {name}"
    if fact is not None:
        return _value(where, fact, value)
    if "link" in members.get(name.removesuffix("_id"), {}) and name.endswith("_id"):
        return None if value is None else _id(where, value)
    names = [f"{n}_id" if _is_relation(n, f) else n for n, f in members.items()]
    raise TypeError(f"{where}: there is no such member{_hint(name, names)}")


def _is_relation(name: str, fact: Fact) -> bool:
    return name != "links" and "link" in fact and fact["link"].endswith("/{id}")


def _hint(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(names))}"


def _id(where: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).isdecimal():
        raise TypeError(f'{where} takes an id, such as record["id"]')
    return str(value)


def _value(where: str, fact: Fact, value: Any) -> Any:
    """A value as the API writes it, whatever form it was given in."""
    if value is None:
        if not fact.get("nullable") and "type" in fact:
            raise TypeError(f"{where} is never null")
        return None
    format = fact.get("format")
    if format == "int64":
        return _id(where, value)
    if format == "date-time":
        return _moment(where, value)
    if format == "date":
        return _day(where, value)
    if format == "decimal" and fact.get("type") == "string":
        return _decimal(where, value)
    return _plain(where, fact, value)


def _plain(where: str, fact: Fact, value: Any) -> Any:
    if "ref" in fact:
        fact = {"type": "object", "properties": load().properties(fact["ref"])}
    kind = fact.get("type", "object" if "properties" in fact or "link" in fact else "")
    if not is_of_type(kind, value):
        wanted = _FORMATS.get(fact.get("format", "")) or _ARTICLES.get(kind, f"a {kind}")
        raise TypeError(f"{where} takes {wanted}, not {type(value).__name__}")
    if "enum" in fact and value not in fact["enum"]:
        raise ValueError(f"{where} is one of {', '.join(map(repr, fact['enum']))}")
    if isinstance(value, (list, tuple)) and "items" in fact:
        items = cast("list[Any]", value)
        return [_value(f"{where}[{n}]", fact["items"], item) for n, item in enumerate(items)]
    if isinstance(value, dict) and "properties" in fact:
        parts = cast("dict[str, Any]", value)
        return {name: _part(where, fact["properties"], name, parts[name]) for name in parts}
    return cast("Any", value)


def _part(where: str, parts: Mapping[str, Fact], name: str, value: Any) -> Any:
    if name not in parts:
        raise TypeError(f"{where}: there is no {name}{_hint(name, list(parts))}")
    return _value(f"{where}.{name}", parts[name], value)


def _moment(where: str, value: Any) -> str:
    wanted = f"{where} takes an aware datetime, or a text such as '2026-05-31T09:00:00Z'"
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise TypeError(wanted) from None
    if moment.tzinfo is None:
        raise TypeError(wanted)
    return moments.text(moment)


def _day(where: str, value: Any) -> str:
    try:
        day = value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError):
        day = None
    if day is None or isinstance(day, datetime):
        raise TypeError(f"{where} takes a date, or a text such as '2026-05-31'")
    return day.isoformat()


def _decimal(where: str, value: Any) -> str:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else None
    except ArithmeticError:
        number = None
    if number is None or not number.is_finite():
        raise TypeError(f"{where} takes a Decimal, or a text such as '80.0'")
    return str(value)
