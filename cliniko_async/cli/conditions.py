"""Conditions as a person types them, `updated_at>=2026-01-01`, and the filters they stand for.

Operators are those of the API, kind by kind of field. A day stands for all of its moments in UTC:
`created_at<=2026-01-31` has the 31st in it.
"""

from __future__ import annotations

import operator
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cliniko_async._query import (
    ArrayField,
    BooleanField,
    DateField,
    DatePattern,
    DateTimeField,
    Field,
    Filter,
    IdField,
    IntegerField,
    StringField,
)
from cliniko_async.cli.catalogue import filter_fields, near
from cliniko_async.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["OPERATORS", "filter_of", "operators_of"]

_CONDITION: Final = re.compile(
    r"\s*(\w+)\s*:?\s*(!\?|\?|<=|>=|!=|==|=|<|>|~~|~)\s*(.*?)\s*", re.DOTALL
)
_DATE_PATTERN: Final = re.compile(r"(\d{4}|\*+)-(\d{2}|\*+)-(\d{2}|\*+)")

_ORDER: Final = ("=", "!=", "<", "<=", ">", ">=", "?", "!?")

OPERATORS: Final[Mapping[type[Field[Any]], Sequence[str]]] = {
    ArrayField: ("~",),
    BooleanField: ("=", "!="),
    DateField: tuple(sign for sign in _ORDER if sign != "!="),
    DateTimeField: ("<", "<=", ">", ">=", "?", "!?"),
    IdField: _ORDER,
    IntegerField: _ORDER,
    StringField: ("=", "!=", "~", "~~", "?", "!?"),
}
"""What can be asked of each kind of field. `?` has a value, `!?` has none, `~` contains, and `~~`
is like a pattern in which `%` stands for any text."""

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def operators_of(field: Field[Any]) -> Sequence[str]:
    """What can be asked of a field."""
    return OPERATORS[type(field)]


def filter_of(resource: str, condition: str) -> Filter[Any]:
    """The filter that a condition stands for.

    Raises:
        InvalidValueError: It has no such form, or names a field or an operator that there is not.
    """
    found = _CONDITION.fullmatch(condition)
    if found is None:
        raise InvalidValueError(
            "a condition is a field, an operator and a value, in quotes: 'last_name~son', "
            "'updated_at>=2026-01-01', 'email?' (has one), 'email!?' (has none)"
        )
    name, sign, text = found[1], found[2].replace("==", "="), found[3]
    fields = filter_fields(resource)
    if name not in fields:
        raise InvalidValueError(f"{resource} have no filter {name!r}: {near(name, fields)}")
    field = fields[name]
    if sign not in operators_of(field):
        raise InvalidValueError(f"{name} takes {' '.join(operators_of(field))}, not {sign}")
    if sign in ("?", "!?") and text:
        raise InvalidValueError(f"write '{name}{sign}', without a value")
    if sign in ("~", "~~") and not text:
        raise InvalidValueError(
            f"write what {name} contains, '{name}~son', or '{name}!?' for those that have none"
        )
    try:
        return _filter(field, sign, text)
    except InvalidTypeError as error:
        raise InvalidValueError(str(error)) from None


def _filter(field: Any, sign: str, text: str) -> Filter[Any]:
    match sign:
        case "?":
            return field.not_null()  # type: ignore[no-any-return] # filters make filters
        case "!?":
            return field.is_null()  # type: ignore[no-any-return] # likewise
        case "~":
            return field.contains(text)  # type: ignore[no-any-return] # likewise
        case "~~":
            return field.like(text)  # type: ignore[no-any-return] # likewise
        case _:
            return _compared(field, sign, text)


def _compared(field: Any, sign: str, text: str) -> Filter[Any]:
    if sign == "=" and "," in text and field.__class__ in (IdField, IntegerField):
        values: Any = [_value(field, part.strip()) for part in text.split(",")]
        return field.is_in(values)
    day = _day(text) if field.__class__ is DateTimeField else None
    if day is not None:
        return _on_days(field, sign, day)
    return _COMPARE[sign](field, _value(field, text))  # type: ignore[no-any-return] # likewise


def _on_days(field: DateTimeField[Any], sign: str, day: date) -> Filter[Any]:
    """A comparison with a whole day: behind it begins with the next one."""
    midnight = partial(datetime.combine, time=time(), tzinfo=UTC)
    if sign in ("<", ">="):
        return _COMPARE[sign](field, midnight(day))  # type: ignore[no-any-return] # likewise
    turned = {"<=": "<", ">": ">="}[sign]
    return _COMPARE[turned](field, midnight(day + timedelta(days=1)))  # type: ignore[no-any-return] # likewise


def _value(field: Field[Any], text: str) -> object:
    if isinstance(field, BooleanField):
        return _truth(field.name, text)
    if isinstance(field, IntegerField):
        return _whole(field.name, text)
    if isinstance(field, DateField):
        return _date(field.name, text)
    if isinstance(field, DateTimeField):
        return _moment(field.name, text)
    return text


def _truth(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidValueError(f"{name} is true or false")
    return text == "true"


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidValueError(f"{name} is a whole number") from None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _date(name: str, text: str) -> date | DatePattern:
    pattern = _DATE_PATTERN.fullmatch(text)
    if pattern and "*" in text:
        year, month, day = (int(part) if part.isdigit() else None for part in pattern.groups())
        return DatePattern(year=year, month=month, day=day)
    found = _day(text)
    if found is None:
        raise InvalidValueError(f"{name} is a date: 2026-05-31, or *-05-31 for any year")
    return found


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidValueError(
            f"{name} is a day in UTC (2026-05-31) or a moment with its zone: "
            "2026-05-31T09:30Z, 2026-05-31T19:30+10:00"
        )
    return moment
