"""How the API lists records: what it hides, filters, sorts and cuts into pages."""

from __future__ import annotations

from heapq import merge
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from cliniko_async.emulator import filters
from cliniko_async.emulator.filters import BadFilterError
from cliniko_async.emulator.records import BASE, encode, linked_id, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cliniko_async.emulator.clinic import Clinic, Table
    from cliniko_async.emulator.facts import Operation

__all__ = ["Lister", "is_hidden"]

MARKS: Final = ("archived_at", "cancelled_at", "deleted_at")

DEFAULT_PER_PAGE: Final = 50
MOST_PER_PAGE: Final = 100

Record = dict[str, Any]
Query = list[tuple[str, str]]


def is_hidden(record: Record, shown: Sequence[str] = ()) -> bool:
    """Whether a record is left out: each mark hides on its own, unless it was asked about."""
    return any(record.get(mark) is not None and mark not in shown for mark in MARKS)


class Lister:
    """Answers list requests. What it worked out is kept until the table changes."""

    def __init__(self, clinic: Clinic, *, page_limit: int = MOST_PER_PAGE) -> None:
        self._clinic = clinic
        self._page_limit = page_limit
        self._found: dict[Any, tuple[int, list[Record]]] = {}

    def page(
        self,
        operation: Operation,
        parents: Mapping[str, str],
        query: Query,
        url: str,
    ) -> bytes:
        """The answer to a list request to this URL.

        Raises:
            BadFilterError: A filter that the API does not have.
        """
        asked = dict(query)
        number = max(_whole(asked.get("page"), 1), 1)
        size = _whole(asked.get("per_page"), DEFAULT_PER_PAGE)
        # What a server does with more than it allows is not documented: it is cut here.
        size = min(max(size, 1), MOST_PER_PAGE, self._page_limit)
        rows = self._rows(operation, parents, query)
        base_url = url[: url.index("/v1") + 3]
        start = (number - 1) * size
        links = _links(url, query, number, more=start + size < len(rows))
        tables = self._clinic.tables_of(operation.key or "")
        # The same records may be asked for under several base URLs.
        body = placed(b",".join(_encoded(tables, r) for r in rows[start : start + size]), base_url)
        return b'{"%s":[%s],"total_entries":%d,"links":%s}' % (
            (operation.key or "").encode(),
            body,
            len(rows),
            encode(links, base_url),
        )

    def _rows(self, operation: Operation, parents: Mapping[str, str], query: Query) -> list[Record]:
        """All rows that a list shows, in its order."""
        tables = self._clinic.tables_of(operation.key or "")
        now = sum(table.version for table in tables)
        conditions = tuple(value for name, value in query if name == "q[]")
        sort = _sort_of(dict(query))
        asked = (operation.path, tuple(parents.items()), conditions, sort)
        version, rows = self._found.get(asked, (-1, []))
        if version != now:
            rows = self._select(operation, parents, conditions, tables)
            for part in reversed([part for part in sort.split(",") if part]):
                _sort(rows, part)
            if len(self._found) > 64:  # noqa: PLR2004 - a client's listings at a time, and some
                self._found.clear()
            self._found[asked] = (now, rows)
        return rows

    def _select(
        self,
        operation: Operation,
        parents: Mapping[str, str],
        conditions: Sequence[str],
        tables: Sequence[Table],
    ) -> list[Record]:
        parsed = [filters.parse(text, operation.filters) for text in conditions]
        shown = [field for field, _ in parsed]
        tests = [test for _, test in parsed]
        tests += [_belongs(name, id) for name, id in parents.items()]
        hiding = [mark for mark in MARKS if mark not in shown]
        variant = _VARIANTS.get(operation.path.rpartition("/")[2], _VARIANTS.get(operation.path))
        if variant:
            tests.append(variant)
        rows = list(merge(*tables, key=itemgetter("created_at")) if tables[1:] else tables[0])
        for mark in hiding:
            rows = [row for row in rows if row.get(mark) is None]
        for test in tests:
            rows = [row for row in rows if test(row)]
        return rows


_VARIANTS: Final[dict[str, Callable[[Record], bool]]] = {
    "practitioners": lambda row: bool(row.get("active")),
    "inactive": lambda row: not row.get("active"),
    "active": lambda row: row.get("closed_at") is None,
}


def _belongs(name: str, id: str) -> Callable[[Record], bool]:
    """Whether a record belongs to the record that a nested list is asked for."""
    relation = name.removesuffix("_id")
    names = [relation, *(["booking"] if relation.endswith("_appointment") else [])]

    def test(row: Record) -> bool:
        owners = [linked_id(row[name]) for name in names if isinstance(row.get(name), dict)]
        # Many-to-many relations are in no record: everybody does everything, everywhere.
        return id in owners if owners else relation in _EVERYBODYS

    return test


_EVERYBODYS: Final = frozenset({"practitioner", "business", "appointment_type"})


def _sort_of(asked: Mapping[str, str]) -> str:
    """What rows are sorted by; `order` alone is the deprecated way to turn them round."""
    return asked.get("sort") or ("created_at:desc" if asked.get("order") == "desc" else "")


def _sort(rows: list[Record], part: str) -> None:
    field, _, direction = part.partition(":")
    if rows and isinstance(rows[0].get(field, rows), (dict, list)):
        raise BadFilterError(f"{field} is not sortable")
    rows.sort(
        key=lambda row: (row.get(field) is not None, row.get(field)), reverse=direction == "desc"
    )


def _encoded(tables: Sequence[Table], row: Record) -> bytes:
    table = next(table for table in tables if row["id"] in table.by_id)
    found = table.encoded.get(row["id"])
    if found is None:
        found = table.encoded[row["id"]] = encode(row, BASE.rstrip("/"))
    return found


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _links(url: str, query: Query, number: int, *, more: bool) -> dict[str, str]:
    others = [(name, value) for name, value in query if name != "page"]

    def to(page: int) -> str:
        pairs = [*others, ("page", str(page))]
        return url + "?" + "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs)

    links = {"self": to(number)}
    if more:
        links["next"] = to(number + 1)
    if number > 1:
        links["previous"] = to(number - 1)
    return links
