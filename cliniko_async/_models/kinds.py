"""Kinds of values that can be written: what fits, how it stands in JSON, and what to write instead.

A kind checks a value that a program passes, and makes JSON of it; or it reads a value out of JSON
that came from elsewhere. Each problem is one line that names the path, never the value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from cliniko_async._models.bare_values import bare
from cliniko_async._models.links import Link, is_id, to_id
from cliniko_async._models.moments import utc_text
from cliniko_async._models.real_types import REAL_TYPES
from cliniko_async.errors import ClinikoError

if TYPE_CHECKING:
    from datetime import date, datetime

    from cliniko_async._models.bounds import Bound

__all__ = [
    "BOOL",
    "DATE",
    "DECIMAL",
    "INTEGER",
    "MOMENT",
    "NUMBER",
    "REF",
    "TEXT",
    "Choice",
    "Kind",
    "ListOf",
    "OrNone",
    "Problems",
    "Scalar",
    "bounded",
    "is_a",
    "ref_to",
    "shown",
]

Json = Any
Problems = list[str]
"""One line for each problem: the path of what is wrong, and what to write."""

MISSING: Final = frozenset({"NaTType", "NAType"})
"""What pandas puts where nothing is."""

MOST_DIGITS: Final = 30
"""More than any amount of money or quantity has, and than a quotient has in Python."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,49}")


class Kind(Protocol):
    """A kind of value."""

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        ...

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The value that JSON stands for. What is such a value already is left as it is."""
        ...


class _Unfit(Exception):  # noqa: N818 - it never leaves this module
    """What is wrong with a value, without the value."""


def shown(name: object) -> str:
    """A member's name, unless it may be something else that was put in its place."""
    return bare(name) if isinstance(name, str) and _NAME.fullmatch(name) else "[...]"


def is_a(value: object, *kinds: type) -> bool:
    """As `isinstance`, but to a type checker the value stays what it was: any JSON."""
    return isinstance(value, kinds)


def _is_missing(value: object) -> bool:
    if type(value).__name__ in MISSING:
        return True
    return isinstance(value, float) and math.isnan(value)


@attrs.frozen
class Scalar:
    """A value without parts.

    Attributes:
        what: In words, for messages.
        sample: What to write in a program.
        json: What to write in JSON, in words.
        encode: Makes JSON of a value that fits, and raises for others.
        decode: Makes a value of JSON, or raises.
        instead: For types that people pass by mistake: what to write instead.
    """

    what: str
    sample: str
    json: str
    encode: Callable[[Any], Json]
    decode: Callable[[Json], Any]
    instead: Callable[[Any], str | None] = lambda _: None

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        try:
            return self.encode(value)
        except TypeError:
            problems.append(f"{path} is {self.what}, {self._otherwise(value)}")
        except (_Unfit, ClinikoError) as error:
            problems.append(f"{path}: {error}")
        return None

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The value that JSON stands for."""
        try:
            found = self.decode(value)
            self.encode(found)
        except (TypeError, ValueError, InvalidOperation) as error:
            said = f": {error}" if isinstance(error, ClinikoError) else f" takes {self.json}"
            problems.append(f"{path}{said}")
        except _Unfit as error:
            problems.append(f"{path}: {error}")
        else:
            return found
        return None

    def _otherwise(self, value: Any) -> str:
        name = type(value).__name__
        if _is_missing(value):
            return f"not a missing value ({name}): leave it out, or write None where it can be none"
        if value is None:
            return "not None: leave it out instead"
        if type(value).__module__ == "numpy":
            return f"not numpy.{name}: write value.item() to begin with"
        return f"not {name}: write {self.instead(value) or self.sample}"


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def bounded(kind: Scalar, bounds: Sequence[Bound]) -> Scalar:
    """A kind that takes no more than what is within all of these bounds."""

    def encode(value: Any) -> Json:
        sent = kind.encode(value)
        for bound in bounds:
            if wrong := bound.wrong(sent):
                raise _Unfit(wrong)
        return sent

    return attrs.evolve(kind, encode=encode)


def _text(value: Any) -> str:
    text = bare(value)
    if not isinstance(text, str):
        raise TypeError
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _Unfit("this text has a lone surrogate in it, so it is not Unicode")
    return text


def _same(value: Any) -> Any:
    return value


def _date_text(value: Any) -> str:
    if not isinstance(value, REAL_TYPES["date"]) or isinstance(value, REAL_TYPES["datetime"]):
        raise TypeError
    day: date = value
    return day.isoformat()


def _to_date(value: Json) -> Any:
    return REAL_TYPES["date"].fromisoformat(value) if _is_day(value) else value


def _is_day(value: Json) -> bool:
    # Python reads `20260531` and `2026-W22-7`, too; the API does not.
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


def _instead_of_date(value: Any) -> str | None:
    return (
        "value.date(), or date(2026, 5, 31)" if isinstance(value, REAL_TYPES["datetime"]) else None
    )


def _moment_text(value: Any) -> str:
    if not isinstance(value, REAL_TYPES["datetime"]) or _is_missing(value):
        raise TypeError
    moment: datetime = value
    return utc_text(moment)


def _to_moment(value: Json) -> Any:
    if not isinstance(value, str):
        return value
    moment: datetime = REAL_TYPES["datetime"].fromisoformat(value.upper())
    if moment.utcoffset() is None:
        raise _Unfit('it has no time zone: write "2026-05-31T09:30:00Z", or +10:00 in place of Z')
    return moment


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, Decimal):
        raise TypeError
    if not value.is_finite():
        raise _Unfit("a number must be finite")
    if max(len(value.as_tuple().digits), abs(value.adjusted())) > MOST_DIGITS:
        raise _Unfit("this number has too many digits: round it, to 10.50 for example")
    return value


def _whole(value: Any) -> int:
    number = bare(value)
    if type(number) is not int:
        raise TypeError
    if abs(number) >= 1 << 63:
        raise _Unfit("this number is too large")
    return number


def _number(value: Any) -> float:
    return float(_decimal(value))


def _to_decimal(value: Json) -> Any:
    # Python reads `1_000` and the digits of all scripts, too.
    is_text = isinstance(value, str) and _NUMBER.fullmatch(value.strip())
    return Decimal(str(value)) if is_text or type(value) in (int, float) else value


def _to_ref(value: Json) -> Any:
    # Records and senders of JSON may have ids as numbers.
    text = str(value) if type(value) is int else value
    if isinstance(text, str) and not is_id(text):
        raise _Unfit('an id is a text of up to 20 digits, such as "123"')
    return text


def _id_text(value: Any, resource: str | None = None) -> str:
    ref = bare(value)
    if not isinstance(ref, str | Link):
        raise TypeError
    return to_id(ref, resource)


def ref_to(resource: str | None) -> Scalar:
    """The kind of an id, or of a link that leads to this resource, if one is named."""
    return attrs.evolve(REF, encode=partial(_id_text, resource=resource))


def _instead_of_record(value: Any) -> str | None:
    return "record.id" if hasattr(value, "id") else None


TEXT: Final = Scalar(
    what="a text", sample="str(value)", json='a text, such as "abc"', encode=_text, decode=_same
)
BOOL: Final = Scalar(
    what="True or False",
    sample="True or False",
    json="true or false",
    encode=_flag,
    decode=_same,
)
INTEGER: Final = Scalar(
    what="a whole number",
    sample="int(value)",
    json="a whole number, such as 5",
    encode=_whole,
    decode=_same,
)
DECIMAL: Final = Scalar(
    what="a Decimal",
    sample="Decimal('10.5')",
    json='a number, such as "10.5"',
    encode=lambda value: f"{_decimal(value):f}",
    decode=_to_decimal,
)
NUMBER: Final = attrs.evolve(DECIMAL, encode=_number)
"""A Decimal that the API takes as a JSON number."""
DATE: Final = Scalar(
    what="a date",
    sample="date(2026, 5, 31)",
    json='a date, such as "2026-05-31"',
    encode=_date_text,
    decode=_to_date,
    instead=_instead_of_date,
)
MOMENT: Final = Scalar(
    what="a date-time",
    sample="datetime(2026, 5, 31, 9, 30, tzinfo=UTC)",
    json='a date-time, such as "2026-05-31T09:30:00Z"',
    encode=_moment_text,
    decode=_to_moment,
)
REF: Final = Scalar(
    what="an id of digits or a Link",
    sample="'123'",
    json='an id, such as "123"',
    encode=_id_text,
    decode=_to_ref,
    instead=_instead_of_record,
)


@attrs.frozen
class Choice:
    """One of a few values that the API documents."""

    values: Sequence[str | int]

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        return self._choose(value, path, problems, repr)

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The value that JSON stands for."""
        return self._choose(value, path, problems, json.dumps)

    def _choose(
        self, value: Any, path: str, problems: Problems, words: Callable[[Any], str]
    ) -> Any:
        plain = bare(value)
        if any(type(plain) is type(known) and plain == known for known in self.values):
            return plain
        problems.append(f"{path} takes one of {', '.join(map(words, self.values))}")
        return None


@attrs.frozen
class OrNone:
    """A value, or None."""

    kind: Kind

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        return None if value is None else self.kind.write(value, path, problems)

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The value that JSON stands for. Forms send an empty text where there is no date."""
        empty = value == "" and self.kind in (DATE, MOMENT)
        return None if value is None or empty else self.kind.read(value, path, problems)


@attrs.frozen
class ListOf:
    """Several values of one kind."""

    kind: Kind

    def write(self, value: Any, path: str, problems: Problems) -> Json:
        """The JSON of a value."""
        if not _is_list(value):
            problems.append(f"{path} is a list, not {type(value).__name__}: write [...]")
            return None
        return [self.kind.write(part, f"{path}[{n}]", problems) for n, part in enumerate(value)]

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The value that JSON stands for."""
        if not _is_list(value):
            problems.append(f"{path} takes a list")
            return None
        return [self.kind.read(part, f"{path}[{n}]", problems) for n, part in enumerate(value)]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
