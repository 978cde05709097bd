"""The public surface: whatever a signature shows can be imported without an underscore."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import typing
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import cliniko_async

if typing.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

WITHIN = {
    "Links": "how a list that may come as an object is read; to checkers it is a list of Link",
    "Lazy": "a descriptor: on a session it is the resource, on the class its class",
}
"""Classes that hints show and nobody names."""

APART = ("cliniko_async.cli", "cliniko_async.__main__")
"""Modules that are programs and no library."""


def public_modules() -> Iterator[ModuleType]:
    """All modules that can be named without an underscore."""
    yield cliniko_async
    for found in pkgutil.walk_packages(cliniko_async.__path__, "cliniko_async."):
        private = any(part.startswith("_") for part in found.name.split(".")[1:])
        if not private and not found.name.startswith(APART):
            yield importlib.import_module(found.name)


@cache
def names_in(module: str) -> dict[str, Any]:
    """What a module's annotations can name: that which it imports for checkers alone as well."""
    loaded = importlib.import_module(module)
    names = {**vars(typing), **vars(loaded)}
    lines = ast.parse(Path(str(loaded.__file__)).read_text(encoding="utf-8")).body
    for block in lines:
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test):
            for line in block.body:
                read(line, names)
    return names


def read(line: ast.stmt, names: dict[str, Any]) -> None:
    """Run a line that is for checkers alone."""
    if isinstance(line, ast.ImportFrom) and str(line.module).startswith("cliniko_async"):
        known = names_in(str(line.module))  # the name may be there for checkers alone, too
        names |= {alias.asname or alias.name: known[alias.name] for alias in line.names}
    else:
        exec(compile(ast.Module([line], []), "lines", "exec"), names)  # noqa: S102 - our own


def hints_of(thing: Any) -> dict[str, Any]:
    """A function's hints, or a class's own without those of its bases."""
    names = names_in(thing.__module__)
    if inspect.isclass(thing):
        thing = type(
            thing.__name__, (), {"__annotations__": vars(thing).get("__annotations__", {})}
        )
    return get_type_hints(thing, names, names)


def parts_of(hint: Any) -> Iterator[type]:
    """All classes in a hint."""
    if isinstance(hint, list | tuple):
        for part in hint:  # pyright: ignore[reportUnknownVariableType] # of a Callable
            yield from parts_of(part)
        return
    for part in get_args(hint):
        yield from parts_of(part)
    found = get_origin(hint) or hint
    if isinstance(found, type) and found.__module__.startswith("cliniko_async"):
        yield found


def signatures(name: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """A public name's hints: of a function, or of a class's attributes and methods."""
    if inspect.isfunction(thing):
        yield from ((f"{name}()", hint) for hint in hints_of(thing).values())
    if not inspect.isclass(thing):
        return
    for each in thing.__mro__:
        if not each.__module__.startswith("cliniko_async"):
            continue
        shown = (pair for pair in hints_of(each).items() if not pair[0].startswith("_"))
        yield from ((f"{name}.{attribute}", hint) for attribute, hint in shown)
        for member, value in vars(each).items():
            function = value.fget if isinstance(value, property) else value
            function = getattr(function, "__func__", function)
            if inspect.isfunction(function) and not member.startswith("_"):
                yield from ((f"{name}.{member}", hint) for hint in hints_of(function).values())


def test_every_type_of_a_public_signature_can_be_imported_without_an_underscore() -> None:
    modules = list(public_modules())
    named = [(m, name) for m in modules for name in getattr(m, "__all__", ())]
    public = {id(getattr(module, name)) for module, name in named}
    missing = {
        f"{part.__module__}.{part.__qualname__} in {where}"
        for module, name in named
        for where, hint in signatures(f"{module.__name__}.{name}", getattr(module, name))
        for part in parts_of(hint)
        if id(part) not in public and part.__name__ not in WITHIN
    }
    assert sorted(missing) == []


def test_whatever_is_named_at_the_top_is_there_and_listed() -> None:
    listed = dir(cliniko_async)
    for name in cliniko_async.__all__:
        assert getattr(cliniko_async, name) is not None
        assert name in listed
