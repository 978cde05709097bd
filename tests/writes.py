"""Every create and update of the API: what the facts say of it, and what the package has for it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args, get_type_hints

import attrs

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async.emulator.facts import Operation, load

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WRITES", "Place", "Write", "named", "places"]

METHODS: Final = {"create": "POST", "update": "PATCH", "update_for_patient": "PATCH"}


@attrs.frozen
class Write:
    """A create or an update of one resource.

    Attributes:
        fields: What the package takes.
        facts: What the API takes, by name.
        required: What the package asks for.
    """

    resource: str
    verb: str
    operation: Operation
    fields: Any
    facts: Mapping[str, Any]
    required: frozenset[str]


@attrs.frozen
class Place:
    """A place in a body where a value stands.

    Attributes:
        steps: The way to it: members of objects, and 0 for the one element of a list.
        fact: What the API takes there.
    """

    steps: Sequence[str | int]
    fact: Mapping[str, Any]

    @property
    def field(self) -> str:
        """The field of the write that it is in."""
        return str(self.steps[0])

    @property
    def path(self) -> str:
        """As errors name it."""
        named = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in self.steps)
        return named.removeprefix(".")

    def holding(self, value: Any) -> Any:
        """The field's JSON with this value in the place, and nothing beside it."""
        for step in reversed(self.steps[1:]):
            value = [value] if isinstance(step, int) else {step: value}
        return value


def named(field: str) -> str:
    """A field's name in Python."""
    return "from_" if field == "from" else field


def places(facts: Mapping[str, Any]) -> Iterator[Place]:
    """Every place of a body, parts of fields included; of unions, none."""
    for name, fact in facts.items():
        yield from _places((name,), fact)


def _places(steps: Sequence[str | int], fact: Mapping[str, Any]) -> Iterator[Place]:
    yield Place(steps, fact)
    if "items" in fact:
        yield from _places((*steps, 0), fact["items"])
    parts: Mapping[str, Any] = fact.get("properties", {})
    for name, inner in (load().properties(fact["ref"]) if "ref" in fact else parts).items():
        yield from _places((*steps, name), inner)


def _writes() -> Iterator[Write]:
    for resource, lazy in vars(AsyncCliniko).items():
        kind: Any = getattr(AsyncCliniko, resource) if isinstance(lazy, Lazy) else None
        for verb, method in METHODS.items():
            function = getattr(kind, verb, None)
            if function is None:
                continue
            hints = get_type_hints(function, vars(sys.modules[function.__module__]))
            (fields,) = get_args(inspect.get_annotations(function) and hints["fields"])
            operation = _operation(method, resource, verb)
            facts = load().bodies[operation.body or ""].properties
            yield Write(resource, verb, operation, fields, facts, fields.__required_keys__)


def _operation(method: str, resource: str, verb: str) -> Operation:
    path = f"/{resource}" if verb == "create" else f"/{resource}/{{id}}"
    if verb == "update_for_patient":
        path = "/patients/{patient_id}/referral_source"
    return load().operation(method, path)


WRITES: Final[Sequence[Write]] = list(_writes())
