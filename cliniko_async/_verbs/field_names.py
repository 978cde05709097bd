"""The names of a verb's fields in its docstring, where `help()` shows them.

A signature shows `**fields: Unpack[PatientFields]`, and `help()` does not follow that name.
"""

from __future__ import annotations

import sys
from textwrap import fill
from typing import Any, Final

__all__ = ["name_fields"]

VERBS: Final = ("create", "update")

INDENT: Final = " " * 8


def name_fields(resource: type) -> None:
    """Append the fields that a resource's own `create` and `update` take to their docstrings."""
    module = vars(sys.modules[resource.__module__])
    for verb in VERBS:
        method = vars(resource).get(verb)
        kind = str(getattr(method, "__annotations__", {}).get("fields", ""))
        fields = module.get(kind.removeprefix("Unpack[").removesuffix("]"))
        # Without docstrings (python -OO) there is nothing to append to.
        if method is not None and method.__doc__ and fields is not None:
            method.__doc__ = f"{method.__doc__.rstrip()}\n\n{_lines(fields)}\n"


def _lines(fields: Any) -> str:
    required = sorted(fields.__required_keys__)
    optional = sorted(fields.__optional_keys__)
    told = {"Required": required, "Fields": optional}
    return "\n\n".join(
        fill(f"{title}: {', '.join(names)}.", 88, initial_indent=INDENT, subsequent_indent=INDENT)
        for title, names in told.items()
        if names
    )
