"""Mirror: a copy of the clinic in a database, one table per resource, kept up to date.

The first run copies all records, hidden ones too; later runs ask for what has changed. The engine
is dlt (extra `mirror`): it writes to DuckDB, PostgreSQL, BigQuery, Snowflake and others.
`cliniko_source` is for pipelines of your own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import attrs
from anyio.lowlevel import checkpoint_if_cancelled

from cliniko_async._client import AsyncCliniko
from cliniko_async._verbs.include import everything
from cliniko_async.errors import ClinikoError, DecodeError, InvalidValueError
from cliniko_async.export import Cost, Progress, exportable
from cliniko_async.export._owner import owner_of
from cliniko_async.export._progress import PAGE, Pace, cost_of
from cliniko_async.mirror._beginnings import shown_marks, start
from cliniko_async.mirror._database import Target
from cliniko_async.mirror._pipeline import Pipeline, working_folder
from cliniko_async.mirror._source import (
    BadRecords,
    Bridge,
    Shared,
    Work,
    here,
    since_of,
    source_of,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from cliniko_async._lists import OnBadRecord
    from cliniko_async.export._owner import Owner

__all__ = ["MirrorSummary", "cliniko_source", "mirror", "mirrorable", "plan"]


@attrs.frozen
class MirrorSummary:
    """What a run of `mirror` did.

    Attributes:
        rows: Rows that were written or removed, by table, each counted once. What changed shortly
            before the last change that is known is written again in each run, for clocks differ.
        requests: Requests that were sent.
        seconds: How long it took.
        bad_records: Records that did not fit their model. They are missing from the tables, or are
            there as they were before, and the next run asks for them again.
    """

    rows: dict[str, int]
    requests: int
    seconds: float
    bad_records: tuple[DecodeError, ...] = ()


def mirrorable() -> Sequence[str]:
    """The resources that are mirrored unless others are named.

    All that have lists, except bookings, whose rows are in the tables of their three kinds.
    """
    return (*(name for name in exportable() if name != "bookings"), "services")


async def plan(
    cliniko: AsyncCliniko,
    target: str | os.PathLike[str] = "clinic.duckdb",
    resources: Iterable[str] | None = None,
    *,
    full: bool = False,
    dataset: str | None = None,
) -> Cost:
    """Find out what a mirror will cost, and copy nothing.

    It costs one request for the account, and one for each resource that will be read whole.
    Changes in the others are not asked for: they count as in a run without changes.

    The arguments and errors are those of `mirror`.
    """
    names = _checked(resources)
    place = Target.of(target, dataset)
    del target  # it may hold a password, and crash reporters show the variables of frames
    cliniko = cliniko.with_options(lane="bulk")
    with working_folder(place) as folder:
        place.check()
        pipeline = Pipeline(place, folder)
        error = None if place.is_new else await anyio.to_thread.run_sync(pipeline.open)
    if error:
        raise error
    pipeline.check(await owner_of(cliniko))
    left: dict[str, int] = {}
    for name in _to_be_read(names, pipeline.states, full=full):
        through = None if full else _since(pipeline.states, name)
        resource = getattr(cliniko, name)
        where = [resource.filters.created_at >= through] if through else []
        left[name] = await everything(resource, *where).count()
    return _cost(cliniko, names, left)


async def mirror(
    cliniko: AsyncCliniko,
    target: str | os.PathLike[str] = "clinic.duckdb",
    resources: Iterable[str] | None = None,
    *,
    full: bool = False,
    dataset: str | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    on_cost: Callable[[Cost], object] | None = None,
    on_bad_record: OnBadRecord = "skip",
) -> MirrorSummary:
    """Copy the clinic into a database, or bring the copy up to date.

    A first run that was interrupted continues where it stopped, at most a minute earlier.

    Args:
        cliniko: An open session. Its bulk lane is used, so that interactive calls go first.
        target: A DuckDB file, a URL such as `postgresql://user:password@host/database`, or the
            name of another of dlt's destinations, which finds its credentials as dlt's own
            documentation says.
        resources: Their names, as in the URL; all by default.
        full: Read everything again, instead of only what has changed.
        dataset: The schema for the tables, such as "north", so that many clinics can share a
            database. Without one, it is `main` in a DuckDB file, and `cliniko` elsewhere.
        on_progress: Called with the progress of a resource whenever there is some.
        on_cost: Called once with what the run will cost, as soon as that is known.
        on_bad_record: What happens to a record that does not fit its model. By default, the mirror
            continues without it; a warning at the end names the record and its field, the summary
            has the error, and the next run asks for the record again. A function is called at the
            end with each `DecodeError` instead. "raise" ends the run.

    Raises:
        InvalidValueError: A resource that does not exist, a file that cannot be written to or is
            not a DuckDB file, or a target that holds the mirror of another account.
        MirrorError: The target cannot be read or written, or another mirror is writing to it.
    """
    started, sent = time.monotonic(), cliniko.traffic.requests
    names = _checked(resources)
    place = Target.of(target, dataset)
    del target  # it may hold a password, and crash reporters show the variables of frames
    bulk = cliniko.with_options(lane="bulk")
    work = Work(dict.fromkeys(names), dict.fromkeys(names, 0), full, BadRecords(on_bad_record))
    with working_folder(place) as folder:
        place.check()
        job = _Job(bulk, place, folder, work, on_progress=on_progress, on_cost=on_cost)
        await job.run()
    work.bad.tell()
    return MirrorSummary(
        work.rows,
        cliniko.traffic.requests - sent,
        time.monotonic() - started,
        work.bad.errors,
    )


class _Job:
    """One run of a mirror."""

    def __init__(
        self,
        cliniko: AsyncCliniko,
        target: Target,
        folder: Path,
        work: Work,
        *,
        on_progress: Callable[[Progress], object] | None,
        on_cost: Callable[[Cost], object] | None,
    ) -> None:
        self._cliniko = cliniko
        self._target = target
        self._pipeline = Pipeline(target, folder)
        self._work = work
        self._on_progress = on_progress
        self._on_cost = on_cost
        self._bridge = Bridge(asyncio.get_running_loop())
        self._progress = {name: Progress(name) for name in work.rows}
        self._totals: dict[str, asyncio.Future[int]] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self._pace = Pace(cliniko)
        work.tell = partial(self._bridge.call, self._tell)

    async def run(self) -> None:
        """Copy what differs.

        Raises:
            ClinikoError: As `mirror` does.
        """
        error: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._bridge.guard, self._tasks)
            # Requests are begun while dlt gets ready.
            asking = asyncio.create_task(owner_of(self._cliniko))
            self._tasks.append(asking)
            if self._target.is_new:
                self._begin(self._work.pending)
            error = await anyio.to_thread.run_sync(self._pipeline.open)
            await asyncio.wait({asking})
            await checkpoint_if_cancelled()  # before its result, which would be another one's end
            try:
                error = error or await self._copy(asking.result())
            except Exception as own:  # noqa: BLE001 - raised in a group, it would be one
                error = own.with_traceback(None)
            tasks.cancel_scope.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await checkpoint_if_cancelled()  # cancelled is not failed
        if error:
            raise error

    async def _copy(self, owner: Owner) -> ClinikoError | None:
        self._pipeline.check(owner)
        states = self._pipeline.states
        self._begin(_to_be_read(self._work.rows, states, full=self._work.full))
        if self._on_cost:
            self._tasks.append(asyncio.create_task(self._tell_cost(self._on_cost)))
        shared = Shared(lambda: contextlib.nullcontext(self._cliniko), self._bridge.ask, owner)
        return await anyio.to_thread.run_sync(self._load, shared, owner)

    def _begin(self, names: Iterable[str]) -> None:
        """Begin to read resources whole."""
        for name in names:
            resource = getattr(self._cliniko, name)
            if name in self._totals or name == "services" or resource.inactive_apart:
                continue
            if not self._work.full and _since(self._pipeline.states, name):
                continue
            total = self._totals[name] = asyncio.get_running_loop().create_future()
            task = self._work.begun[name] = asyncio.create_task(start(resource, total))
            task.add_done_callback(partial(_given_up, total))
            self._tasks.append(task)

    def _load(self, shared: Shared, owner: Owner) -> ClinikoError | None:
        """Write slice after slice, until nothing is left."""
        error = self._pipeline.note(owner)
        while self._work.pending and not error:
            self._work.next_slice()
            error = self._pipeline.run(source_of(shared, self._work))
        return error or self._pipeline.make_views()

    async def _tell_cost(self, on_cost: Callable[[Cost], object]) -> None:
        left = {name: await total for name, total in self._totals.items()}
        for name, records in left.items():
            self._progress[name].total = records
        on_cost(_cost(self._cliniko, self._work.rows, left))

    def _tell(self, name: str, rows: int, total: int | None, done: bool) -> None:  # noqa: FBT001 - see Work
        state = self._progress[name]
        state.records, state.done = rows, done
        state.total = rows if done else max(total or 0, state.total or 0, rows)
        if self._on_progress:
            states = self._progress.values()
            left = sum(max((s.total or 0) - s.records, 0) for s in states)
            came = sum(s.records for s in states)
            state.seconds_left = self._pace.seconds_left(came, left)
            self._on_progress(state)


def cliniko_source(
    resources: Iterable[str] | None = None,
    *,
    session: Callable[[], AsyncCliniko] = AsyncCliniko,
    full: bool = False,
    on_bad_record: OnBadRecord = "skip",
) -> Any:
    """A dlt source for pipelines of your own: `pipeline.run(cliniko_source(["patients"]))`.

    dlt keeps what it loaded, patients' data, in `~/.dlt` unless `load.delete_completed_jobs` is
    set in its configuration.

    Args:
        resources: Their names, as in the URL; all by default.
        session: Makes the session, which is opened and closed in dlt's own event loop. By default
            it has the key and User-Agent of `CLINIKO_API_KEY` and `CLINIKO_USER_AGENT`.
        full: Read everything again, instead of only what has changed.
        on_bad_record: As for `mirror`; reported at the end of each table.
    """
    names = _checked(resources)
    bad = BadRecords(on_bad_record)
    work = Work(dict.fromkeys(names), dict.fromkeys(names, 0), full, bad, seconds=math.inf)
    work.tell = lambda _name, _rows, _total, done: bad.tell() if done else None
    return source_of(Shared(session, here), work)


def _checked(resources: Iterable[str] | None) -> Sequence[str]:
    names = tuple(mirrorable() if resources is None else dict.fromkeys(resources))
    known = {*mirrorable(), "bookings"}
    for name in names:
        if name not in known:
            raise InvalidValueError(
                f"there is no resource {name!r} to mirror: there are {', '.join(sorted(known))}"
            )
    return names


def _given_up(total: asyncio.Future[Any], _task: asyncio.Task[Any]) -> None:
    total.cancel()


def _since(states: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    """Where reading goes on, for a list that was read in part; None for others."""
    since = since_of(states.get(name, {}))
    return since and since.through


def _to_be_read(
    names: Iterable[str], states: Mapping[str, Mapping[str, Any]], *, full: bool
) -> list[str]:
    """The resources that are read to the end: from the start, or from where a run stopped."""
    asked = [name for name in names if name != "services"]
    return [
        name
        for name in asked
        if full or not states.get(name, {}).get("until") or _since(states, name)
    ]


def _cost(cliniko: AsyncCliniko, names: Iterable[str], left: Mapping[str, int]) -> Cost:
    kinds: dict[str, type[Any]] = {name: getattr(AsyncCliniko, name) for name in names}
    marks = sum(len(shown_marks(kind)) for name, kind in kinds.items() if name not in left)
    apart = sum(name != "services" and kind.inactive_apart for name, kind in kinds.items())
    # A list of several pages is asked for what was changed last as well, before it is read.
    long = sum(records > PAGE for records in left.values())
    found = {name: left.get(name, 0) for name in names}
    return cost_of(cliniko, found, two_lists=apart, more=1 + marks + long)
