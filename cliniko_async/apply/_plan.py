"""What would be written: rows compared with the records that the API has. Reads only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import anyio
import attrs

from cliniko_async._models import encode_fields, fields_from_json
from cliniko_async._verbs import hidden_kinds
from cliniko_async.apply._keys import KeyValue, member
from cliniko_async.errors import InvalidFieldsError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from cliniko_async._query import Filter
    from cliniko_async.apply._keys import Key
    from cliniko_async.limits import RateLimit

__all__ = [
    "WRITES",
    "Action",
    "Plan",
    "Row",
    "RowOutcome",
    "State",
    "find_records",
    "plan_rows",
    "read_row",
]

Action = Literal["create", "update", "upsert", "archive"]
"""`create` leaves alone what is there, `update` what is not; `upsert` does both."""

State = Literal[
    "create",
    "update",
    "archive",
    "unchanged",
    "missing",
    "doubled",
    "ambiguous",
    "hidden",
    "invalid",
    "created",
    "updated",
    "archived",
    "refused",
    "unknown",
]

WRITES: Final = frozenset({"create", "update", "archive"})

HIDDEN: Final = (
    "its record is archived, cancelled, deleted or merged, and was left as it is: bring it back, "
    "or give the row another key"
)

AT_ONCE: Final = 16
"""Lookups at a time."""

IDS_PER_REQUEST: Final = 100
ROWS_PER_PAGE: Final = 100


@attrs.frozen
class RowOutcome:
    """What will happen to a row, or what has happened.

    Attributes:
        row: Its number in the input, from 0.
        state: In a plan "create", "update" or "archive"; "unchanged" if there is nothing to do;
            "missing" if an update or archive finds no record; "doubled" if another row has the
            same key and other values; "ambiguous" if several records have the key; "hidden" if only
            a record has it that is archived, cancelled, deleted or merged; "invalid" if a field is
            wrong. After a run "created", "updated" or "archived" as well, "refused" by the API, or
            "unknown": sent several times without an answer, and not there when it was looked for.
        id: The record's id, where it is known.
        problems: For "invalid" and "hidden": what is wrong, a line each, without the values.
        fields: For "refused": what the API says about each field. It may quote what was sent, so
            it is not in the repr.
    """

    row: int
    state: State
    id: str | None = None
    problems: Sequence[str] = attrs.field(default=(), repr=False)
    fields: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)


@attrs.frozen
class Plan:
    """What a run would do.

    Attributes:
        outcomes: What would happen to each row, in the order of the input.
        requests: Requests that the writes need.
        minutes: How long those take at the user's rate, at least.
    """

    outcomes: Sequence[RowOutcome] = attrs.field(repr=False)
    requests: int
    minutes: float

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows by state."""
        return dict(Counter(outcome.state for outcome in self.outcomes))

    @classmethod
    def of(cls, outcomes: Sequence[RowOutcome], rate: RateLimit) -> Plan:
        """The plan for these outcomes, with its cost."""
        requests = sum(outcome.state in WRITES for outcome in outcomes)
        windows = max(math.ceil(requests / rate.requests) - 1, 0)
        return cls(outcomes, requests, round(windows * rate.per / 60, 1))


@attrs.frozen(repr=False)
class Row:
    """A row of the input: its number, what would be sent, its key, and what is wrong with it."""

    number: int
    fields: Mapping[str, Any]
    body: Mapping[str, Any]
    key: KeyValue | None
    problems: Sequence[str] = ()


def read_row(
    number: int, row: Mapping[str, Any], key: Key, kind: type[Any] | None, *, texts: bool
) -> Row:
    """Check a row as its request would be.

    Args:
        number: Its number in the input.
        row: What it holds.
        key: By which fields its record is found.
        kind: The fields that it is written with; None if nothing but its key counts.
        texts: Whether it holds JSON values, with texts for dates and money.
    """
    given = key.trimmed(row)
    fields: Mapping[str, Any] = {name: value for name, value in given.items() if name != "id"}
    try:
        if kind is not None and texts:
            fields = fields_from_json(kind, fields)
        body = dict(fields) if kind is None else encode_fields(kind, fields)
    except InvalidFieldsError as error:
        return Row(number, {}, {}, None, error.problems)
    except (InvalidTypeError, InvalidValueError) as error:
        return Row(number, {}, {}, None, [str(error)])
    if row.get("id") is not None:
        body["id"] = str(row["id"]).strip()
    problems = key.problems(body)
    return Row(number, fields, body, None if problems else key.of_row(body), problems)


async def find_records(
    resource: Any, key: Key, rows: Sequence[Row]
) -> Mapping[KeyValue, Sequence[Mapping[str, Any]]]:
    """The records that have the keys of these rows, hidden ones too.

    By the cheapest way: ids go by the hundred; other keys one by one, or with the whole list if
    that has fewer pages than there are keys.
    """
    wanted = {row.key: row for row in rows if row.key}
    include = [hidden for hidden in hidden_kinds(resource.__class__) if hidden != "inactive"]
    if key.is_id:
        ids = [key_value[0] for key_value in wanted]
        chunks = [ids[n : n + IDS_PER_REQUEST] for n in range(0, len(ids), IDS_PER_REQUEST)]
        asked: Sequence[Sequence[Filter[Any]]] = [
            [resource.filters.id.is_in(chunk)] for chunk in chunks
        ]
    elif len(wanted) <= 1:
        asked = [key.conditions(row.body) for row in wanted.values()]
    else:
        size = await resource.list(include=include).count()
        by_key = [key.conditions(row.body) for row in wanted.values()]
        asked = by_key if all(by_key) and len(by_key) <= size / ROWS_PER_PAGE else [[]]
    # By id: the answer to one key's question can have another key's record in it.
    found: dict[KeyValue, dict[object, Mapping[str, Any]]] = {}
    places = anyio.Semaphore(AT_ONCE)

    async def ask(conditions: Sequence[Filter[Any]]) -> None:
        async with places:
            async for record in resource.list(*conditions, include=include).raw():
                own = key.of_record(record)
                if own in wanted:
                    found.setdefault(own, {})[record.get("id")] = record

    await resource._view.together(ask(conditions) for conditions in asked)  # noqa: SLF001 - its own kind
    return {own: list(records.values()) for own, records in found.items()}


def plan_rows(
    action: Action, rows: Sequence[Row], found: Mapping[KeyValue, Sequence[Mapping[str, Any]]]
) -> Sequence[RowOutcome]:
    """What becomes of each row, given the records that were found."""
    first: dict[KeyValue, Row] = {}
    outcomes: list[RowOutcome] = []
    clashing = _clashing(rows)
    for row in rows:
        if row.problems or row.key is None:
            outcomes.append(RowOutcome(row.number, "invalid", problems=row.problems))
        elif row.key in clashing:
            outcomes.append(RowOutcome(row.number, "doubled"))
        elif row.key in first:
            outcomes.append(RowOutcome(row.number, "unchanged"))  # the same row once more
        else:
            first[row.key] = row
            outcomes.append(_outcome(action, row, found.get(row.key, ())))
    return outcomes


def _clashing(rows: Sequence[Row]) -> set[KeyValue]:
    """The keys of rows that ask for different things."""
    bodies: dict[KeyValue, Mapping[str, Any]] = {}
    keyed = [(row.key, row.body) for row in rows if row.key]
    return {key for key, body in keyed if bodies.setdefault(key, body) != body}


def _outcome(action: Action, row: Row, records: Sequence[Mapping[str, Any]]) -> RowOutcome:
    own_id = row.body.get("id")
    if own_id is not None and any(str(record.get("id")) != own_id for record in records):
        return RowOutcome(
            row.number, "invalid", problems=["its id is not that of its key's record"]
        )
    shown = [record for record in records if not is_hidden(record)]
    if len(shown) > 1:
        return RowOutcome(row.number, "ambiguous")
    if not shown and records:
        hidden_id = str(records[0].get("id"))
        gone = action == "archive"
        return RowOutcome(
            row.number, "unchanged" if gone else "hidden", hidden_id, () if gone else [HIDDEN]
        )
    if not shown:
        # The API gives ids: with another one, a row that has one would be created again each time.
        creates = action in ("create", "upsert") and own_id is None
        return RowOutcome(row.number, "create" if creates else "missing")
    (record,) = shown
    record_id = str(record.get("id"))
    if action == "archive":
        return RowOutcome(row.number, "archive", record_id)
    same = action == "create" or covers(record, row.body)
    return RowOutcome(row.number, "unchanged" if same else "update", record_id)


def is_hidden(record: Mapping[str, Any]) -> bool:
    """Whether a record is archived, cancelled, deleted, or merged into another."""
    marks = ("archived_at", "cancelled_at", "deleted_at", "merged_at")
    return any(record.get(mark) for mark in marks)


def covers(record: Any, body: Any) -> bool:
    """Whether a record has all that a request would set, so that sending it changes nothing.

    What cannot be compared counts as different: an update that was not needed does no harm.
    """
    if isinstance(body, dict):
        members = cast("dict[str, Any]", body)
        return isinstance(record, dict) and all(
            covers(member(cast("dict[str, Any]", record), name), part)
            for name, part in members.items()
        )
    if isinstance(body, list):
        return isinstance(record, list) and _covers_all(record, body)  # pyright: ignore[reportUnknownArgumentType] # JSON
    if record in (None, "") and body in (None, ""):
        return True
    return bool(type(record) is type(body) and record == body) or _same_number(record, body)


def _covers_all(record: list[Any], body: list[Any]) -> bool:
    return len(record) == len(body) and all(map(covers, record, body))


def _same_number(one: Any, other: Any) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return False
