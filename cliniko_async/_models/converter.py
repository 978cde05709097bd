"""JSON to models and back: the one place where raw JSON becomes typed, and the other way round.

cattrs, with strict hooks, says what is right. A good page takes a faster way, msgspec straight
into the same attrs classes; when that fails in any way, the page goes record by record through
cattrs, which names the path of what does not fit. The value itself is never named.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, Literal, Optional, TypeVar, Union, cast, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, override

from cliniko_async._models.empty_dates import without_empty_dates
from cliniko_async._models.large_numbers import read_json
from cliniko_async._models.links import Link, is_id
from cliniko_async._models.model import Id, Model, Moment, Whole, json_name
from cliniko_async._models.real_types import REAL_TYPES, hints_of
from cliniko_async.errors import DecodeError

__all__ = ["converter", "decode", "decode_rows"]

M = TypeVar("M", bound=Model)

Json = Any
Decoder = Callable[[bytes | msgspec.Raw], Any]

_KEY_IN_PATH: Final = re.compile(r"""\[['"].*['"]\]""")
"""A part of a path that is not a field's name: it came with the record."""

SCALARS: Final = (Moment, Decimal, Link)
"""What msgspec reads more freely than cattrs does, field by field."""


class _Misfit(ValueError):  # noqa: N818 - it never leaves this module
    """What is wrong with a value, without the value."""


def _expect(kind: type, value: Json) -> Any:
    # Not isinstance: True is an int, and a bool where a number should be is an error.
    if type(value) is not kind:
        raise _Misfit(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _to_id_text(value: Json, _: Any) -> str:
    # Old records and samples show ids as bare integers.
    return str(value) if type(value) is int else _expect(str, value)


def _to_whole(value: Json, _: Any) -> int:
    digits = isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if digits else _expect(int, value)


def _to_decimal(value: Json, _: Any) -> Decimal:
    if type(value) not in (str, int, float, Decimal):
        raise _Misfit(f"expected a decimal number, got {type(value).__name__}")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _Misfit("not a decimal number") from None
    if not number.is_finite():
        raise _Misfit("not a finite number")
    return number


def _to_moment(value: Json, _: Any) -> datetime:
    try:
        moment = REAL_TYPES["datetime"].fromisoformat(
            _expect(str, value).upper()
        )  # `t` and `z` are allowed
    except _Misfit:
        raise
    except ValueError:
        raise _Misfit("not a date-time") from None
    if moment.utcoffset() is None:
        raise _Misfit("a date-time without a time zone")
    return cast("datetime", moment.astimezone(UTC))


def _to_date(value: Json, _: Any) -> date:
    try:
        return cast("date", REAL_TYPES["date"].fromisoformat(_expect(str, value)))
    except _Misfit:
        raise
    except ValueError:
        raise _Misfit("not a date") from None


def _unless_empty(read: Callable[[Json, Any], Any]) -> Callable[[Json, Any], Any]:
    # All patients in the vendor's former documents have an empty text for some date.
    return lambda value, _: None if value in (None, "") else read(value, _)


def _to_object(value: Json, _: Any = None) -> dict[str, Json]:
    return cast("dict[str, Json]", _expect(dict, value))


def _to_link(value: Json, _: Any) -> Link:
    holder = _to_object(value)
    if "link" in holder and "links" not in holder:  # as the vendor's guides have it
        return Link(_expect(str, holder["link"]))
    inner = holder.get("links", holder)  # a record's own link has no holder around it
    return Link(_expect(str, _to_object(inner).get("self")))


def _to_optional_link(value: Json, _: Any) -> Link | None:
    # A relation that is not there is left out, null, or an empty object.
    if value is None or value in ({}, {"links": {}}, {"links": None}):
        return None
    return _to_link(value, _)


def _is_open_enumeration(kind: Any) -> bool:
    """Whether this is `Literal[...] | str`, or the same with numbers or None."""
    if get_origin(kind) not in (Union, types.UnionType):
        return False
    members = [m for m in get_args(kind) if m is not types.NoneType]
    return any(get_origin(m) is Literal for m in members) and (str in members or int in members)


def _open_enumeration(kind: Any) -> Callable[[Json, Any], Any]:
    members = get_args(kind)
    scalar: Any = str if str in members else int
    if types.NoneType in members:
        return lambda value, _: None if value is None else _expect(scalar, value)
    return lambda value, _: _expect(scalar, value)


def _strict_list(kind: Any, converter: cattrs.Converter) -> Callable[[Json, Any], Any]:
    structure = list_structure_factory(kind, converter)
    return lambda value, _: structure(_expect(list, value), kind)


def _strict_model(kind: type[Model], converter: cattrs.Converter) -> Callable[[Json, Any], Any]:
    renamed: Any = {f.name: override(rename=json_name(f)) for f in attrs.fields(kind)}
    structure = make_dict_structure_fn(kind, converter, _cattrs_detailed_validation=True, **renamed)
    return lambda value, _: structure(_to_object(value), kind)


def _is(kind: Any) -> Callable[[Any], bool]:
    return lambda other: bool(other == kind)


def _make_converter() -> cattrs.Converter:
    made = cattrs.Converter(detailed_validation=True)
    strict: dict[Any, Callable[[Json, Any], Any]] = {
        Id: _to_id_text,
        Moment: _to_moment,
        Whole: _to_whole,
        REAL_TYPES["date"]: _to_date,
        REAL_TYPES["datetime"]: _to_moment,
        Decimal: _to_decimal,
        Link: _to_link,
        Link | None: _to_optional_link,
        Optional[Moment]: _unless_empty(_to_moment),  # noqa: UP045 - `|` of it is Unknown to pyright
        REAL_TYPES["date"] | None: _unless_empty(_to_date),
        dict[str, Any]: _to_object,
    }
    for kind in (str, int, bool):
        made.register_structure_hook(kind, lambda value, kind: _expect(kind, value))
    for kind, hook in strict.items():
        made.register_structure_hook_func(_is(kind), hook)
    made.register_structure_hook_factory(_is_open_enumeration, _open_enumeration)
    made.register_structure_hook_factory(_is_list, _strict_list)
    made.register_structure_hook_factory(_is_model, _strict_model)
    return made


def _is_list(kind: Any) -> bool:
    return bool(get_origin(kind) is list)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model) and attrs.has(kind)


converter: Final[cattrs.Converter] = _make_converter()


def _hook(kind: Any, value: Json) -> Any:
    fast: Callable[[Json], Any] | None = getattr(kind, "read_fast", None)
    return fast(value) if fast else converter.structure(value, kind)


@cache
def fast_reader(kind: Any) -> Callable[[dict[str, Json]], Any]:
    """What makes a model of a JSON object that is parsed already, or raises any error."""
    if not _is_plain(kind):
        return lambda value: converter.structure(value, kind)
    convert = partial(msgspec.convert, type=kind, dec_hook=_hook)
    is_sound = _soundness(kind)
    if is_sound is None:
        return convert

    def read(value: dict[str, Json]) -> Any:
        record = convert(value)
        return record if is_sound(record) else converter.structure(value, kind)

    return read


@cache
def _fast_decoder(kind: Any) -> Decoder | None:
    """A decoder for a model or a list of it, if msgspec has one that reads every field."""
    if not _is_plain(kind):
        return None
    try:
        return msgspec.json.Decoder(kind, dec_hook=_hook).decode
    except TypeError:  # a union that msgspec does not take
        return None


def _is_plain(kind: Any, *, nested: bool = False) -> bool:
    """Whether msgspec reads this as cattrs does.

    It cannot rename the fields of attrs classes, and it takes offsets, NaN and relations that lead
    nowhere, which `_is_sound` looks for in the fields of a record, but not deeper.
    """
    if nested and kind in SCALARS:
        return False
    if not (isinstance(kind, type) and attrs.has(kind)):
        return all(_is_plain(part, nested=nested) for part in get_args(kind) if part is not kind)
    hints = hints_of(kind)
    inside = {n: h for n, h in hints.items() if nested or not _is_scalar(h)}
    return all(json_name(f) == f.name for f in attrs.fields(kind)) and all(
        _is_plain(hint, nested=True) for hint in inside.values()
    )


def _is_scalar(hint: Any) -> bool:
    return any(kind == hint or kind in get_args(hint) for kind in SCALARS)


@cache
def _getter(model: Any, kind: Any) -> Callable[[Any], Sequence[Any]] | None:
    """What reads all fields of this kind off a record."""
    hints = hints_of(model)
    names = [name for name, hint in hints.items() if kind == hint or kind in get_args(hint)]
    if len(names) < 2:  # noqa: PLR2004 - attrgetter gives a tuple only for two names or more
        return (lambda record: (getattr(record, names[0]),)) if names else None
    return attrgetter(*names)


@cache
def _soundness(model: Any) -> Callable[[Any], bool] | None:
    """What tells whether all of a record is as cattrs has it; None if nothing else can be.

    That is: date-times in UTC, finite numbers, and links that lead on.
    """
    moments, numbers, links = (_getter(model, kind) for kind in SCALARS)
    if not (moments or numbers or links):
        return None

    def is_sound(record: Any) -> bool:
        if links:
            for link in links(record):
                # Not its `url`: this is asked of every relation of every record.
                if link is not None and not (link._links or link._own or link._flat):  # noqa: SLF001 # of this room
                    return False
        if moments:
            for moment in moments(record):
                if moment is not None and moment.tzinfo is not UTC:
                    return False
        return not numbers or all(n is None or n.is_finite() for n in numbers(record))

    return is_sound


def _is_sound(model: Any, records: Sequence[Any]) -> bool:
    is_sound = _soundness(model)
    return is_sound is None or all(map(is_sound, records))


def decode(model: type[M], raw: bytes | msgspec.Raw) -> M | DecodeError:
    """One record, or the error that says why it does not fit the model.

    Errors are returned, so that they are raised in a frame that holds no raw record.
    """
    record = _decode_fast(model, raw)
    if record is not None and _is_sound(model, [record]):
        return record  # type: ignore[no-any-return] # the decoder was made for this model
    return _decode_with_care(model, raw)


def decode_rows(model: type[M], rows: bytes | msgspec.Raw) -> Sequence[M | DecodeError]:
    """The records of a page, each either decoded or the error that says why not."""
    kind: Any = model
    records = _decode_fast(_list_of(kind), rows)
    if records is not None and _is_sound(model, records):
        return records  # type: ignore[no-any-return] # likewise
    raws = msgspec.json.decode(rows, type=list[msgspec.Raw])
    return [_decode_with_care(model, raw) for raw in raws]


@cache
def _list_of(model: Any) -> Any:
    return list[model]


def _decode_fast(kind: Any, raw: bytes | msgspec.Raw) -> Any:
    decoder = _fast_decoder(kind)
    if decoder is None:
        return None
    try:
        return decoder(raw)
    except Exception:  # noqa: BLE001 - whatever it is, the careful way finds out and says it
        again = without_empty_dates(kind, raw)
    return None if again is None else _decode_fast(kind, again)


def _decode_with_care(model: type[M], raw: bytes | msgspec.Raw) -> M | DecodeError:
    value: Json = read_json(raw)
    try:
        return converter.structure(value, model)
    except Exception as error:  # noqa: BLE001 - cattrs raises groups, and hooks what they find
        found = cattrs.transform_error(error, format_exception=_describe)
    problems = tuple(_KEY_IN_PATH.sub("[...]", problem) for problem in found)
    record_id = value.get("id") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # JSON of any shape
    shown = str(record_id) if isinstance(record_id, str | int) else None  # pyright: ignore[reportUnknownArgumentType] # likewise
    return DecodeError(
        f"{_named(model, shown)} does not fit the model: " + "; ".join(problems),
        resource=model.__name__,
        id=shown,
        problems=problems,
    )


def _named(model: type[Model], id: str | None) -> str:
    """The record, to be found by; not a text that stands where its id should."""
    return f"{model.__name__} {id}" if id and is_id(id) else model.__name__


def _describe(error: BaseException, kind: type | None) -> str:
    """What is wrong, in words without a value: only our own errors are quoted."""
    if isinstance(error, _Misfit):
        return str(error)
    if isinstance(error, KeyError):
        return "missing"
    return f"does not fit {getattr(kind, '__name__', kind)}"
