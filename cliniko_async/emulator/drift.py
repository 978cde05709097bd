"""How two tables of facts differ: what has changed in the API, a line for each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cliniko_async.emulator.facts import Facts, Operation, Schema

__all__ = ["compare"]


def compare(old: Facts, new: Facts) -> list[str]:
    """What is new, gone or changed, a line each that names the operation or the schema."""
    return [
        *_operations(_by_name(old.operations), _by_name(new.operations)),
        *_schemas("schema", old.schemas, new.schemas),
        *_schemas("body", old.bodies, new.bodies),
    ]


def _by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    return {str(operation): operation for operation in operations}


def _operations(old: Mapping[str, Operation], new: Mapping[str, Operation]) -> Iterator[str]:
    yield from (f"new: {name}" for name in new if name not in old)
    yield from (f"gone: {name}" for name in old if name not in new)
    for name in _in_both(old, new):
        for field in attrs.fields(type(old[name])):
            before, after = getattr(old[name], field.name), getattr(new[name], field.name)
            if field.name == "filters":
                yield from _mapping(f"{name}: filter", before, after)
            elif before != after and field.name != "source":
                yield f"changed: {name}: {field.name} was {_text(before)}, is {_text(after)}"


def _schemas(what: str, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> Iterator[str]:
    yield from (f"new: {what} {name}" for name in new if name not in old)
    yield from (f"gone: {what} {name}" for name in old if name not in new)
    for name in _in_both(old, new):
        before, after = old[name], new[name]
        yield from _mapping(f"{what} {name}: property", before.properties, after.properties)
        for member in ("required", "any_of"):
            was, is_ = list(getattr(before, member)), list(getattr(after, member))
            if was != is_:
                yield f"changed: {what} {name}: {member} was {_text(was)}, is {_text(is_)}"


def _mapping(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"new: {what} {name} ({_text(new[name])})" for name in new if name not in old)
    yield from (f"gone: {what} {name}" for name in old if name not in new)
    for name in _in_both(old, new):
        if old[name] != new[name]:
            yield f"changed: {what} {name} was {_text(old[name])}, is {_text(new[name])}"


def _in_both(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    # Not `old.keys() & new.keys()`: a set would order the lines anew in each run.
    return [name for name in old if name in new]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
