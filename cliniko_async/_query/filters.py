"""Filters and sort orders, typed by resource and by kind of field, and their query strings.

Operators are those of the API's documentation, kind by kind: a date-time has no `=`, only
numbers take lists. Several filters mean "and"; the API has no "or".
"""

from __future__ import annotations

import difflib
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NoReturn, TypeVar

from typing_extensions import TypeVar as DefaultTypeVar

from cliniko_async._models.links import Link, Ref, to_id
from cliniko_async._models.moments import utc_text
from cliniko_async._query.query_string import DatePattern, checked_text
from cliniko_async.errors import InvalidTypeError, InvalidValueError, expect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ArrayField",
    "BooleanField",
    "DateField",
    "DateTimeField",
    "Field",
    "Filter",
    "Filters",
    "IdField",
    "IntegerField",
    "NoFilters",
    "Sort",
    "SortBy",
    "StringField",
    "sort_text",
]

Owner = DefaultTypeVar("Owner", default=Any)  # the Filters class that a field belongs to
P = TypeVar("P")
V = TypeVar("V")

_SORT: Final = re.compile(r"[a-z][a-z0-9_]*(:(asc|desc))?(,[a-z][a-z0-9_]*(:(asc|desc))?)*")


class Filter(Generic[Owner]):
    """A condition on one field. Its repr shows the field and hides the value."""

    __slots__ = ("_condition", "field")

    def __init__(self, field: str, condition: str) -> None:
        self.field: str = field
        self._condition: str = condition

    @property
    def text(self) -> str:
        """The value of the `q[]` parameter, not yet percent-encoded."""
        return f"{self.field}:{self._condition}"

    def __bool__(self) -> NoReturn:
        raise InvalidTypeError(
            "a filter is not a bool. Instead of lo <= f.x < hi write two filters: f.x >= lo, "
            "f.x < hi. Instead of 'a and b' write a, b. Instead of 'not' write the opposite "
            "operator. The API has no 'or': list twice."
        )

    def __repr__(self) -> str:
        return f"<Filter on {self.field}>"


class Sort(Generic[Owner]):
    """A field and a direction to sort by."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: str = text

    def __repr__(self) -> str:
        return f"<Sort by {self.text}>"


class Field(Generic[Owner]):
    """A field that a list can be filtered and sorted by."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name: str = name

    def asc(self) -> Sort[Owner]:
        """Sort by this field, smallest first."""
        return Sort(self.name)

    def desc(self) -> Sort[Owner]:
        """Sort by this field, largest first."""
        return Sort(f"{self.name}:desc")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class _Nullable(Field[Owner]):
    __slots__ = ()

    def is_null(self) -> Filter[Owner]:
        """Keep records without a value here."""
        return Filter(self.name, "!?")

    def not_null(self) -> Filter[Owner]:
        """Keep records with a value here."""
        return Filter(self.name, "?")


class _Ordered(_Nullable[Owner], Generic[V, Owner]):
    __slots__ = ()

    def _text(self, value: V) -> str:
        raise NotImplementedError

    def __lt__(self, value: V) -> Filter[Owner]:
        return Filter(self.name, "<" + self._text(value))

    def __le__(self, value: V) -> Filter[Owner]:
        return Filter(self.name, "<=" + self._text(value))

    def __gt__(self, value: V) -> Filter[Owner]:
        return Filter(self.name, ">" + self._text(value))

    def __ge__(self, value: V) -> Filter[Owner]:
        return Filter(self.name, ">=" + self._text(value))


# A comparison here makes a filter, which is not what `object` promises of == and !=; each pair of
# ignores below is for that alone.


class IntegerField(_Ordered[int, Owner]):
    """A whole number."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> IntegerField[P]: ...

    def _text(self, value: int) -> str:
        expect(value, int, f"{self.name} is a number, not {type(value).__name__}")
        return str(value)

    def __eq__(self, value: int) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: int) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))

    def is_in(self, values: Iterable[int]) -> Filter[Owner]:
        """Keep records with one of these values."""
        return Filter(self.name, "=" + _comma_list(self.name, map(self._text, values)))


class IdField(_Ordered[Ref, Owner]):
    """The id of the record, or of one that it is related to: a string of digits, or a link."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> IdField[P]: ...

    def _text(self, value: Ref) -> str:
        return to_id(value)

    def __eq__(self, value: Ref) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: Ref) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))

    def is_in(self, values: Iterable[Ref]) -> Filter[Owner]:
        """Keep records with one of these ids."""
        if isinstance(values, (str, Link)):
            raise InvalidTypeError(f"{self.name}.is_in takes several ids: write [id]")
        return Filter(self.name, "=" + _comma_list(self.name, map(self._text, values)))


class StringField(_Nullable[Owner]):
    """A text."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> StringField[P]: ...

    def _text(self, value: str) -> str:
        expect(value, str, f"{self.name} is a text, not {type(value).__name__}")
        return checked_text(value)

    def __eq__(self, value: str) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: str) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))

    def contains(self, part: str) -> Filter[Owner]:
        """Keep records that hold this text somewhere in the field."""
        if not self._text(part).startswith("~"):
            return Filter(self.name, "~" + part)
        if "%" in part:
            raise InvalidValueError("the API cannot look for a text with ~ in front and a % in it")
        return Filter(self.name, f"~~%{part}%")  # two of ~ are another operator

    def like(self, pattern: str) -> Filter[Owner]:
        """Keep records that match this pattern, in which `%` stands for any text."""
        return Filter(self.name, "~~" + self._text(pattern))


class BooleanField(Field[Owner]):
    """True or false."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> BooleanField[P]: ...

    def _text(self, value: bool) -> str:  # noqa: FBT001 - the value compared with
        expect(value, bool, f"{self.name} is True or False, not {type(value).__name__}")
        return str(value).lower()

    def __eq__(self, value: bool) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: bool) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))


class DateField(_Ordered[date, Owner]):
    """A calendar date, without a time."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> DateField[P]: ...

    def _text(self, value: date) -> str:
        kind = type(value).__name__
        expect(value, date, f"{self.name} is a date, not {kind}: write date(2026, 5, 31)")
        return value.isoformat()

    def __eq__(self, value: date | DatePattern) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        text = value.text if isinstance(value, DatePattern) else self._text(value)
        return Filter(self.name, "=" + text)

    def __ne__(self, value: object) -> bool:
        raise InvalidTypeError(f"the API has no != for dates: filter {self.name} with < and >")


class DateTimeField(_Ordered[datetime, Owner]):
    """A moment. The API knows whole seconds: a fraction is rounded so that nothing is left out."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> DateTimeField[P]: ...

    def _text(self, value: datetime) -> str:
        kind = type(value).__name__
        how = "write datetime(2026, 5, 31, tzinfo=UTC)"
        expect(value, datetime, f"{self.name} is a date-time, not {kind}: {how}")
        return utc_text(value)

    def __lt__(self, value: datetime) -> Filter[Owner]:
        return Filter(self.name, "<" + self._end(value))

    def __le__(self, value: datetime) -> Filter[Owner]:
        return Filter(self.name, "<=" + self._end(value))

    def _end(self, value: datetime) -> str:
        self._text(value)
        return utc_text(value, round_up=True)

    def any(self) -> Filter[Owner]:
        """Keep records with any value here and with none, hidden ones too.

        On `archived_at`, `cancelled_at` and `deleted_at` this is what `include=` sends.
        """
        return Filter(self.name, "*")

    def __eq__(self, value: object) -> bool:
        raise InvalidTypeError(
            f"the API has no == for date-times: write f.{self.name} >= t, f.{self.name} <= t"
        )

    def __ne__(self, value: object) -> bool:
        raise InvalidTypeError(
            f"the API has no != for date-times: write f.{self.name} < t or f.{self.name} > t"
        )


class ArrayField(Field[Owner]):
    """A list of ids."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> ArrayField[P]: ...

    def contains(self, value: Ref) -> Filter[Owner]:
        """Keep records whose list holds this id."""
        return Filter(self.name, "~" + to_id(value))

    def __eq__(self, value: object) -> bool:
        raise InvalidTypeError(f"{self.name} is a list: write f.{self.name}.contains(id)")

    def __ne__(self, value: object) -> bool:
        raise InvalidTypeError(f"{self.name} is a list, of which the API knows .contains(id) alone")


_KINDS: Final[Mapping[str, type[Field[Any]]]] = {
    kind.__name__: kind
    for kind in (
        ArrayField,
        BooleanField,
        DateField,
        DateTimeField,
        IdField,
        IntegerField,
        StringField,
    )
}


class Filters:
    """The fields that a resource's lists can be filtered by.

    A subclass only annotates them: `last_name: StringField`. The fields are made once, here.
    """

    names: ClassVar[frozenset[str]] = frozenset()

    id: IdField
    created_at: DateTimeField
    updated_at: DateTimeField

    def __init_subclass__(cls) -> None:
        _make_fields(cls)

    if not TYPE_CHECKING:  # a type checker is to find a field that there is not

        def __getattr__(self, name: str) -> NoReturn:
            near = difflib.get_close_matches(name, sorted(self.names), n=1)
            hint = f"did you mean {near[0]}?" if near else "it has " + ", ".join(sorted(self.names))
            raise AttributeError(f"{type(self).__name__} has no {name}: {hint}")


def _make_fields(owner: type[Filters]) -> None:
    kinds: dict[str, str] = {k: v for k, v in owner.__annotations__.items() if k != "names"}
    for name, kind in kinds.items():
        setattr(owner, name, _KINDS[kind](name))
    owner.names = owner.names.union(kinds)


_make_fields(Filters)


class NoFilters(Filters):
    """The fields of a list that cannot be filtered."""

    names: ClassVar[frozenset[str]] = frozenset()


SortBy = Field[Owner] | Sort[Owner] | tuple[Field[Owner] | Sort[Owner], ...] | str
"""What `sort=` takes: a field, a direction, several of them, or the API's own text."""


def sort_text(sort: SortBy[Any]) -> str:
    """The value of the `sort` parameter.

    Raises:
        InvalidTypeError: It is none of the things that `sort=` takes.
        InvalidValueError: It is a text that is not of the form `field:desc,field`.
    """
    if isinstance(sort, str):
        if not _SORT.fullmatch(sort):
            raise InvalidValueError("write sort='field', 'field:desc' or 'field,field:desc'")
        return sort
    if isinstance(sort, Sort):
        return sort.text
    if isinstance(sort, Field):
        return sort.name
    if isinstance(sort, tuple) and sort:  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        return ",".join(sort_text(part) for part in sort)
    raise InvalidTypeError("sort= takes a field, .asc(), .desc(), a tuple of them, or a text")


def _comma_list(name: str, values: Iterable[str]) -> str:
    text = ",".join(values)
    if not text:
        raise InvalidValueError(f"{name}.is_in needs at least one value")
    return text
