"""The house: what imports what, what is public, and what is loaded when."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import cliniko_async

PACKAGE = Path(cliniko_async.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
)

FLOORS = [
    {"errors"},
    {"limits", "_models"},
    {"_query"},
    {"_http"},
    {"_lists", "_attachments"},
    {"_watch"},
    {"_verbs"},
    {"resources"},
    {"_client", "types"},
    {"export", "telemetry", "doctor"},
    {"mirror", "apply"},
    {"cli"},
    {"__main__"},
]
"""Imports go downwards only: a module may import from the floors before its own."""

ALONE = {"emulator"}
"""Parts that import from nowhere but themselves, so that they repeat nobody's mistakes."""


def room(module: str) -> str:
    parts = module.removeprefix("cliniko_async").lstrip(".").split(".")
    return parts[0] or "__init__"


def imports_of(module: str) -> set[str]:
    """The rooms that a module imports from when it is imported; not inside functions."""
    path = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cliniko_async"):
            inside = node.module == "cliniko_async"
            found |= {a.name for a in node.names} if inside else {room(node.module or "")}
        if isinstance(node, ast.Import):
            found |= {room(name.name) for name in node.names if "cliniko_async" in name.name}
    return found


def test_imports_go_downwards() -> None:
    floors = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    upwards: list[str] = []
    for module in MODULES:
        own = room(module)
        if own == "__init__":
            continue
        others = imports_of(module) - {own}
        assert own in floors or own in ALONE, f"{own} has no floor yet"
        below = {other for other in others if floors.get(other, -1) < floors.get(own, 0)}
        upwards += [f"{module} imports {other}" for other in others - below]
        upwards += [f"{module} imports {other}" for other in below if own in ALONE]
    assert not upwards


def test_every_room_says_what_belongs_there_and_hands_out_its_face() -> None:
    rooms = {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE, PACKAGE / "resources"}
    for found in rooms:
        lines = ast.parse((found / "__init__.py").read_text(encoding="utf-8"))
        assert "Not here: " in (ast.get_docstring(lines) or ""), found
        assert "__all__" in ast.unparse(lines), found


def test_every_public_name_is_there() -> None:
    for module in MODULES:
        if not module.endswith(("__main__", "__init__")):
            loaded = importlib.import_module(module)
            names = getattr(loaded, "__all__", ())
            assert [name for name in names if not hasattr(loaded, name)] == []


def test_a_name_that_the_package_does_not_have_is_an_error() -> None:
    with pytest.raises(AttributeError):
        _ = cliniko_async.Patent  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType] # that is the point


def test_every_record_model_can_be_imported_from_the_top() -> None:
    import cliniko_async.resources as resources  # noqa: PLC0415, PLR0402 - a namespace to walk

    for module in pkgutil.iter_modules(resources.__path__):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"{resources.__name__}.{module.name}")
        model = next(
            (getattr(v, "model", None) for v in vars(loaded).values() if hasattr(v, "path")), None
        )
        name = getattr(model, "__name__", "")
        if getattr(model, "__module__", "") == loaded.__name__:
            assert getattr(cliniko_async, name) is model


LOADED_LATER = ("httpx", "redis", "rich", "click", "pyarrow", "starlette", "dlt", "opentelemetry")


def test_importing_the_package_loads_nothing_that_is_used_later() -> None:
    code = (
        "import sys, cliniko_async; "
        f"print([n for n in {LOADED_LATER!r} if n in sys.modules], "
        "[n for n in sys.modules if n.startswith('cliniko_async.resources.')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own line
    assert run.stdout.strip() == "[] []"


def test_the_http_library_is_imported_in_one_place() -> None:
    importers = {
        module
        for module in MODULES
        if "import httpx"
        in "\n".join(
            ast.unparse(node)
            for node in ast.parse(
                (PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")).read_text()
            ).body
            if isinstance(node, ast.Import)
        )
    }
    assert importers <= {
        "cliniko_async._http.wire",
        "cliniko_async._http.file_host",
        "cliniko_async.limits.limited_transport",
        "cliniko_async._http.sent_request",
        "cliniko_async._http.transports",
        "cliniko_async.emulator.transport",
    }


def modules_imported_by(module: str) -> set[str]:
    """What a module imports of the package anywhere: when it is used, and for types, too."""
    names = {name.removesuffix(".__init__") for name in MODULES}
    path = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (members & names) or ({node.module} & names)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & names
    return found - {module.removesuffix(".__init__")}


@pytest.mark.parametrize("name", sorted({room(m) for m in MODULES} - {"__init__"}))
def test_no_two_modules_of_a_room_need_each_other(name: str) -> None:
    needs = {
        module.removesuffix(".__init__"): modules_imported_by(module)
        for module in MODULES
        if room(module) == name
    }
    # What needs nothing that is left goes first; whatever is left at the end is in a circle.
    while free := [module for module, others in needs.items() if not others & needs.keys()]:
        for module in free:
            del needs[module]
    assert not needs
