"""The types of the facts, as JSON has them in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_of_type"]

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}


def is_of_type(kind: str, value: object) -> bool:
    """Whether a value is of a type of the facts; anything is, of a type that they do not name."""
    if isinstance(value, bool):  # to Python, it is an int as well
        return kind not in _TYPES or kind == "boolean"
    return kind not in _TYPES or isinstance(value, _TYPES[kind])
