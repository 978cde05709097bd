"""What the resources' classes say of themselves, for a command line that has no session yet.

Nothing is listed here by hand: names, fields, filters and what can be included are read from the
classes and their types, so that a new field of the library is a new field here.
"""

from __future__ import annotations

import difflib
import inspect
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin, get_type_hints

import attrs

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._models.links import Link
from cliniko_async._models.model import Unknown, json_name
from cliniko_async._verbs.include import filters_of, hidden_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Column",
    "columns_of",
    "filter_fields",
    "hidden_words",
    "near",
    "resource_class",
    "resource_names",
    "takes_id",
    "with_verb",
]

OWN_LINK: Final = "links"
"""A record's link to itself, which says nothing that its id does not say."""


@attrs.frozen
class Column:
    """A field of a record, as a column of a table.

    Attributes:
        name: What it is called on the command line: `patient_id` for a relation to one record.
        member: The member of the API's JSON object.
        is_time: Whether it is a date-time.
        to_many: Whether it is a relation to a list of records.
    """

    name: str
    member: str
    is_time: bool = False
    is_link: bool = False
    to_many: bool = False


@cache
def resource_names() -> Sequence[str]:
    """All resources, named as in the URL."""
    return tuple(name for name, value in vars(AsyncCliniko).items() if isinstance(value, Lazy))


def resource_class(name: str) -> Any:
    """A resource's class."""
    return getattr(AsyncCliniko, name)


@cache
def with_verb(verb: str) -> Sequence[str]:
    """The resources that have a verb such as `list`."""
    return tuple(name for name in resource_names() if hasattr(resource_class(name), verb))


def takes_id(resource: str) -> bool:
    """Whether a resource's `get` is for one record among several."""
    return "id" in inspect.signature(resource_class(resource).get).parameters


def filter_fields(resource: str) -> Mapping[str, Any]:
    """The fields that a resource's lists can be filtered by."""
    filters = filters_of(resource_class(resource))
    return {name: getattr(filters, name) for name in _in_order(filters)} if filters else {}


def _in_order(filters: Any) -> Sequence[str]:
    # `id` and the two dates first, as the classes are written; then the resource's own.
    declared = [name for kind in reversed(type(filters).__mro__) for name in _annotated(kind)]
    return [name for name in dict.fromkeys(declared) if name in filters.names]


def _annotated(kind: type) -> Iterable[str]:
    names: Iterable[str] = vars(kind).get("__annotations__", {})
    return names


def hidden_words(resource: str) -> Sequence[str]:
    """What `--include` can name."""
    return tuple(hidden_kinds(resource_class(resource)))


@cache
def columns_of(resource: str) -> Mapping[str, Column]:
    """The columns of a resource's records; of a union, those of all its members."""
    model = resource_class(resource).model
    columns: dict[str, Column] = {}
    for member in getattr(model, "members", (model,)):
        if member is Unknown:
            continue
        hints = get_type_hints(member, include_extras=True)
        for field in attrs.fields(member):
            if field.name != OWN_LINK:
                column = _column(field, hints[field.name])
                columns.setdefault(column.name, column)
    return columns


def _column(field: attrs.Attribute[Any], hint: Any) -> Column:
    member = json_name(field)
    parts = get_args(hint) if get_origin(hint) is not Annotated else (hint,)
    is_link = Link in (hint, *parts)
    # As in the mirror's tables: lists have a plural, without exception.
    to_many = is_link and member.endswith("s") and not member.endswith("ss")
    name = f"{member}_id" if is_link and not to_many else member
    return Column(name, member, _has_time(hint), is_link, to_many)


def _has_time(hint: Any) -> bool:
    return hint is datetime or any(map(_has_time, get_args(hint)))


def near(name: str, known: Iterable[str]) -> str:
    """What was meant by a name that there is not, as the end of a sentence."""
    names = list(known)
    found = difflib.get_close_matches(name, names, n=1)
    if found:
        return f"did you mean {found[0]}?"
    return f"choose from {', '.join(names)}" if names else "there are none here"
