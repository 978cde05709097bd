"""Fields that lists are filtered and sorted by, kind by kind, and the conditions made of them.

The operators are those of the API's documentation: a date-time has no `=`, and only ids and
numbers take lists.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from typing_extensions import TypeVar as DefaultTypeVar

from cliniko_async._models import kinds
from cliniko_async._models.links import Ref, expect_several
from cliniko_async._models.moments import utc_text
from cliniko_async._models.relations import leads_to
from cliniko_async._query.query_string import DatePattern
from cliniko_async.errors import (
    InvalidFieldsError,
    InvalidTypeError,
    InvalidValueError,
    hide_arguments,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliniko_async._models.kinds import Kind, Problems

__all__ = [
    "ArrayField",
    "BooleanField",
    "DateField",
    "DateTimeField",
    "Field",
    "Filter",
    "IdField",
    "IntegerField",
    "Owner",
    "Sort",
    "StringField",
]

Owner = DefaultTypeVar("Owner", default=Any)  # the Filters class that a field belongs to
P = TypeVar("P")
V = TypeVar("V")


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
            "operator. The API has no 'or': list twice, or use .is_in where a field has it."
        )

    if not TYPE_CHECKING:  # a type checker is to find that there are no such operators

        def __or__(self, _other: object) -> NoReturn:
            raise InvalidTypeError(
                "the API has no 'or': list twice, or write .is_in([a, b]) where a field has it"
            )

        def __and__(self, _other: object) -> NoReturn:
            raise InvalidTypeError("instead of a & b write two filters: a, b")

        def __invert__(self) -> NoReturn:
            raise InvalidTypeError("instead of ~a write the opposite operator")

        __ror__, __rand__ = __or__, __and__

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

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        hide_arguments(cls)

    def __init__(self, name: str) -> None:
        self.name: str = name

    def asc(self) -> Sort[Owner]:
        """Sort by this field, smallest first."""
        return Sort(self.name)

    def desc(self) -> Sort[Owner]:
        """Sort by this field, largest first."""
        return Sort(f"{self.name}:desc")

    def _sent(self, kind: Kind, value: object) -> Any:
        """A value as it stands in a condition.

        Raises:
            InvalidTypeError: The value has another type, or is None.
            InvalidValueError: The API has no such value.
        """
        if value is None:
            raise InvalidTypeError(self._instead_of_none())
        problems: Problems = []
        sent = kind.write(value, self.name, problems)
        if problems:
            del value, sent  # crash reporters show the variables of frames
            raise InvalidFieldsError(problems[0], problems=problems)
        return sent

    def _instead_of_none(self) -> str:
        return f"{self.name} cannot be looked for by None: the API has no filter for it"

    if not TYPE_CHECKING:  # a type checker is to find that there is no such method

        def is_in(self, _values: object) -> NoReturn:
            raise InvalidTypeError(
                f"the API takes lists of ids and of numbers alone, and {self.name} is neither: "
                "list once for each value"
            )

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

    def _instead_of_none(self) -> str:
        return f"{self.name} and None: write f.{self.name}.is_null() or f.{self.name}.not_null()"


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
        return str(self._sent(kinds.INTEGER, value))

    def __eq__(self, value: int) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: int) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))

    def is_in(self, values: Iterable[int]) -> Filter[Owner]:
        """Keep records with one of these values."""
        expect_several(values, f"{self.name}.is_in takes several numbers: write [5]")
        return Filter(self.name, "=" + _comma_list(self.name, map(self._text, values)))


class IdField(_Ordered[Ref, Owner]):
    """The id of the record, or of one that it is related to: a string of digits, or a link."""

    __slots__ = ("_kind",)

    def __init__(self, name: str, resource: str | None = None) -> None:
        super().__init__(name)
        self._kind: Kind = kinds.ref_to(resource or leads_to(name))

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> IdField[P]: ...

    def _text(self, value: Ref) -> str:
        return str(self._sent(self._kind, value))

    def __eq__(self, value: Ref) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: Ref) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))

    def is_in(self, values: Iterable[Ref]) -> Filter[Owner]:
        """Keep records with one of these ids."""
        expect_several(values, f"{self.name}.is_in takes several ids: write [id]")
        return Filter(self.name, "=" + _comma_list(self.name, map(self._text, values)))


class StringField(_Nullable[Owner]):
    """A text."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> StringField[P]: ...

    def _text(self, value: str) -> str:
        return str(self._sent(kinds.TEXT, value))

    def __eq__(self, value: str) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "=" + self._text(value))

    def __ne__(self, value: str) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        return Filter(self.name, "!=" + self._text(value))

    def contains(self, part: str) -> Filter[Owner]:
        """Keep records that contain this text somewhere in the field."""
        text = self._text(part)
        if not text.startswith("~"):
            return Filter(self.name, "~" + text)
        if "%" in text:
            raise InvalidValueError("the API cannot look for a text with ~ in front and a % in it")
        return Filter(self.name, f"~~%{text}%")  # two of ~ are another operator

    def like(self, pattern: str) -> Filter[Owner]:
        """Keep records that match this pattern, where `%` matches any text."""
        return Filter(self.name, "~~" + self._text(pattern))


class BooleanField(Field[Owner]):
    """True or false."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> BooleanField[P]: ...

    def _text(self, value: bool) -> str:  # noqa: FBT001 - the value compared with
        return str(self._sent(kinds.BOOL, value)).lower()

    def is_true(self) -> Filter[Owner]:
        """Keep records where this is True."""
        return Filter(self.name, "=true")

    def is_false(self) -> Filter[Owner]:
        """Keep records where this is False."""
        return Filter(self.name, "=false")

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
        return str(self._sent(kinds.DATE, value))

    def __eq__(self, value: date | DatePattern) -> Filter[Owner]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        text = value.text if isinstance(value, DatePattern) else self._text(value)
        return Filter(self.name, "=" + text)

    def __ne__(self, value: object) -> bool:
        if value is None:
            raise InvalidTypeError(self._instead_of_none())
        raise InvalidTypeError(f"the API has no != for dates: filter {self.name} with < and >")


class DateTimeField(_Ordered[datetime, Owner]):
    """A date-time, in whole seconds: fractions are rounded so that nothing is left out."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __get__(self, owner: P, _cls: type) -> DateTimeField[P]: ...

    def _text(self, value: datetime) -> str:
        return str(self._sent(kinds.MOMENT, value))

    def __lt__(self, value: datetime) -> Filter[Owner]:
        return Filter(self.name, "<" + self._end(value))

    def __le__(self, value: datetime) -> Filter[Owner]:
        return Filter(self.name, "<=" + self._end(value))

    def _end(self, value: datetime) -> str:
        self._text(value)
        return utc_text(value, round_up=True)

    def any(self) -> Filter[Owner]:
        """Keep records with any value here and records without one, including hidden records.

        On `archived_at`, `cancelled_at` and `deleted_at` this is what `include=` sends.
        """
        return Filter(self.name, "*")

    def __eq__(self, value: object) -> bool:
        if value is None:
            raise InvalidTypeError(self._instead_of_none())
        raise InvalidTypeError(
            f"the API has no == for date-times: write f.{self.name} >= t, f.{self.name} <= t"
        )

    def __ne__(self, value: object) -> bool:
        if value is None:
            raise InvalidTypeError(self._instead_of_none())
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
        return Filter(self.name, "~" + str(self._sent(kinds.ref_to(leads_to(self.name)), value)))

    def __eq__(self, value: object) -> bool:
        raise InvalidTypeError(f"{self.name} is a list: write f.{self.name}.contains(id)")

    def __ne__(self, value: object) -> bool:
        raise InvalidTypeError(f"{self.name} is a list, of which the API knows .contains(id) alone")


def _comma_list(name: str, values: Iterable[str]) -> str:
    text = ",".join(values)
    if not text:
        raise InvalidValueError(f"{name}.is_in needs at least one value")
    return text
