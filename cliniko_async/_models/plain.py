"""Models as plain JSON types, and back: for answers of web services, queues and logs of one's own.

Relations to one record are ids, under the names that the API's filters and bodies have for them
(`patient_id`); relations to lists are their URLs. Tables name their columns likewise.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs

from cliniko_async._models.kinds import is_a
from cliniko_async._models.links import Link
from cliniko_async._models.real_types import REAL_TYPES, hints_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["OWN_LINK", "is_to_many", "json_name", "members_of", "plain", "relations", "restored"]

Json = Any

OWN_LINK: Final = "links"
"""A record's link to itself, which says nothing that its id does not say."""


def json_name(field: attrs.Attribute[Any]) -> str:
    """The member of the JSON object that a model's field is read from.

    A field that would be a Python keyword has an underscore behind it; one whose name is no
    identifier names its member as `metadata={"name": ...}`.
    """
    return str(field.metadata.get("name", field.name.removesuffix("_")))


def is_to_many(name: str) -> bool:
    """Whether a relation of this name leads to a list.

    Without exception in the API's document, but for the link to an attachment's file.
    """
    return (name.endswith("s") and not name.endswith("ss")) or name == "content"


@cache
def relations(model: Any) -> Mapping[str, str]:
    """The names of a model's relations in plain JSON, by those of its fields."""
    return {
        name: name if is_to_many(name) else f"{name}_id"
        for name, hint in hints_of(model).items()
        if name != OWN_LINK and (hint is Link or Link in get_args(hint))
    }


@cache
def _members(model: Any) -> Sequence[tuple[str, str]]:
    links = relations(model)
    return [
        (field.name, links.get(field.name) or json_name(field))
        for field in attrs.fields(model)
        if not (field.name == OWN_LINK and "id" in {f.name for f in attrs.fields(model)})
    ]


def members_of(record: Any) -> Iterator[tuple[str, Json]]:
    """The members of a record as plain JSON types."""
    for own, name in _members(record.__class__):
        yield name, plain(getattr(record, own))


def plain(value: Any) -> Json:
    """A value of a model as plain JSON types."""
    if attrs.has(value.__class__):
        return dict(value)  # each model says what it has
    if isinstance(value, Link):
        return value.url if value.to_list or not value.id else value.id
    if is_a(value, list):
        return [plain(part) for part in value]
    if isinstance(value, REAL_TYPES["datetime"]):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, REAL_TYPES["date"]):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else value


def restored(model: Any, members: Mapping[str, Json]) -> dict[str, Json]:
    """A JSON object with relations as the API writes them, where they stand as ids or URLs."""
    found = dict(members)
    for field, name in relations(model).items():
        if isinstance(members.get(name), str):
            found[field] = {"links": {"self": found.pop(name)}}
    return found
