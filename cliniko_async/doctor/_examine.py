"""The requests of the examination, the most important ones first: the reads may not suffice."""

from __future__ import annotations

import re
import statistics
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import attrs

from cliniko_async._client import AsyncCliniko, Lazy
from cliniko_async._models import Model, is_id
from cliniko_async._models.model import json_name
from cliniko_async._query import (
    BooleanField,
    DateField,
    DateTimeField,
    IdField,
    IntegerField,
    StringField,
)
from cliniko_async._verbs import Gettable, Listable
from cliniko_async.doctor._look import Look, look_at
from cliniko_async.doctor._report import DoctorReport, ListFinding, RecordFinding
from cliniko_async.errors import ApiError, ClinikoError, DecodeError, RequestBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cliniko_async._query import Filters

__all__ = ["doctor"]

READS: Final = 80

IDS_TRIED: Final = (100, 200, 400)
MORE_THAN_A_PAGE: Final = 150

CONDITIONS: Final[Mapping[Any, str]] = {
    DateTimeField: ">=1990-01-01T00:00:00Z",
    DateField: ">=1900-01-01",
    StringField: "?",
    BooleanField: "=true",
    IdField: ">0",
    IntegerField: ">=0",
}
"""What most records pass: a filter is tried for its name alone."""

EVERYWHERE: Final = frozenset({"id", "created_at", "updated_at"})
"""Filters of all lists but services (the API's document)."""

FIRST: Final = (
    "patients",
    "individual_appointments",
    "attendees",
    "invoices",
    "practitioners",
    "bookings",
    "treatment_notes",
    "communications",
)
"""Resources that are looked at first; eighty reads do not suffice for all."""

OK: Final = 200


async def doctor(cliniko: AsyncCliniko, *, reads: int = READS) -> DoctorReport:
    """Examine the API with a live key: does what it sends fit what this library expects?

    It reads one page of every list and one record of each, in the bulk lane, and writes nothing.
    The report has names of resources, fields and headers, statuses, counts and times: it can be
    sent to the maintainers.

    Args:
        cliniko: An open session.
        reads: The most requests that are sent.
    """
    view = cliniko.with_options(lane="bulk", read_only=True, max_requests=reads, retries=1)
    examination = _Examination(view)
    for name, part in examination.parts():
        try:
            await part
        except RequestBudgetError:
            examination.skipped.append(name)
    return examination.report()


class _Examination:
    """What is asked of one account, and what was seen so far."""

    def __init__(self, view: AsyncCliniko) -> None:
        self._view = view
        self._before = view.traffic.requests
        self._lists: dict[str, ListFinding] = {}
        self._records: list[RecordFinding] = []
        self._ids: dict[str, list[str]] = {}
        self._took: list[float] = []
        self._skew: float | None = None
        self._found: dict[str, Any] = {"sees": {}}
        self.skipped: list[str] = []

    def parts(self) -> Iterator[tuple[str, Any]]:
        """The parts of the examination in their order: names, and functions."""
        listed = [name for name in _resources() if isinstance(self._resource(name), Listable)]
        for name in listed:
            yield f"list of {name}", self._list(name)
        for path in ("user", "settings", "settings/public"):
            yield path, self._see(path)
        yield "a 404", self._missing()
        yield "sort=id", self._sort_by_id()
        yield "ids in a filter", self._many_ids()
        yield "per_page", self._per_page()
        for name in sorted(listed, key=self._rank):
            if self._own_filters(name):
                yield f"filters of {name}", self._filters(name)
            if isinstance(self._resource(name), Gettable) and self._ids.get(name):
                yield f"one of {name}", self._record(name)

    def _rank(self, name: str) -> tuple[bool, int]:
        """First what has records, and of that what most programs work with."""
        rank = FIRST.index(name) if name in FIRST else len(FIRST)
        return not self._ids.get(name), rank

    def _own_filters(self, name: str) -> bool:
        """Whether a list can be filtered by more than all lists can."""
        filters: Filters = self._resource(name).filters
        return not filters.names <= EVERYWHERE

    def report(self) -> DoctorReport:
        """What was seen."""
        took = self._took
        return DoctorReport(
            version=version("cliniko-async"),
            shard=self._view.shard,
            lists=list(self._lists.values()),
            records=self._records,
            clock_skew=None if self._skew is None else round(self._skew, 1),
            latency=(round(statistics.median(took), 3), round(max(took), 3)) if took else None,
            requests=self._view.traffic.requests - self._before,
            skipped=self.skipped,
            **self._found,
        )

    def _resource(self, name: str) -> Any:
        return getattr(self._view, name)

    async def _look(
        self, path: str, *params: tuple[str, str], at: str | None = None
    ) -> Look | int | None:
        """What an answer shows, or the status of one that was refused; None if no answer came."""
        session = self._view._view  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # a part of the package
        try:
            seen = await session.call(look_at(path, at or path, params))
        except RequestBudgetError:
            raise
        except ApiError as error:
            return error.status
        except ClinikoError:
            return None
        self._took.append(seen.took)
        if seen.date:
            self._skew = (seen.date - datetime.now(UTC)).total_seconds()
        return seen

    async def _list(self, name: str) -> None:
        resource = self._resource(name)
        seen = await self._look(resource.path, ("per_page", "100"))
        if not isinstance(seen, Look) or seen.status != OK:
            status = seen.status if isinstance(seen, Look) else seen
            self._lists[name] = ListFinding(resource=name, status=status)
            return
        self._found.setdefault("headers", seen.headers)
        key = resource.path.rpartition("/")[2]
        records = resource._rows()(seen.rows(key))  # noqa: SLF001 - a part of the package
        bad = [record for record in records if isinstance(record, DecodeError)]
        rows: Sequence[Any] = seen.says.get(key) or ()
        self._ids[name] = [str(row["id"]) for row in rows if is_id(str(row.get("id")))]
        self._lists[name] = ListFinding(
            resource=name,
            status=seen.status,
            rows=len(records),
            has_total="total_entries" in seen.says,
            bad_records=len(bad),
            problems=sorted({problem for error in bad for problem in error.problems}),
            unknown=_unknown(records, rows),
            seconds=round(seen.took, 3),
        )

    async def _record(self, name: str) -> None:
        resource = self._resource(name)
        seen = await self._look(
            f"{resource.path}/{{id}}", at=f"{resource.path}/{self._ids[name][0]}"
        )
        if not isinstance(seen, Look) or seen.status != OK:
            status = seen.status if isinstance(seen, Look) else seen
            self._records.append(RecordFinding(resource=name, status=status))
            return
        record = resource._record()(seen.body)  # noqa: SLF001 - a part of the package
        self._records.append(
            RecordFinding(
                resource=name,
                status=seen.status,
                decodes=not isinstance(record, DecodeError),
                unknown=_unknown([record], [seen.says]),
            )
        )

    async def _see(self, path: str) -> None:
        seen = await self._look(f"/{path}")
        self._found["sees"][path] = seen.status if isinstance(seen, Look) else seen

    async def _missing(self) -> None:
        seen = await self._look("/patients/{id}", at="/patients/1")
        if isinstance(seen, Look) and seen.status == 404:  # noqa: PLR2004 - not found
            self._found["headers_of_404"] = seen.headers

    async def _sort_by_id(self) -> None:
        name = self._fullest()
        if name is None:
            return
        seen = await self._look(f"/{name}", ("per_page", "100"), ("sort", "id"))
        if isinstance(seen, Look) and seen.status == OK:
            ids = [int(row["id"]) for row in seen.says.get(name) or ()]
            self._found["sorts_by_id"] = ids == sorted(ids) if len(ids) > 1 else None

    async def _many_ids(self) -> None:
        name = self._fullest()
        for count in IDS_TRIED if name else ():
            known = self._ids[str(name)]
            ids = (known * count)[:count]
            seen = await self._look(f"/{name}", ("q[]", f"id:={','.join(ids)}"), ("per_page", "1"))
            if not isinstance(seen, Look) or seen.status != OK:
                return
            self._found["most_ids"] = count

    async def _per_page(self) -> None:
        name = self._fullest()
        if name is None or len(self._ids[name]) < 100:  # noqa: PLR2004 - a page
            return
        seen = await self._look(f"/{name}", ("per_page", str(MORE_THAN_A_PAGE)))
        if isinstance(seen, Look) and seen.status == OK:
            self._found["per_page_is_clamped"] = len(seen.says.get(name) or ()) <= 100  # noqa: PLR2004 - a page

    async def _filters(self, name: str) -> None:
        filters = self._resource(name).filters
        names: Sequence[str] = sorted(filters.names)
        tried = {field: CONDITIONS.get(type(getattr(filters, field))) for field in names}
        conditions = [("q[]", f"{field}:{tells}") for field, tells in tried.items() if tells]
        if not names or name not in self._lists:
            return
        seen = await self._look(
            self._resource(name).path, *conditions, ("sort", ",".join(names)), ("per_page", "1")
        )
        if not isinstance(seen, Look):
            return
        # What the server says may quote what was sent: only names that we know are kept of it.
        words = set(re.findall(r"[a-z_]+", str(seen.says))) if seen.status != OK else set[str]()
        refused = [field for field in names if field in words]
        sorting = any(word.startswith("sort") for word in words)
        self._lists[name] = attrs.evolve(
            self._lists[name],
            refused_filters=[] if sorting else refused,
            refused_sorts=refused if sorting else [],
        )

    def _fullest(self) -> str | None:
        """The list with the most rows on its page."""
        found = max(self._ids, key=lambda name: len(self._ids[name]), default=None)
        return found if found and self._ids[found] else None


def _resources() -> Iterator[str]:
    return (name for name, value in vars(AsyncCliniko).items() if isinstance(value, Lazy))


def _unknown(records: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """The members of rows that their models do not know."""
    found: set[str] = set()
    for record, row in zip(records, rows, strict=True):
        if isinstance(record, Model):
            found |= row.keys() - {json_name(field) for field in attrs.fields(type(record))}
    return sorted(found)
