"""What dlt reads: a source with one table per resource, whose rows come from a session.

dlt reads it in a thread and an event loop of its own. Requests are sent where the session is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import attrs
import dlt
import msgspec
import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs] # it has none
from dlt.common.destination.exceptions import SqlClientNotAvailable

from cliniko_async._client import AsyncCliniko
from cliniko_async._lists import undecoded
from cliniko_async._models.arrow import json_columns, table_of
from cliniko_async._models.moments import utc_text
from cliniko_async.errors import DecodeError, SessionClosedError
from cliniko_async.export._owner import Owner, owner_of
from cliniko_async.mirror._beginnings import Start, shown_marks
from cliniko_async.mirror._database import Nothing, Table
from cliniko_async.mirror._differences import Ask, Differences, Found, Since
from cliniko_async.mirror._pipeline import SOURCE, checked_owner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from cliniko_async._lists import OnBadRecord

__all__ = ["BadRecords", "Bridge", "Shared", "Work", "here", "since_of", "source_of"]

T = TypeVar("T")

logger: Final = logging.getLogger("cliniko_async.mirror")

arrow: Any = pa

NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL in a row's JSON. PostgreSQL refuses texts with it, and with them all rows of a load."""

REMOVED: Final = "_removed"
READ_AT: Final = "_read_at"
MOMENT: Final[Any] = arrow.timestamp("us", tz="UTC")

SLICE: Final = 60.0
"""Seconds of reading, a slice, after which what was read is written to the target. A first run that
is interrupted goes on behind the last slice that was written."""


# Where requests are sent


class Bridge:
    """Runs coroutines in the session's event loop, and hands their results to dlt's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._closed = False

    async def guard(self, begun: Iterable[asyncio.Task[Any]]) -> None:
        """Accept requests until this is cancelled; then cancel the tasks that were begun."""
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

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function there, without waiting for it."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and the run has ended
            self._loop.call_soon_threadsafe(function, *arguments)


async def here(request: Coroutine[Any, Any, T]) -> T:
    """Run it in this loop."""
    return await request


@attrs.frozen
class _Means:
    """What resources need while they are read: a session, its event loop, and dlt's SQL client."""

    cliniko: AsyncCliniko
    ask: Ask
    client: Any
    owner: asyncio.Future[Owner]


class Shared:
    """The session and the SQL client of all resources: opened by the first, closed by the last.

    Args:
        session: Opens the session.
        ask: Runs a request where the session's loop is.
        owner: Whose records they are, if that is known.
    """

    def __init__(
        self,
        session: Callable[[], AbstractAsyncContextManager[AsyncCliniko]],
        ask: Ask,
        owner: Owner | None = None,
    ) -> None:
        self._session = session
        self._ask = ask
        self._owner = owner
        self._users = 0
        self._means: _Means | None = None
        self._stack = contextlib.AsyncExitStack()

    # No generator: an event loop that ends would close it beneath those who are using it.

    async def __aenter__(self) -> _Means:
        if self._means is None:
            # Nothing in there gives way to other tasks, which would open them a second time.
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
        bulk = session.with_options(lane="bulk")
        owner = asyncio.ensure_future(_known(self._owner) if self._owner else owner_of(bulk))
        self._stack.callback(owner.cancel)
        return _Means(bulk, self._ask, client, owner)


async def _known(owner: Owner) -> Owner:
    return owner


# What was found


class BadRecords:
    """Records that do not fit their model: left out, reported once, and asked for again later."""

    def __init__(self, policy: OnBadRecord) -> None:
        self._policy = policy
        self._found: dict[tuple[str, str | None], DecodeError] = {}
        self._told: set[tuple[str, str | None]] = set()

    @property
    def errors(self) -> tuple[DecodeError, ...]:
        """All of them."""
        return tuple(self._found.values())

    def of(self, name: str) -> Callable[[DecodeError], object] | None:
        """What is called with the errors of one resource; None if they are to be raised."""
        if self._policy == "raise":
            return None

        def note(error: DecodeError) -> None:
            self._found[name, error.id] = error

        return note

    def ids(self, name: str) -> list[str]:
        """The ids of those of one resource."""
        return [id for resource, id in self._found if resource == name and id and id.isdecimal()]

    def tell(self) -> None:
        """Report what was not reported before."""
        for key, error in self._found.items():
            if key in self._told:
                continue
            self._told.add(key)
            if self._policy == "skip":
                logger.warning("left out, and asked for again next time: %s", error)
            elif callable(self._policy):
                self._policy(error)


def _nobody_asks(_name: str, _rows: int, _total: int | None, _done: bool) -> None:  # noqa: FBT001 - see Work
    pass


@attrs.define
class Work:
    """What is to be done, and how far it has come.

    Attributes:
        pending: Resources that are not complete.
        rows: Rows that were found so far, by resource.
        full: Whether everything is read again.
        begun: The first pages of lists, which were asked for before dlt was ready.
        paused: The readers of lists that a slice has read in part, for the next slice.
        bad: Records that do not fit.
        tell: Called with a resource, how many rows were found, how many there will be, and
            whether that is all.
    """

    pending: dict[str, None]
    rows: dict[str, int]
    full: bool
    bad: BadRecords
    begun: dict[str, asyncio.Task[Start]] = attrs.field(factory=dict[str, Any])
    paused: dict[str, Differences] = attrs.field(factory=dict[str, Any])
    tell: Callable[[str, int, int | None, bool], object] = _nobody_asks
    seconds: float = attrs.Factory(lambda: SLICE)
    _since: float | None = attrs.field(default=None, init=False)

    def next_slice(self) -> None:
        """Begin to count time anew."""
        self._since = None

    @property
    def is_over(self) -> bool:
        """Whether it is time to write down what was read."""
        return self._since is not None and time.monotonic() - self._since > self.seconds

    def begin(self) -> bool:
        """Whether a resource may begin now, and not in the next slice."""
        if self.is_over:
            return False
        if self._since is None:
            self._since = time.monotonic()
        return True


def source_of(shared: Shared, work: Work) -> Any:
    """A dlt source of all resources that are pending."""

    @dlt.source(name=SOURCE)
    def cliniko() -> Sequence[Any]:
        return [_TableSource(name, shared, work).resource() for name in work.pending]

    return cliniko()


def since_of(state: Mapping[str, Any]) -> Since | None:
    """How far a copy is, by what was noted of it."""
    if "until" not in state:
        return None
    until, through = (
        datetime.fromisoformat(state[key]) if state.get(key) else None
        for key in ("until", "through")
    )
    return Since(until, through, state.get("again", ())) if until else None


@attrs.frozen
class _TableSource:
    """Where the rows of one table come from."""

    name: str
    shared: Shared
    work: Work

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

    async def _check_owner(self, means: _Means, source: dict[str, Any]) -> None:
        source["owner"] = checked_owner(source, await asyncio.shield(means.owner), "the target")

    async def _services(self) -> AsyncGenerator[Any]:
        source = dlt.current.source_state()
        async with self.shared as means:
            await self._check_owner(means, source)
            services = means.cliniko.services
            found = await means.ask(undecoded(services.list()).all())
        rows = [_without_nul(row) for row in found]
        table = table_of(services.model, rows, self.work.bad.of(self.name))
        self._count(len(table), len(table))
        yield table
        self._complete(len(found))

    async def _changed(self) -> AsyncGenerator[Any]:
        if not self.work.begin():
            return
        clock, source = _Clock(), dlt.current.source_state()
        state = dlt.current.resource_state(self.name)
        complete = True
        async with self.shared as means:
            await self._check_owner(means, source)
            resource = getattr(means.cliniko, self.name)
            marks = shown_marks(resource.__class__)
            copy = Table(self.name, marks, means.client)
            known = copy.exists()
            if not known:
                yield self._stamped(resource.model, Found(), clock)  # an empty table is one, too
            since = since_of(state) if known and not self.work.full else None
            finding = self.work.paused.pop(self.name, None) or Differences(
                resource, means.ask, since=since, started=self.work.begun.pop(self.name, None)
            )
            differences = finding.find(copy if known else Nothing(marks))
            async for found in differences:
                table = self._stamped(resource.model, found, clock)
                # By records: one that was updated and archived is found twice, and written once.
                self._count(finding.found(self.work.bad.ids(self.name)), finding.total)
                yield table
                if self.work.is_over and finding.through is not None:
                    complete = False
                    self.work.paused[self.name] = finding
                    # Not in a `finally`: a loop that ends closes generators by itself.
                    await differences.aclose()
                    break
        state["until"] = finding.until.isoformat()
        state["through"] = finding.through and utc_text(finding.through)
        before = since.again if since and not complete else ()
        state["again"] = [*dict.fromkeys((*before, *self.work.bad.ids(self.name)))]
        if complete:
            self._complete(finding.total)

    def _stamped(self, model: Any, found: Found, clock: _Clock) -> Any:
        rows = [_without_nul(row) for row in found.rows]
        return _stamped(table_of(model, rows, self.work.bad.of(self.name)), found.gone, clock)

    def _count(self, rows: int, total: int | None) -> None:
        """Say how many rows were found so far."""
        self.work.rows[self.name] = rows
        self.work.tell(self.name, self.work.rows[self.name], total, False)  # noqa: FBT003 - see Work

    def _complete(self, total: int | None) -> None:
        self.work.pending.pop(self.name, None)
        self.work.tell(self.name, self.work.rows[self.name], total, True)  # noqa: FBT003 - likewise


class _Clock:
    """This machine's clock, never showing the same moment twice."""

    def __init__(self) -> None:
        self._last = datetime.now(UTC)

    def next(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last


def _without_nul(row: msgspec.Raw) -> msgspec.Raw:
    """A row with U+FFFD, the replacement character, in the place of NUL."""
    data = bytes(row)
    return msgspec.Raw(NUL.sub(rb"\1\\ufffd", data)) if b"\\u0000" in data else row


def _stamped(table: Any, gone: Sequence[str], clock: _Clock) -> Any:
    """A table of what was found, with the two columns that are the mirror's own."""
    if gone:  # and nothing else: see `Found`
        nulls = {name: [None] * len(gone) for name in table.schema.names if name != "id"}
        table = arrow.table({"id": gone, **nulls}, schema=table.schema)
    removed = [bool(gone) or None] * len(table)
    read_at = [clock.next()] * len(table)
    return table.append_column(REMOVED, arrow.array(removed, arrow.bool_())).append_column(
        READ_AT, arrow.array(read_at, MOMENT)
    )
