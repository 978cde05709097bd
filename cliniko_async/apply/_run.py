"""One run of many writes: what is sent, what is noted about it, and what is looked up again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import anyio
import attrs

from cliniko_async.apply._ledger import Line
from cliniko_async.apply._plan import (
    WRITES,
    Action,
    Plan,
    Row,
    RowOutcome,
    State,
    find_records,
    plan_rows,
)
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    ClinikoError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    OutcomeUnknownError,
    ReadOnlyError,
    ServerError,
    TransportError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async._client import AsyncCliniko
    from cliniko_async.apply._keys import Key
    from cliniko_async.apply._ledger import Ledger

__all__ = ["ApplyProgress", "ApplySummary", "Job", "Run"]

SERVER_CUT: Final = 30.0
"""Seconds after which Cliniko's servers drop a request (redguava/cliniko-api, issue 119)."""

SETTLED: Final = SERVER_CUT + 5
"""Seconds after sending from which on a write has happened, or never will."""

TRIES: Final = 5
"""How often a write is sent whose outcome stays unknown."""

AT_ONCE: Final = 16
"""Writes on their way at a time."""

DONE: Final[Mapping[State, State]] = {
    "create": "created",
    "update": "updated",
    "archive": "archived",
}


@attrs.frozen
class ApplyProgress:
    """How far a run has come.

    Attributes:
        done: Writes that have an outcome.
        total: Writes in all.
        refused: Writes that the API refused.
        unknown: Writes whose outcome could not be found out.
    """

    done: int
    total: int
    refused: int
    unknown: int


@attrs.frozen
class ApplySummary:
    """What a run did.

    Attributes:
        outcomes: What happened to each row, in the order of the input.
        requests: Requests that this run sent, reads included.
        seconds: How long it took.
    """

    outcomes: Sequence[RowOutcome] = attrs.field(repr=False)
    requests: int
    seconds: float

    @property
    def counts(self) -> Mapping[str, int]:
        """Rows by state."""
        return Plan(self.outcomes, 0, 0).counts


class Job:
    """What is to be written, and where.

    Attributes:
        cliniko: The session, in the bulk lane.
        resource: The resource.
        action: What to do.
        key: By which fields a row's record is found.
        rows: The rows, checked.
    """

    def __init__(
        self, cliniko: AsyncCliniko, resource: Any, action: Action, key: Key, rows: Sequence[Row]
    ) -> None:
        self.cliniko: AsyncCliniko = cliniko
        self.resource: Any = resource
        self.action: Action = action
        self.key: Key = key
        self.rows: Sequence[Row] = rows


class Run:
    """One run: what its tasks share."""

    def __init__(
        self, job: Job, ledger: Ledger, on_progress: Callable[[ApplyProgress], object] | None
    ) -> None:
        self._job = job
        self._ledger = ledger
        self._on_progress = on_progress
        self._outcomes: dict[int, RowOutcome] = {}
        self._due: list[tuple[Row, RowOutcome]] = []
        self._total = 0
        self._failure: ClinikoError | None = None

    async def run(self) -> ApplySummary:
        job = self._job
        began = asyncio.get_running_loop().time()
        before = job.cliniko.traffic.requests
        await self._let_settle()
        rows = [row for row in job.rows if not self._is_done(row)]
        found = await find_records(job.resource, job.key, rows)
        planned = plan_rows(job.action, rows, found)
        for row, outcome in zip(rows, planned, strict=True):
            self._settle(row, outcome)
        self._total = len(self._due)
        self._due.reverse()
        async with anyio.create_task_group() as tasks:
            for _ in range(min(AT_ONCE, self._total)):
                tasks.start_soon(self._work)
        if self._failure:
            raise self._failure
        if all(outcome.state != "unknown" for outcome in self._outcomes.values()):
            self._ledger.close()
        return ApplySummary(
            [self._outcomes[row.number] for row in job.rows],
            job.cliniko.traffic.requests - before,
            asyncio.get_running_loop().time() - began,
        )

    async def _let_settle(self) -> None:
        """Wait until the writes of a killed run have happened, or can no longer happen."""
        lines = [self._last(row) for row in self._job.rows]
        sent = [line.at for line in lines if line and line.state == "sent"]
        # A clock that was set back must not make this wait for longer.
        await anyio.sleep(min(max([*sent, 0.0]) + SETTLED - time.time(), SETTLED) if sent else 0)

    def _last(self, row: Row) -> Line | None:
        return self._ledger.last(self._ledger.hash(row.key)) if row.key else None

    def _is_done(self, row: Row) -> bool:
        """Whether an earlier run has done just this."""
        line = self._last(row)
        if line is None or line.state != "done" or line.body != self._ledger.hash(row.body):
            return False
        self._outcomes[row.number] = RowOutcome(row.number, "unchanged", line.id)
        return True

    def _settle(self, row: Row, outcome: RowOutcome) -> None:
        """Note what needs no write, and what does."""
        if outcome.state in WRITES:
            self._due.append((row, outcome))
            return
        line = self._last(row)
        if outcome.state == "unchanged" and line and line.state == "sent":
            self._note(row, "done", outcome.id)  # an earlier run's write has happened
        self._outcomes[row.number] = outcome

    async def _work(self) -> None:
        while self._due:
            row, outcome = self._due.pop()
            try:
                self._outcomes[row.number] = await self._write(row, outcome)
            except ClinikoError as error:
                # Writes that are on their way end first: none is cut off to look for later.
                self._failure = self._failure or error
                self._due.clear()
                return
            if self._on_progress:
                self._on_progress(self._progress())

    def _progress(self) -> ApplyProgress:
        states = [outcome.state for outcome in self._outcomes.values()]
        refused, unknown = states.count("refused"), states.count("unknown")
        done = sum(state in DONE.values() for state in states) + refused + unknown
        return ApplyProgress(done, self._total, refused, unknown)

    async def _write(self, row: Row, planned: RowOutcome) -> RowOutcome:
        outcome = planned
        for _ in range(TRIES):
            done = await self._write_once(row, outcome)
            if done is not None:
                return done
            await anyio.sleep(SETTLED)
            outcome = await self._look(row)
            if outcome.state == "unchanged":
                self._note(row, "done", outcome.id)
                return attrs.evolve(outcome, state=DONE[planned.state])
            if outcome.state not in WRITES:  # somebody else has been there meanwhile
                return outcome
        return RowOutcome(row.number, "unknown", planned.id)

    async def _write_once(self, row: Row, planned: RowOutcome) -> RowOutcome | None:
        """Send a write. Its outcome, or None if that is not known."""
        self._note(row, "sent", planned.id)
        try:
            record_id = await self._send(row, planned)
        except (OutcomeUnknownError, ServerError):
            return None
        except AnswerUnreadableError as error:
            record_id = error.id or planned.id
        except (ValidationError, NotFoundError) as error:
            self._note(row, "refused", planned.id, error.status)
            fields = dict(error.fields) if isinstance(error, ValidationError) else dict[str, str]()
            return RowOutcome(row.number, "refused", planned.id, fields=fields)
        except (InvalidTypeError, InvalidValueError) as error:
            self._note(row, "refused", planned.id)
            return RowOutcome(row.number, "invalid", planned.id, [str(error)])
        except (ApiError, TransportError, ReadOnlyError):
            self._note(row, "not sent", planned.id)
            raise
        self._note(row, "done", record_id)
        return RowOutcome(row.number, DONE[planned.state], record_id)

    async def _send(self, row: Row, planned: RowOutcome) -> str | None:
        resource = self._job.resource
        if planned.state == "archive":
            await resource.archive(planned.id)
            return planned.id
        if planned.state == "create":
            record_id: str = (await resource.create(**row.fields)).id
            return record_id
        await resource.update(planned.id, **row.fields)
        return planned.id

    async def _look(self, row: Row) -> RowOutcome:
        """What would become of a row now."""
        job = self._job
        found = await find_records(job.resource, job.key, [row])
        return plan_rows(job.action, [row], found)[0]

    def _note(self, row: Row, state: Any, id: str | None, status: int | None = None) -> None:
        hashed = self._ledger.hash
        self._ledger.write(Line(hashed(row.key), hashed(row.body), state, time.time(), id, status))
