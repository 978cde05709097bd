"""Mirror: a copy of the clinic in a database, one table a resource, kept up to date.

The first run copies all records, hidden ones too; later runs ask for what has changed. The engine
is dlt (extra `mirror`): it writes to DuckDB, PostgreSQL, BigQuery, Snowflake and others.
`cliniko_source` is for pipelines of your own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.to_thread
import attrs
import dlt
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs] # it has none
from anyio.lowlevel import checkpoint_if_cancelled
from dlt.common.destination.exceptions import (
    SqlClientNotAvailable,
)

from cliniko_async._client import AsyncCliniko
from cliniko_async._lists import undecoded
from cliniko_async._models.arrow import json_columns, table_of
from cliniko_async._verbs.include import marks_of
from cliniko_async.errors import ClinikoError, InvalidValueError, SessionClosedError
from cliniko_async.export import exportable
from cliniko_async.mirror._database import MirrorError, Nothing, Place, Table, run
from cliniko_async.mirror._differences import Ask, Differences, Found, Start, start

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

__all__ = ["MirrorError", "MirrorSummary", "cliniko_source", "mirror", "mirrorable"]

T = TypeVar("T")

arrow: Any = pa

REMOVED: Final = "_removed"
READ_AT: Final = "_read_at"
MOMENT: Final[Any] = arrow.timestamp("us", tz="UTC")


@attrs.frozen
class MirrorSummary:
    """What a run of `mirror` did.

    Attributes:
        rows: Rows that were written, by table. What changed lately is written again.
        requests: Requests that were sent.
        seconds: How long it took.
    """

    rows: dict[str, int]
    requests: int
    seconds: float


def mirrorable() -> Sequence[str]:
    """The resources that are mirrored unless others are named.

    All that have lists, but for bookings, whose rows are in the tables of their three kinds.
    """
    return (*(name for name in exportable() if name != "bookings"), "services")


async def mirror(
    cliniko: AsyncCliniko,
    target: str | os.PathLike[str] = "clinic.duckdb",
    resources: Iterable[str] | None = None,
    *,
    full: bool = False,
) -> MirrorSummary:
    """Copy the clinic into a database, or bring the copy up to date.

    Args:
        cliniko: An open session. Its bulk lane is used, so that interactive calls go first.
        target: A DuckDB file, a URL such as `postgresql://user:password@host/database`, or the
            name of another of dlt's destinations, which finds its credentials as dlt's own
            documentation says.
        resources: Their names, as in the URL; all by default.
        full: Read everything anew, instead of what has changed.

    Raises:
        InvalidValueError: A resource that there is not, or a file that cannot be written to.
        MirrorError: The target cannot be written to.
    """
    started, sent = time.monotonic(), cliniko.traffic.requests
    names = _checked(resources)
    place = Place.of(target)
    bridge = _Bridge(asyncio.get_running_loop())
    rows = dict.fromkeys(names, 0)
    shared = _Shared(lambda: contextlib.nullcontext(cliniko), bridge.ask)
    # What is to be read whole is begun while dlt makes itself ready.
    begun = _begin(cliniko.with_options(lane="bulk"), names if full or place.is_new else ())
    source = _source(names, shared, full=full, rows=rows, begun=begun)
    error: ClinikoError | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bridge.guard, begun.values())
        error = await anyio.to_thread.run_sync(run, place, source)
        tasks.cancel_scope.cancel()
    await asyncio.gather(*begun.values(), return_exceptions=True)
    await checkpoint_if_cancelled()  # cancelled is not failed
    if error:
        raise error
    return MirrorSummary(rows, cliniko.traffic.requests - sent, time.monotonic() - started)


def _begin(cliniko: AsyncCliniko, names: Iterable[str]) -> Mapping[str, asyncio.Task[Start]]:
    return {
        name: asyncio.create_task(start(getattr(cliniko, name)))
        for name in names
        if name != "services" and not getattr(cliniko, name).inactive_apart
    }


def cliniko_source(
    resources: Iterable[str] | None = None,
    *,
    session: Callable[[], AsyncCliniko] = AsyncCliniko,
    full: bool = False,
) -> Any:
    """A dlt source, for pipelines of your own: `pipeline.run(cliniko_source(["patients"]))`.

    dlt keeps what it loaded, patients' data, in `~/.dlt` unless `load.delete_completed_jobs` is
    set in its configuration.

    Args:
        resources: Their names, as in the URL; all by default.
        session: Makes the session, which is opened and closed in dlt's own event loop. By default
            it has the key and User-Agent of `CLINIKO_API_KEY` and `CLINIKO_USER_AGENT`.
        full: Read everything anew, instead of what has changed.
    """
    names = _checked(resources)
    rows = dict.fromkeys(names, 0)
    return _source(names, _Shared(session, _here), full=full, rows=rows, begun={})


def _checked(resources: Iterable[str] | None) -> Sequence[str]:
    names = tuple(mirrorable() if resources is None else dict.fromkeys(resources))
    known = {*mirrorable(), "bookings"}
    for name in names:
        if name not in known:
            raise InvalidValueError(
                f"there is no resource {name!r} to mirror: there are {', '.join(sorted(known))}"
            )
    return names


# Where requests are sent


class _Bridge:
    """Runs coroutines in the session's loop, for those who wait in another one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._closed = False

    async def guard(self, begun: Iterable[asyncio.Task[Any]]) -> None:
        """Until cancelled, let requests through; then end those that were begun."""
        try:
            await anyio.sleep_forever()
        finally:
            self._closed = True
            for task in begun:
                task.cancel()

    async def ask(self, request: Coroutine[Any, Any, T]) -> T:
        """Run it there, and wait here."""
        if self._closed:
            request.close()
            raise SessionClosedError("the mirror was cancelled")
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(request, self._loop))
        except asyncio.CancelledError:
            if self._closed:
                raise SessionClosedError("the mirror was cancelled") from None
            raise


async def _here(request: Coroutine[Any, Any, T]) -> T:
    return await request


@attrs.frozen
class _Means:
    """What resources need while they are read: a session, its loop, and dlt's SQL client."""

    cliniko: AsyncCliniko
    ask: Ask
    client: Any


class _Shared:
    """Means that are shared: the first who needs them opens them, the last one closes them.

    Args:
        session: Opens the session.
        ask: Runs a request where the session's loop is.
    """

    def __init__(
        self, session: Callable[[], AbstractAsyncContextManager[AsyncCliniko]], ask: Ask
    ) -> None:
        self._session = session
        self._ask = ask
        self._users = 0
        self._means: _Means | None = None
        self._stack = contextlib.AsyncExitStack()

    # No generator: an event loop that ends would close it beneath those who are using it.

    async def __aenter__(self) -> _Means:
        if self._means is None:
            # Nothing is awaited for in there that would let others in.
            self._means = await self._open()
        self._users += 1
        return self._means

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            self._means = None
            await self._stack.aclose()

    async def _open(self) -> _Means:
        try:
            return await self._opened()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _opened(self) -> _Means:
        session = await self._stack.enter_async_context(self._session())
        client: Any = None
        with contextlib.suppress(SqlClientNotAvailable):
            # Closed by hand: its types are not those of context managers.
            client = dlt.current.pipeline().sql_client()
            client.open_connection()
            self._stack.callback(client.close_connection)
        return _Means(session.with_options(lane="bulk"), self._ask, client)


# What dlt is given


def _source(
    names: Sequence[str],
    shared: _Shared,
    *,
    full: bool,
    rows: dict[str, int],
    begun: Mapping[str, asyncio.Task[Start]],
) -> Any:
    @dlt.source(name="cliniko")
    def cliniko() -> Sequence[Any]:
        tables = [_TableSource(n, shared, rows, full=full, begun=begun.get(n)) for n in names]
        return [table.resource() for table in tables]

    return cliniko()


@attrs.frozen
class _TableSource:
    """Where the rows of one table come from.

    Attributes:
        rows: How many were found so far, by table.
        full: Whether what was copied before is not to be relied on.
        begun: The beginning of the list, if it was asked for before dlt was ready.
    """

    name: str
    shared: _Shared
    rows: dict[str, int]
    full: bool
    begun: asyncio.Task[Start] | None

    def resource(self) -> Any:
        """The rows as dlt reads them."""
        model, name = getattr(AsyncCliniko, self.name).model, self.name
        columns: dict[str, Any] = {column: {"data_type": "json"} for column in json_columns(model)}

        def tables() -> AsyncGenerator[Any]:  # dlt takes no methods
            return self._services() if name == "services" else self._changed()

        if name == "services":  # they have no ids
            return dlt.resource(tables, name=name, columns=columns, write_disposition="replace")
        columns[REMOVED] = {"hard_delete": True}
        columns[READ_AT] = {"dedup_sort": "desc"}
        return dlt.resource(
            tables, name=name, columns=columns, primary_key="id", write_disposition="merge"
        )

    async def _services(self) -> AsyncGenerator[Any]:
        async with self.shared as means:
            services = means.cliniko.services
            found = await means.ask(undecoded(services.list()).all())
        self.rows[self.name] += len(found)
        yield table_of(services.model, found)

    async def _changed(self) -> AsyncGenerator[Any]:
        clock, state = _Clock(), dlt.current.resource_state(self.name)
        async with self.shared as means:
            resource = getattr(means.cliniko, self.name)
            marks = marks_of(resource.__class__)
            copy = Table(self.name, marks, means.client) if state else None
            if copy is None or not copy.exists():
                copy = None
                yield _stamped(resource.model, Found(), clock)  # an empty table is a table, too
            finding = self._differences(resource, means.ask, copy, state)
            async for found in finding.find():
                self.rows[self.name] += len(found.rows) + len(found.gone)
                yield _stamped(resource.model, found, clock)
        state["since"], state["marked"] = finding.until.isoformat(), finding.marked.isoformat()

    def _differences(
        self, resource: Any, ask: Ask, copy: Table | None, state: Mapping[str, str]
    ) -> Differences:
        known: Mapping[str, str] = state if copy and not self.full else {}
        since, marked = (
            datetime.fromisoformat(known[key]) if key in known else None
            for key in ("since", "marked")
        )
        return Differences(
            resource, ask, copy or Nothing(), since=since, marked=marked, started=self.begun
        )


class _Clock:
    """This machine's clock, never showing the same moment twice."""

    def __init__(self) -> None:
        self._last = datetime.now(UTC)

    def next(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last


def _stamped(model: Any, found: Found, clock: _Clock) -> Any:
    """A table of what was found, with the two columns that are the mirror's own."""
    table = table_of(model, found.rows)
    if found.gone:
        lost = {"id": found.gone}
        nulls = {name: [None] * len(found.gone) for name in table.schema.names if name != "id"}
        table = arrow.table({**lost, **nulls}, schema=table.schema)
    removed = [bool(found.gone) or None] * len(table)
    read_at = [clock.next()] * len(table)
    return table.append_column(REMOVED, arrow.array(removed, arrow.bool_())).append_column(
        READ_AT, arrow.array(read_at, MOMENT)
    )
