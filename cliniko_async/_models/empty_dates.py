"""Empty texts where a date could be: what the API's older answers have in place of null."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import attrs
import msgspec

from cliniko_async._models.model import Moment, json_name
from cliniko_async._models.real_types import REAL_TYPES, hints_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decode_dates", "without_empty_dates"]

T = TypeVar("T")


def decode_dates(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw) -> T:
    """Decode JSON in which an empty text may stand for null where a date could be.

    Raises:
        msgspec.ValidationError: It does not fit all the same.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        again = without_empty_dates(decoder.type, raw)
        if again is None:
            raise
    return decoder.decode(again)


def without_empty_dates(kind: Any, raw: bytes | msgspec.Raw) -> bytes | None:
    """JSON of records with null in place of each empty date; None if there is none.

    Args:
        kind: The records' model or struct, or a list of it.
        raw: The JSON.
    """
    empty = _empty_dates(kind)
    found, count = empty.subn(rb"\1null", bytes(raw)) if empty else (b"", 0)
    return found if count else None


@cache
def _empty_dates(kind: Any) -> re.Pattern[bytes] | None:
    """What finds them. A quoted name before a colon is not inside a text: quotes are escaped."""
    record = next(iter(get_args(kind)), kind)
    dates = {REAL_TYPES["date"], Moment}
    names = [re.escape(n) for n, hint in _members(record).items() if dates & set(get_args(hint))]
    pattern = rf'("(?:{"|".join(names)})"\s*:\s*)""'
    return re.compile(pattern.encode()) if names else None


def _members(record: Any) -> Mapping[str, Any]:
    """The members of a record's JSON object, with what they are."""
    if hasattr(record, "__struct_fields__"):
        return {field.encode_name: field.type for field in msgspec.structs.fields(record)}
    if not attrs.has(record):
        return {}
    hints = hints_of(record)
    return {json_name(field): hints[field.name] for field in attrs.fields(record)}
