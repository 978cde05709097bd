"""One value of a record, as it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cliniko_async._models.links import Link

if TYPE_CHECKING:
    from cliniko_async.cli.catalogue import Column

__all__ = ["Row", "cell", "value_of"]

Row = dict[str, Any]


def value_of(row: Row, column: Column) -> Any:
    """A record's value in a column; of a relation to one record, its id."""
    value = row.get(column.member)
    if not column.is_link or value is None:
        return value
    url = _url(value)
    return url if column.to_many or url is None else Link(url).id or None


def _url(relation: Any) -> str | None:
    """Where a relation leads: `{"links": {"self": url}}`."""
    try:
        return msgspec.convert(relation, Link).url or None
    except msgspec.ValidationError:
        return None


def cell(row: Row, column: Column) -> str:
    """A record's value in a column, as text."""
    value = value_of(row, column)
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
