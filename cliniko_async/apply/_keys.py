"""Keys: the fields by which a row and a record are known to be the same."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cliniko_async._query import DateField, Filters, IdField, IntegerField, StringField
from cliniko_async.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliniko_async._query import Filter

__all__ = ["Key", "KeyValue"]

KeyValue = tuple[str, ...]

COMPARED: Final = (DateField, IdField, IntegerField, StringField)
"""Kinds of fields whose filters find one value."""

OPPOSITES: Final = {"unsubscribe_sms_marketing": "accepted_sms_marketing"}
"""Fields that are read by another name, with the opposite meaning (the API's document)."""


class Key:
    """One field, or several, whose values name a record.

    Texts are compared without regard to case and to blanks around them.

    Args:
        names: The fields, as in the API: `("last_name", "date_of_birth")`.
        filters: What the resource's lists can be filtered by.

    Raises:
        InvalidValueError: A field cannot be filtered by, so that records are not found by it.
    """

    def __init__(self, names: Sequence[str], filters: Filters) -> None:
        can = sorted(n for n in filters.names if isinstance(getattr(filters, n), COMPARED))
        for name in names:
            if name not in can:
                near = difflib.get_close_matches(name, can, 1)
                hint = f"did you mean {near[0]}?" if near else f"it can be {', '.join(can)}"
                raise InvalidValueError(f"key={name!r} is not a field to find records by: {hint}")
        if not names:
            raise InvalidValueError(f"key= names the fields to find records by: {', '.join(can)}")
        self.names: Sequence[str] = tuple(names)
        self._filters = filters

    def of_row(self, body: Mapping[str, Any]) -> KeyValue | None:
        """The key in the body of a request; None if a part of it is missing."""
        return _key_of([body.get(name) for name in self.names])

    def of_record(self, record: Mapping[str, Any]) -> KeyValue | None:
        """The key in a record as the API sent it; None if a part of it is missing."""
        return _key_of([member(record, name) for name in self.names])

    def conditions(self, body: Mapping[str, Any]) -> Sequence[Filter[Any]]:
        """The filters that find the records with a row's key."""
        return [_equals(getattr(self._filters, name), body[name]) for name in self.names]

    @property
    def is_id(self) -> bool:
        """Whether records are found by their ids, a hundred per request."""
        return self.names == ("id",)


def _equals(field: Any, value: Any) -> Filter[Any]:
    if isinstance(field, DateField):
        from datetime import date  # noqa: PLC0415 - beside its one use

        value = date.fromisoformat(value)
    found: Filter[Any] = field == value
    return found


def _key_of(values: Sequence[Any]) -> KeyValue | None:
    parts = tuple("" if value is None else str(value).strip().casefold() for value in values)
    return parts if all(parts) else None


def member(record: Mapping[str, Any], name: str) -> Any:
    """A record's value for a field of a request.

    A relation is written as `..._id` and read as a link: `patient_id` and `patient`.
    """
    if name in OPPOSITES:
        value = record.get(OPPOSITES[name])
        return None if value is None else not value
    if name in record or not name.endswith("_id"):
        return record.get(name)
    relation = record.get(name.removesuffix("_id"))
    try:
        return urlsplit(relation["links"]["self"]).path.rpartition("/")[2]  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None
