"""A page per resource, written from its class: what can be done with it, and what it holds."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

from site_examples import example
from site_package import (
    PARTS,
    enumerations,
    found,
    linked,
    members_of,
    models,
    path_of,
    table,
    words_of_members,
)

from cliniko_async.cli.catalogue import filter_fields, resource_class
from cliniko_async.cli.described import Description, described
from cliniko_async.types import Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPARED: Final = {"=": "==", "?": "", "!?": "", "~": "", "~~": ""}
"""The API's operators that Python writes otherwise; those without a sign are methods."""

GENERAL: Final = {
    "create": (
        ("InvalidFieldsError", "Fields that do not exist, or cannot be right. Nothing was sent."),
        ("ValidationError", "The API refuses a field: `.fields` says which, and why."),
        ("OutcomeUnknownError", "It may or may not have happened: look before you repeat it."),
    ),
    "update": (
        ("InvalidFieldsError", "Fields that do not exist, or cannot be right. Nothing was sent."),
        ("ValidationError", "The API refuses a field: `.fields` says which, and why."),
        ("NotFoundError", "No record has this id, or it is hidden."),
    ),
    "get": (("NotFoundError", "No record has this id, or it is hidden."),),
    "list": (
        (
            "ListingChangedError",
            (
                "In an order other than the default: rows came or went meanwhile. It comes after "
                "the last row."
            ),
        ),
        ("DecodeError", "A record does not fit its model; `on_bad_record=` continues without it."),
    ),
}
"""What can go wrong with a verb, beside what its docstring says."""

NO_MEMBERS: Final = ("      members: false", "      inherited_members: false")

RAISES: Final = re.compile(
    r"^ {4}(\w+Error): (.+?)(?=^ {4}\w+Error: |^\S|\Z)", re.MULTILINE | re.DOTALL
)


def resource_page(name: str) -> Iterator[str]:
    """All that one resource can do."""
    resource, kind = described(name), resource_class(name)
    yield from (f"# {name}", "", *(inspect.getdoc(kind) or "").splitlines(), "")
    yield from ("```python", *example(resource), "```", "")
    yield from ("## Verbs", "")
    yield from table(
        ("verb", "what it does"),
        [
            (
                f"[`{verb.call}`][{path_of(kind)}.{verb.name}]",
                ("Deprecated. " if verb.deprecated else "") + verb.what,
            )
            for verb in resource.verbs
        ],
    )
    sets = enumerations(kind)
    for each in (*models(kind), *written_by(kind)):
        sets = {**sets, **enumerations(each)}
    yield from fields(resource, kind, sets)
    yield from values(sets)
    yield from filters(resource)
    yield from errors(resource, kind)
    yield from signatures(kind, sets)


def written_by(kind: Any) -> list[type]:
    """The dicts with typed keys that a resource's verbs take."""
    module = inspect.getmodule(kind)
    return [
        value
        for name, value in vars(module).items()
        if name.endswith("Fields") and hasattr(value, "__required_keys__")
    ]


def fields(
    resource: Description, kind: Any, sets: Mapping[str, tuple[str, str, str]]
) -> Iterator[str]:
    """What its records hold, and what can be written."""
    words: dict[str, str] = {}
    for each in models(kind):
        words |= words_of_members(each)
    shown = [
        (f"`{name}`", linked(what, sets), words.get(name, ""))
        for name, what in resource.fields.items()
    ]
    yield from (("## Fields", "") if shown else ())
    yield from table(("field", "type", ""), shown)
    for each in written_by(kind):
        words |= words_of_members(each)
    written = [
        (f"`{w.name}`", linked(w.type, sets), w.on_create, w.on_update, words.get(w.name, ""))
        for w in resource.writable
    ]
    if written:
        yield from ("## Writable fields", "")
        creates, updates = ({row[at] for row in written} != {"no"} for at in (2, 3))
        kept = [0, 1, *([2] if creates else []), *([3] if updates else []), 4]
        head = ("field", "type", "on create", "on update", "")
        yield from table(
            tuple(head[i] for i in kept), [tuple(row[i] for i in kept) for row in written]
        )


def values(sets: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    """The values that fields with a name for them can have."""
    if sets:
        yield from ("## Enumerations", "")
        yield from table(
            ("name", "values", ""),
            [
                (f"`{name}`", ", ".join(f"`{v}`" for v in listed.split(" | ")), said)
                for name, (_, listed, said) in sets.items()
            ],
        )


def operators(field: Field[Any], signs: tuple[str, ...]) -> str:
    """What can be written behind a field, in Python."""
    compared = [COMPARED.get(sign, sign) for sign in signs]
    methods = [
        f".{name}()"
        for name, member in inspect.getmembers(type(field), inspect.isfunction)
        if not name.startswith("_")
        and name not in ("asc", "desc")
        and member is not getattr(Field, name, None)
    ]
    return " ".join(f"`{sign}`" for sign in (*compared, *methods) if sign)


def filters(resource: Description) -> Iterator[str]:
    """What its lists can be filtered and sorted by, and what they hide."""
    known = filter_fields(resource.name)
    if not known:
        return
    first = next(iter(resource.filters))
    yield from (
        "## Filters and sort orders",
        "",
        (
            f"They are attributes of `f = cliniko.{resource.name}.filters`, and [several mean "
            '"and"](../filters-and-paging.md#filters). Each can be sorted by: '
            f"`sort=f.{first}.desc()`. Without `sort=`, lists come in the order of creation."
        ),
        "",
    )
    yield from table(
        ("filter", "operators"),
        [
            (f"`{name}`", operators(known[name], tuple(signs)))
            for name, signs in resource.filters.items()
        ],
    )
    if resource.include:
        kinds = ", ".join(f'`"{word}"`' for word in resource.include)
        yield from (
            f"Lists and `get` leave out hidden records unless `include=` names them: {kinds}.",
            "",
        )


def errors(resource: Description, kind: Any) -> Iterator[str]:
    """What can go wrong, verb by verb."""
    told: dict[tuple[str, str], list[str]] = {}
    for verb in resource.verbs:
        said = RAISES.findall(
            (inspect.getdoc(getattr(kind, verb.name)) or "").partition("Raises:\n")[2]
        )
        for error, when in (*said, *GENERAL.get(verb.name, ())):
            told.setdefault((error, " ".join(when.split())), []).append(f"`{verb.name}`")
    yield from ("## Errors", "")
    yield from table(
        ("verb", "error", "when"),
        [
            (", ".join(dict.fromkeys(verbs)), f"[`{error}`][cliniko_async.errors.{error}]", when)
            for (error, when), verbs in told.items()
        ],
    )
    yield from (
        (
            "Beside these, any request can end in [another error](../reference/errors.md), "
            "such as `AuthenticationError`, `ForbiddenError`, `ServerError` or `TransportError`."
        ),
        "",
    )


def signatures(kind: Any, sets: Mapping[str, tuple[str, str, str]]) -> Iterator[str]:
    """The verbs in full, and what else can be imported from the resource's module."""
    module = found(kind).module
    public = set(module.exports or ()) - PARTS.keys() - sets.keys()
    yield from ("## In full", "")
    for name, member in module.members.items():
        if name in public and not member.is_alias:
            whole = member.path == path_of(kind)
            yield from (
                f"::: {member.path}",
                "    options:",
                "      heading_level: 3",
                *(("      merge_init_into_class: false",) if whole else NO_MEMBERS),
                "",
            )


def parts_page() -> Iterator[str]:
    """The classes that stand inside records."""
    yield from (
        "# Parts of records",
        "",
        (
            "Records hold these, and so do the fields of a `create` or `update`. There, a dict of "
            "a part's members does as well."
        ),
        "",
    )
    for kind in PARTS.values():
        yield from (
            f"::: {path_of(kind)}",
            "    options:",
            *NO_MEMBERS,
            "",
        )
        yield from table(("member", "type", ""), members_of(kind))
