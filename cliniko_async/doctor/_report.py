"""What was seen: names of resources, fields and headers, statuses, counts and times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

__all__ = ["DoctorReport", "ListFinding", "RecordFinding"]

NOTHING: Final = "-"


@attrs.frozen(kw_only=True)
class ListFinding:
    """What one page of a list shows.

    Attributes:
        resource: The resource.
        status: The HTTP status, None if no answer came.
        rows: Rows on the page.
        has_total: Whether the answer has `total_entries`.
        bad_records: Records that do not fit the model.
        problems: The fields that do not fit, by path.
        unknown: Members that the model does not know, by path.
        seconds: How long the answer took.
        refused_filters: Filters that the API does not take; None if that was not tried.
        refused_sorts: Fields that it does not sort by; None likewise.
    """

    resource: str
    status: int | None
    rows: int = 0
    has_total: bool = False
    bad_records: int = 0
    problems: Sequence[str] = ()
    unknown: Sequence[str] = ()
    seconds: float = 0.0
    refused_filters: Sequence[str] | None = None
    refused_sorts: Sequence[str] | None = None


@attrs.frozen(kw_only=True)
class RecordFinding:
    """What one record shows that was fetched by its id.

    Attributes:
        resource: The resource.
        status: The HTTP status, None if no answer came.
        decodes: Whether it fits the model; None if there was none to see.
        unknown: Members that the model does not know, by path.
    """

    resource: str
    status: int | None
    decodes: bool | None = None
    unknown: Sequence[str] = ()


@attrs.frozen(kw_only=True)
class DoctorReport:
    """What a live key shows of the API. It holds no name of a person, no id and no value.

    Attributes:
        version: The library's version.
        shard: The part of Cliniko's hosting that was asked.
        lists: What the lists show.
        records: What single records show.
        sees: Which of `user`, `settings` and `settings/public` the key may read, by status.
        headers: The names of the headers of a 200.
        headers_of_404: The names of the headers of a 404.
        sorts_by_id: Whether `sort=id` puts the ids in their order; None if that cannot be told.
        most_ids: The most ids in one filter that were answered, of those that were tried.
        per_page_is_clamped: Whether `per_page` above 100 gives 100 rows; None if there are fewer.
        clock_skew: Seconds by which the server's clock is ahead of this one, to about a second.
        latency: Seconds that answers took: the median and the longest.
        requests: Requests that were sent.
        skipped: What was left out because the reads were spent.
    """

    version: str
    shard: str
    lists: Sequence[ListFinding] = ()
    records: Sequence[RecordFinding] = ()
    sees: Mapping[str, int | None] = attrs.field(factory=dict[str, int | None])
    headers: Sequence[str] = ()
    headers_of_404: Sequence[str] = ()
    sorts_by_id: bool | None = None
    most_ids: int | None = None
    per_page_is_clamped: bool | None = None
    clock_skew: float | None = None
    latency: tuple[float, float] | None = None
    requests: int = 0
    skipped: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        return attrs.asdict(self)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"cliniko_async {self.version}, shard {self.shard}, {self.requests} requests"
        latency = self.latency or (0.0, 0.0)
        yield f"answers took {latency[0]:.2f} s, the longest {latency[1]:.2f} s"
        yield f"clock skew: {_said(self.clock_skew)} s"
        yield f"sort=id sorts by id: {_said(self.sorts_by_id)}"
        yield f"ids in one filter: {_said(self.most_ids)} at least"
        yield f"per_page is clamped to 100: {_said(self.per_page_is_clamped)}"
        yield from (f"{path}: status {_said(status)}" for path, status in self.sees.items())
        yield f"headers: {', '.join(self.headers) or NOTHING}"
        yield f"headers of a 404: {', '.join(self.headers_of_404) or NOTHING}"
        yield ""
        yield from (line for found in self.lists for line in _list_lines(found))
        yield from (_record_line(found) for found in self.records if not found.decodes)
        if self.skipped:
            yield f"not tried, since the reads were spent: {', '.join(self.skipped)}"


def _list_lines(found: ListFinding) -> Iterator[str]:
    fits = "all fit" if not found.bad_records else f"{found.bad_records} do not fit"
    rows = f"{found.rows} rows, {fits}" if found.status == 200 else "no rows"  # noqa: PLR2004 - OK
    yield f"{found.resource}: status {_said(found.status)}, {rows}, {found.seconds:.2f} s"
    yield from (f"    {problem}" for problem in found.problems)
    told = (
        ("unknown members", found.unknown),
        ("filters refused", found.refused_filters),
        ("sort orders refused", found.refused_sorts),
    )
    yield from (f"    {what}: {', '.join(names)}" for what, names in told if names)


def _record_line(found: RecordFinding) -> str:
    fits = "does not fit" if found.decodes is False else "not seen"
    return f"{found.resource}, one record: status {_said(found.status)}, {fits}"


def _said(value: object) -> str:
    return "unknown" if value is None else {True: "yes", False: "no"}.get(value, str(value))  # type: ignore[call-overload]
