"""What the package says of itself, for the pages of the site: docstrings and the names of types."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

import attrs
import griffe

import cliniko_async
from cliniko_async import Model
from cliniko_async.cli.catalogue import resource_class, resource_names
from cliniko_async.cli.described import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT: Final = Path(__file__).parents[1]

package: Final = griffe.load("cliniko_async", search_paths=[str(ROOT)])


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A table without the columns that are empty; nothing if it has no rows."""
    listed = list(rows)
    if listed:
        kept = [i for i in range(len(head)) if i < 1 or any(cells[i] for cells in listed)]
        lines = [head, ("---",) * len(head), *listed]
        yield from (row(*(line[i] for i in kept)) for line in lines)
        yield ""


def found(kind: Any) -> griffe.Object:
    """What griffe knows of a class."""
    member = package[f"{kind.__module__.partition('.')[2]}.{kind.__qualname__}"]
    return member.final_target if isinstance(member, griffe.Alias) else member


def words_of_members(kind: Any) -> Mapping[str, str]:
    """What a class, or a dict with typed keys, says of each member in the docstring behind it."""
    words: dict[str, str] = {}
    for each in (*reversed(kind.__mro__[1:]), *getattr(kind, "__orig_bases__", ()), kind):
        if each is not kind and hasattr(each, "__required_keys__"):
            words |= words_of_members(each)
        elif getattr(each, "__module__", "").startswith("cliniko_async"):
            words |= {
                name: " ".join(member.docstring.value.split())
                for name, member in found(get_origin(each) or each).members.items()
                if isinstance(member, griffe.Attribute) and member.docstring
            }
    return words


def enumerations(kind: Any) -> Mapping[str, tuple[str, str, str]]:
    """The named sets of values that a class's members take.

    Returns:
        By the name of the set: where it stands, its values, and what its docstring says.
    """
    module = importlib.import_module(kind.__module__)
    texts = " ".join(
        str(member.annotation)
        for member in found(kind).all_members.values()
        if isinstance(member, griffe.Attribute)
    )
    sets: dict[str, tuple[str, str, str]] = {}
    for name in dict.fromkeys(re.findall(r"\b[A-Z]\w+\b", texts)):
        value = getattr(module, name, None)
        if get_origin(value) is Literal or any(get_origin(p) is Literal for p in get_args(value)):
            member = package[f"{kind.__module__.partition('.')[2]}.{name}"]
            said = " ".join(member.docstring.value.split()) if member.docstring else ""
            sets[name] = (member.canonical_path, words_of(value), said)
    return sets


def parts() -> dict[type[Model], None]:
    """The classes that stand inside records, in the order in which one comes upon them."""
    seen: dict[type[Model], None] = {}

    def look(hint: Any) -> None:
        for part in (*get_args(hint), *getattr(hint, "members", ())):
            look(part)
        if hasattr(hint, "members"):
            UNIONS[hint.__name__] = " | ".join(part.__name__ for part in hint.members)
        elif (
            isinstance(hint, type)
            and issubclass(hint, Model)
            and hint.__module__.startswith("cliniko_async.resources")
            and hint not in seen
        ):
            seen[hint] = None
            for name, member in get_type_hints(hint).items():
                if not name.startswith("_"):
                    look(member)

    records = [record for name in resource_names() for record in models(resource_class(name))]
    for record in records:
        look(record)
    return {kind: None for kind in seen if kind not in records}


def models(kind: Any) -> list[type]:
    """The classes of a resource's records."""
    return [m for m in getattr(kind.model, "members", (kind.model,)) if attrs.has(m)]


UNIONS: Final[dict[str, str]] = {}
"""The classes that a part may be of, by the name of their union."""

PARTS: Final = {part.__name__: part for part in parts()}
"""The classes that stand inside records, by their names."""

NAMED: Final = re.compile(rf"\b(?:{'|'.join((*UNIONS, *PARTS))})\b")


def linked(words: str, sets: Mapping[str, tuple[str, str, str]]) -> str:
    """A type in words, with the names of sets and of parts as links."""
    for name, (_, values, _) in sets.items():
        words = words.replace(values, f"[{name}](#enumerations)")
    words = NAMED.sub(lambda name: UNIONS.get(name[0], name[0]), words)
    return NAMED.sub(lambda name: f"[{name[0]}][{path_of(PARTS[name[0]])}]", words)


def path_of(kind: type) -> str:
    """Where a class stands."""
    return f"{kind.__module__}.{kind.__qualname__}"


def members_of(kind: Any) -> Iterator[tuple[str, str, str]]:
    """The members of a record's part: name, type and what is said of each."""
    words = words_of_members(kind)
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if not name.startswith("_"):
            yield f"`{name}`", linked(words_of(hint), {}), words.get(name, "")


def top_names() -> list[tuple[str, str]]:
    """What can be imported from the top: each name, and the canonical path of what it names."""
    return [
        (name, package[name].canonical_path)
        for name in cliniko_async.__all__
        if name in package.members
    ]
