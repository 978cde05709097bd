"""JSON of any kind, read with the standard library where numbers are larger than others take."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_json"]

MOST_DIGITS: Final = 4000
"""Digits of a whole number that Python reads as such."""


def read_json(
    raw: bytes | msgspec.Raw, decode: Callable[[bytes | msgspec.Raw], Any] = msgspec.json.decode
) -> Any:
    """A JSON value.

    Args:
        raw: Its bytes.
        decode: Reads what is usual.

    Raises:
        msgspec.DecodeError: It is not JSON.
    """
    try:
        return decode(raw)
    except msgspec.ValidationError:  # it is JSON, but some number in it is too large
        return json.loads(bytes(raw), parse_float=Decimal, parse_int=_whole)


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < MOST_DIGITS else Decimal(digits)
