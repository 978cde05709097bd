"""A resource as its class describes it: verbs, fields, filters, and what can be included."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs

from cliniko_async._models.links import Link
from cliniko_async._models.model import Id
from cliniko_async.cli.catalogue import (
    columns_of,
    filter_fields,
    hidden_words,
    resource_class,
)
from cliniko_async.cli.conditions import operators_of

__all__ = ["Description", "Verb", "Writable", "described"]

WORDS: Final[Mapping[Any, str]] = {
    str: "text",
    int: "number",
    float: "number",
    bool: "true or false",
    Decimal: "decimal",
    date: "date",
    datetime: "date-time",
    Id: "id",
    Link: "relation",
    types.NoneType: "null",
}
"""What types are called for those who may write no Python."""


STARS: Final[Mapping[Any, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


@attrs.frozen
class Verb:
    """What can be done with a resource.

    Attributes:
        call: As it is written in Python: `get(id, *, include)`.
        what: The first line of its docstring.
        deprecated: Whether the API advises against it.
    """

    name: str
    call: str
    what: str
    deprecated: bool


@attrs.frozen
class Writable:
    """A field that can be set.

    Attributes:
        type: What it takes, in words.
        on_create: "required", "optional" or "no".
        on_update: "optional" or "no".
    """

    name: str
    type: str
    on_create: str
    on_update: str


@attrs.frozen
class Description:
    """A resource.

    Attributes:
        what: The first paragraph of its docstring.
        fields: What its records hold, and the type of each.
        filters: What its lists can be filtered by, and the operators of each.
    """

    name: str
    path: str
    what: str
    verbs: Sequence[Verb]
    fields: Mapping[str, str]
    writable: Sequence[Writable]
    filters: Mapping[str, Sequence[str]]
    include: Sequence[str]


def described(resource: str) -> Description:
    """Read a resource's class."""
    kind = resource_class(resource)
    return Description(
        name=resource,
        path=kind.path,
        what=_first_line(kind),
        verbs=list(_verbs(kind)),
        fields=_fields(resource),
        writable=list(_writable(kind)),
        filters={name: operators_of(field) for name, field in filter_fields(resource).items()},
        include=hidden_words(resource),
    )


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _verbs(kind: Any) -> Iterable[Verb]:
    for name, function in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            deprecated = hasattr(function, "__deprecated__")
            yield Verb(name, _call(name, function), _first_line(function), deprecated)


def _call(name: str, function: Any) -> str:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return f"{name}({', '.join(_parameters(parameters))})"


def _parameters(parameters: Iterable[inspect.Parameter]) -> Iterable[str]:
    starred = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            yield "*"
            starred = True
        starred = starred or parameter.kind is parameter.VAR_POSITIONAL
        yield f"{STARS.get(parameter.kind, '')}{parameter.name}"


def _fields(resource: str) -> Mapping[str, str]:
    model = resource_class(resource).model
    types: dict[str, str] = {}
    for member in getattr(model, "members", (model,)):
        hints = get_type_hints(member, include_extras=True)
        types.update({name.removesuffix("_"): words_of(hint) for name, hint in hints.items()})
    return {
        column.name: "id" if column.name != column.member else types.get(column.member, "text")
        for column in columns_of(resource).values()
    }


def _writable(kind: Any) -> Iterable[Writable]:
    created, required = _taken(kind, ("create",))
    updated, _ = _taken(kind, ("update", "update_for_patient"))
    for name, hint in {**created, **updated}.items():
        on_create = "required" if name in required else "optional"
        yield Writable(
            name.removesuffix("_"),  # in Python alone: `from` is a keyword there
            words_of(hint),
            on_create if name in created else "no",
            "optional" if name in updated else "no",
        )


def _taken(kind: Any, verbs: Iterable[str]) -> tuple[dict[str, Any], frozenset[str]]:
    """The fields that a verb takes, and those that it has to have."""
    verb = next((getattr(kind, name) for name in verbs if hasattr(kind, name)), None)
    fields = next(iter(get_args(get_type_hints(verb).get("fields"))), None) if verb else None
    if fields is None:
        return {}, frozenset()
    return get_type_hints(fields, include_extras=True), fields.__required_keys__


def words_of(hint: Any) -> str:
    """A type in words."""
    if hint in WORDS:
        return WORDS[hint]
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _either(parts)
    if origin is Annotated:
        return words_of(parts[0])
    if origin is Literal:
        return " | ".join(repr(part) if isinstance(part, str) else str(part) for part in parts)
    if origin in (list, Sequence, Iterable) and parts:
        return f"list of {words_of(parts[0])}"
    return getattr(hint, "__name__", "object")


def _either(parts: Sequence[Any]) -> str:
    if {str, Link} <= set(parts):  # a record named by its id or by a link to it
        parts = [Id, *(part for part in parts if part not in (str, Link))]
    words = [words_of(part) for part in parts]
    if any(get_origin(part) is Literal for part in parts):  # open: the API may add to it
        words = [word for word in words if word not in ("text", "number")]
    return " | ".join(dict.fromkeys(words))
