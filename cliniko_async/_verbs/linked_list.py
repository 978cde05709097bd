"""Lists that a record's link leads to, such as `patient.attendees`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from cliniko_async._models.links import Link, split_url
from cliniko_async.errors import InvalidValueError, expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._query.filters import Filters

__all__ = ["linked_list"]

_PATH: Final = re.compile(r"(/[a-z_]+|/[0-9]{1,20})+")
"""A path of the API's: nothing else may get into a request."""

_VERSION: Final = re.compile(r"^/v[0-9]+(?=/)")

_APPOINTMENTS: Final = re.compile(r"/(patient|business|practitioner)e?s/([0-9]+)/appointments")
"""Links of records that lead to no list of the API's document. Their conditions are filters."""


def linked_list(
    link: Link, name: str, filters: Filters
) -> tuple[str, str, Sequence[tuple[str, str]]]:
    """The template, path and query of a list that a link leads to; never its host.

    Args:
        link: The link.
        name: The resource whose records are asked for.
        filters: What its lists can be filtered by.

    Raises:
        InvalidTypeError: It is not a link.
        InvalidValueError: It leads to one record, to another resource, or out of the API.
    """
    expect(link, Link, f"link= takes a Link of a record, not {type(link).__name__}")
    parts = split_url(link.url)
    path = _VERSION.sub("", "/" + parts.path.strip("/"))
    if not _PATH.fullmatch(path):
        raise InvalidValueError("this link is not one of the API's")
    query = parse_qsl(parts.query, keep_blank_values=True)
    appointments = _APPOINTMENTS.fullmatch(path)
    condition = _condition(appointments, filters) if appointments else None
    if condition and name.endswith(("appointments", "bookings")):
        return f"/{name}", f"/{name}", [("q[]", condition), *query]
    if not link.to_list:
        raise InvalidValueError(f"this link leads to one record of {link.resource}: get it instead")
    if link.resource != name:
        hint = ": write individual_appointments.list(link=...)" if appointments else ""
        raise InvalidValueError(
            f"this link leads to {link.resource}, not to a list of {name}{hint}"
        )
    return re.sub(r"/[0-9]+(?=/)", "/{id}", path), path, query


def _condition(appointments: re.Match[str], filters: Filters) -> str | None:
    """The filter that keeps the appointments of a record."""
    parent, id = appointments.groups()
    for field, operator in ((f"{parent}_id", ":="), (f"{parent}_ids", ":~")):
        if field in filters.names:
            return f"{field}{operator}{id}"
    return None
