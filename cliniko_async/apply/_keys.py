"""Keys: the fields by which a row and a record are known to be the same."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cliniko_async._models import is_id
from cliniko_async._query import DateField, Filters, IdField, IntegerField, StringField
from cliniko_async.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliniko_async._query import Filter

__all__ = ["Key", "KeyValue"]

KeyValue = tuple[str, ...]

COMPARED: Final = (DateField, IdField, IntegerField, StringField)
"""Kinds of fields whose filters find one value."""

SELDOM_INSIDE: Final = 4
"""Characters from which on a text is seldom a part of another record's text."""

UNSURE: Final = re.compile(r"[^\x21-\x7e]+|[%_\\\\]")
"""What a record may have in another form: letters beyond ASCII, and what patterns are made of."""

OPPOSITES: Final = {"unsubscribe_sms_marketing": "accepted_sms_marketing"}
"""Fields that are read by another name, with the opposite meaning (the API's document)."""


class Key:
    """One field, or several, whose values name a record.

    Texts are compared without regard to case, to blanks around them, and to how Unicode composes
    their letters.

    Args:
        names: The fields, as in the API: `("last_name", "date_of_birth")`.
        filters: What the resource's lists can be filtered by.

    Raises:
        InvalidValueError: Records cannot be filtered by a field, and so not be found by it.
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

    def problems(self, body: Mapping[str, Any]) -> Sequence[str]:
        """What is wrong with the key in the body of a request, a line each."""
        missing = [name for name in self.names if not str(body.get(name) or "").strip()]
        wrong = "id" in self.names and "id" not in missing and not is_id(str(body["id"]).strip())
        return [f"{name} is part of the key" for name in missing] + [
            "id: an id is a string of up to 20 digits, such as '123'"
        ] * wrong

    def trimmed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row without the blanks around its key: they do not tell records apart."""
        return {
            name: value.strip() if name in self.names and isinstance(value, str) else value
            for name, value in row.items()
        }

    def of_record(self, record: Mapping[str, Any]) -> KeyValue | None:
        """The key in a record as the API sent it; None if a part of it is missing."""
        return _key_of([member(record, name) for name in self.names])

    def conditions(self, body: Mapping[str, Any]) -> Sequence[Filter[Any]]:
        """The filters that find the records with a row's key, and perhaps others.

        There are none if nothing in the key can be relied on: then all records have to be read.
        """
        found = (_equals(getattr(self._filters, name), body[name]) for name in self.names)
        return [condition for condition in found if condition is not None]

    @property
    def is_id(self) -> bool:
        """Whether records are found by their ids, a hundred per request."""
        return self.names == ("id",)


def _equals(field: Any, value: Any) -> Filter[Any] | None:
    if isinstance(field, DateField):
        from datetime import date  # noqa: PLC0415 - beside its one use

        value = date.fromisoformat(value)
    if isinstance(field, StringField):
        return _alike(field, value.strip())  # pyright: ignore[reportUnknownArgumentType] # of any resource
    if isinstance(field, IdField):
        value = str(value).strip()
    found: Filter[Any] = field == value
    return found


def _alike(field: StringField[Any], text: str) -> Filter[Any] | None:
    """Finds a text in any case, with blanks around it, and composed in any way.

    The API says nothing of how `=` compares. A pattern finds too much rather than too little: what
    is found is compared here.
    """
    pattern = UNSURE.sub("%", text)
    if not pattern.strip("%"):
        return None
    return field.like(f"%{pattern}%" if len(pattern) >= SELDOM_INSIDE else pattern)


def _key_of(values: Sequence[Any]) -> KeyValue | None:
    parts = tuple("" if value is None else _plain(str(value)) for value in values)
    return parts if all(parts) else None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


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
