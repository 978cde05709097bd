"""Texts and whole numbers as Python's own, of whatever class they were.

Programs keep them as members of enumerations, and numpy has texts of its own class. What the API
takes is the text or number in them.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["bare"]


def bare(value: Any) -> Any:
    """A text or a whole number as `str` or `int`; anything else as it is, True and False too."""
    if isinstance(value, Enum):
        value = value.value
    # Not str(value), which some classes make to say something else.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__index__(value)
    return value
