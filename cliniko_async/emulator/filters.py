"""The server's side of `q[]=field:OPERATORvalue`: which rows pass, and what is refused.

Written from the API's documentation alone; the client's encoder is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator.records import linked_id

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BadFilterError", "Test", "parse"]

Test = Callable[[dict[str, Any]], bool]

_CONDITION: Final = re.compile(r"([a-z_0-9]+):(\*|!\?|\?|!=|>=|<=|=|~~|~|>|<)(.*)", re.DOTALL)

_OPERATORS: Final[Mapping[str, Sequence[str]]] = {
    "date": ("=", ">=", ">", "<=", "<", "?", "!?"),
    "date-time": (">=", ">", "<=", "<", "?", "!?", "*"),
    "int64": ("=", "!=", ">=", ">", "<=", "<", "?", "!?"),
    "integer": ("=", "!=", ">=", ">", "<=", "<", "?", "!?"),
    "string": ("=", "!=", "~", "~~", "?", "!?"),
    "boolean": ("=", "!="),
    "array": ("~",),
}

_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "date": re.compile(r"[0-9*]{4}-[0-9*]{2}-[0-9*]{2}"),
    "date-time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,}(Z|[+-][0-9:]{5})"),
    "int64": re.compile(r"[0-9]+(,[0-9]+)*"),
    "integer": re.compile(r"-?[0-9]+(,-?[0-9]+)*"),
    "boolean": re.compile(r"true|false"),
}

_WORDS: Final = {"date": "date", "date-time": "date", "boolean": "boolean"}

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
}


class BadFilterError(Exception):
    """A condition that the API answers with 400."""


def parse(text: str, fields: Mapping[str, str]) -> tuple[str, Test]:
    """The field of a condition, and whether a record passes it.

    Args:
        text: A value of `q[]`.
        fields: The fields that this list can be filtered by, with their types.
    """
    found = _CONDITION.fullmatch(text)
    if not found:
        raise BadFilterError("Filter is malformed")
    field, operator, value = found.groups()
    if field not in fields:
        raise BadFilterError(f"{field} is not filterable")
    kind = fields[field]
    _check(field, kind, operator, value)
    return field, _test(field, kind, operator, value)


def _check(field: str, kind: str, operator: str, value: str) -> None:
    if operator not in _OPERATORS[kind]:
        raise BadFilterError(f"Operator {operator} is not supported for {field}")
    if operator in ("?", "!?", "*"):
        if value:
            raise BadFilterError(f"Operator {operator} takes no value")
        return
    shape = _SHAPES.get(kind)
    is_list = "," in value and operator != "="
    if shape and (not shape.fullmatch(value) or is_list):
        raise _mistyped(field, kind)


def _mistyped(field: str, kind: str) -> BadFilterError:
    return BadFilterError(f"Filter value for {field} must be a {_WORDS.get(kind, 'number')}")


def _test(field: str, kind: str, operator: str, value: str) -> Test:
    read = _reader(field, kind)
    if operator == "*":
        return lambda _: True
    if operator == "?":
        return lambda row: read(row) is not None
    if operator == "!?":
        return lambda row: read(row) is None
    if operator in _COMPARE:
        compare, bound = _COMPARE[operator], _bound(field, kind, value)
        return lambda row: (own := read(row)) is not None and compare(own, bound)
    if operator == "!=":
        other = _value(kind, value)
        return lambda row: read(row) != other
    return _matcher(read, kind, operator, value)


def _matcher(read: Callable[[dict[str, Any]], Any], kind: str, operator: str, value: str) -> Test:
    if kind == "array":
        return lambda row: value in (read(row) or ())
    if operator == "~":
        part = value.lower()
        return lambda row: part in (read(row) or "").lower()
    if operator == "~~":
        pattern = re.compile(".*".join(map(re.escape, value.split("%"))), re.IGNORECASE | re.DOTALL)
        return lambda row: pattern.fullmatch(read(row) or "") is not None
    if kind == "date":
        digits = re.compile(value.replace("*", "[0-9]"))
        return lambda row: digits.fullmatch(read(row) or "") is not None
    if kind in ("int64", "integer"):
        wanted = {int(part) for part in value.split(",")}
        return lambda row: read(row) in wanted
    exact = _value(kind, value)
    return lambda row: read(row) == exact


def _reader(field: str, kind: str) -> Callable[[dict[str, Any]], Any]:
    """Reads a field off a record, in a form that compares as the API compares."""
    relation = field.removesuffix("_id")

    def read(row: dict[str, Any]) -> Any:
        value = row.get(field)
        if value is None and field.endswith("_id"):
            value = linked_id(row.get(relation))
        return value if value is None else _value(kind, value)

    return read


def _bound(field: str, kind: str, value: str) -> Any:
    try:
        return _value(kind, value)
    except ValueError:
        raise _mistyped(field, kind) from None


def _value(kind: str, value: Any) -> Any:
    """A value in a form that compares: fractions of seconds and offsets count."""
    if kind in ("int64", "integer"):
        return int(value)
    if kind == "date-time":
        return datetime.fromisoformat(value)
    return value == "true" if kind == "boolean" and isinstance(value, str) else value
