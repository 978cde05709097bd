"""What a list is sorted by, and which fields that can be.

The API documents nowhere by which fields it sorts. It cannot sort by what its records do not have
at all, nor by an object or a link to a list.
"""

from __future__ import annotations

import difflib
import re
import types
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import attrs

from cliniko_async._models.bare_values import bare
from cliniko_async._models.kinds import shown
from cliniko_async._models.model import Unknown, json_name
from cliniko_async._models.plain import is_to_many, relations
from cliniko_async._models.real_types import REAL_TYPES, hints_of
from cliniko_async._query.fields import Field, Owner, Sort
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SortBy", "sort_text", "sortable"]

SortBy = Field[Owner] | Sort[Owner] | tuple[Field[Owner] | Sort[Owner], ...] | str
"""What `sort=` takes: a field, a direction, several of them, or the API's own text."""

HOW: Final = "write sort='field', 'field:desc' or 'field,field:desc'"

_SORT: Final = re.compile(r"[a-z][a-z0-9_]*(:(asc|desc))?(,[a-z][a-z0-9_]*(:(asc|desc))?)*")

_SCALARS: Final = frozenset(
    {str, int, bool, Decimal, REAL_TYPES["date"], REAL_TYPES["datetime"], types.NoneType}
)


@cache
def sortable(model: Any) -> frozenset[str]:
    """The fields of a model that a list of such records may be sorted by, in the API's words."""
    names: set[str] = set()
    for member in getattr(model, "members", (model,)):
        if member is Unknown:
            continue
        hints = hints_of(member)
        names.update(json_name(f) for f in attrs.fields(member) if _is_scalar(hints[f.name]))
        names.update(name for name in relations(member).values() if not is_to_many(name))
    return frozenset(names)


def _is_scalar(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return all(map(_is_scalar, get_args(hint)))
    if origin is Annotated:
        return _is_scalar(get_args(hint)[0])
    return origin is Literal or hint in _SCALARS


def sort_text(sort: SortBy[Any], known: frozenset[str]) -> str:
    """The value of the `sort` parameter.

    Args:
        sort: What the caller asks for.
        known: The fields that the list may be sorted by.

    Raises:
        InvalidTypeError: The value is not one that `sort=` takes.
        InvalidValueError: The text does not have the form `field:desc,field`, or there is no such
            field to sort by.
    """
    text = _text(sort)
    if not _SORT.fullmatch(text):
        is_minus = text.startswith("-") and _SORT.fullmatch(text[1:])
        raise InvalidValueError(f"{HOW}: there is no minus" if is_minus else HOW)
    for part in text.split(","):
        name = part.partition(":")[0]
        if name not in known:
            raise InvalidValueError(
                f"the list cannot be sorted by {shown(name)}: {_hint(name, known)}"
            )
    return text


def _text(sort: SortBy[Any]) -> str:
    if isinstance(sort, str):
        return str(bare(sort))
    if isinstance(sort, Sort):
        return sort.text
    if isinstance(sort, Field):
        return sort.name
    if isinstance(sort, tuple) and sort:  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        return ",".join(map(_text, sort))
    raise InvalidTypeError("sort= takes a field, .asc(), .desc(), a tuple of them, or a text")


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}"
