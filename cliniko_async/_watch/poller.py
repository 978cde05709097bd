"""One resource of a watch: the requests of a poll, and what is new in their rows.

A poll asks about `updated_at`, and about one of the marks (`archived_at`, `cancelled_at`,
`deleted_at`) in turn: setting a mark may leave `updated_at` as it is, and the API has no "or". So a
poll without changes costs two requests, and a change that shows in a mark alone is told within as
many polls as there are marks. A process's first poll asks about all of them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import attrs
import msgspec

from cliniko_async._lists import Listing
from cliniko_async._lists.archive import IN_ARCHIVE, Archive, Pages
from cliniko_async._lists.cursor import chunks, pack, unpack
from cliniko_async._lists.versions import (
    KINDS,
    LOCAL_MARGIN,
    OVERLAP,
    UNCERTAIN,
    Moments,
    read_moments,
)
from cliniko_async._models.converter import decode
from cliniko_async._models.moments import utc_text
from cliniko_async._query.fields import Filter
from cliniko_async._watch.change import WatchedChange, WatchKind
from cliniko_async._watch.state import KeptResource
from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliniko_async._http.session import Session
    from cliniko_async._lists import OnBadRecord
    from cliniko_async._models.model import Model
    from cliniko_async._watch.memory import Memory

    Row = bytes | msgspec.Raw

__all__ = ["Found", "Poller", "Target"]

M = TypeVar("M", bound="Model")

logger: Final = logging.getLogger("cliniko_async.watch")

UPDATED: Final = "updated_at"
ARCHIVED: Final = "archived_at"


@attrs.frozen(repr=False)
class Target(Generic[M]):
    """A resource that is watched.

    Attributes:
        name: As in the URL.
        listing: Lists all rows, hidden ones too, that pass filters.
        marks: The fields that hide a record.
    """

    name: str
    model: type[M]
    listing: Callable[..., Listing[msgspec.Raw]]
    marks: Sequence[str]


@attrs.frozen(repr=False)
class Found(Generic[M]):
    """A change or an error to hand out, and what to note when it was taken."""

    what: WatchedChange[M] | DecodeError
    settle: Callable[[], None]


@attrs.define(repr=False)
class _Step:
    """One list request of a poll.

    Attributes:
        field: The field that is asked about; None for ids.
        floor: The moment up to which all changes were told.
        source: Makes the listing.
        silent: Whether rows are remembered and not told, as at the start of a watch that has
            neither a cursor nor `since`.
        archive: The ids in the archive, if all of it is read.
        began: The server's time at the first answer.
        now: The server's time at the latest answer.
        newest: The newest stamp of all rows.
    """

    field: str | None
    floor: datetime
    source: Callable[[], Pages | Archive]
    silent: bool = False
    archive: set[int] | None = None
    began: datetime | None = None
    now: datetime | None = None
    newest: datetime | None = None
    _open: Pages | Archive | None = None

    async def rows(self) -> Sequence[Row] | None:
        """The next rows; None at the end. It can be cancelled and repeated."""
        self._open = self._open or self.source()
        return await self._open.next()

    def note_time(self, now: datetime) -> None:
        """Take the server's clock from an answer."""
        self.began = self.began or now
        self.now = max(self.now or now, now)

    def next_floor(self) -> datetime:
        """The moment up to which all changes are told then; `Versions` has the reasons."""
        start, now = self.began or self.floor, self.now or self.floor
        newest = self.newest - (now - start) if self.newest else self.floor
        return min(max(newest, self.floor, start - UNCERTAIN), start)

    async def reset(self) -> None:
        """Begin it anew."""
        if self._open is not None:
            await self._open.aclose()
        self._open = self.began = self.now = self.newest = None
        if self.archive:
            self.archive.clear()


class Poller(Generic[M]):
    """Polls one resource.

    Args:
        target: The resource.
        session: Tells the server's time.
        memory: What is remembered of its records.
        restored: Whether what came back from the archive is looked for.
        on_bad_record: What happens with records that do not fit their model.
    """

    def __init__(
        self,
        target: Target[M],
        session: Session,
        memory: Memory,
        *,
        restored: bool,
        on_bad_record: OnBadRecord,
    ) -> None:
        self._target = target
        self._session = session
        self._memory = memory
        self._on_bad_record = on_bad_record
        self._restored = restored and ARCHIVED in target.marks
        self._floors: dict[str, datetime] = {}
        self._archived: set[int] | None = None
        self._bad: dict[str, bytes] = {}
        self._turns = deque(target.marks)
        self._steps: deque[_Step] = deque()
        self._first = True
        self._base: datetime | None = None

    def since(self, moment: datetime) -> None:
        """Tell what has changed since a moment."""
        self._floors = dict.fromkeys((UPDATED, *self._target.marks), moment)

    def load(self, kept: KeptResource) -> None:
        """Go on where an earlier process was."""
        self._floors = dict(kept.floors)
        self._bad = dict.fromkeys(kept.bad, b"")
        if self._restored and kept.archived is not None:
            self._archived = unpack(kept.archived)

    def kept(self) -> KeptResource:
        """What the next process goes on with."""
        memory = self._memory
        return KeptResource(
            self._floors,
            list(memory.told.items()),
            memory.names,
            list(memory.versions.items()),
            None if self._archived is None else pack(self._archived),
            list(self._bad),
        )

    async def next(self) -> Sequence[Found[M]] | None:
        """The next changes; None at the end of a poll. Called again, it begins a new one.

        Whatever was found before has been settled. It can be cancelled and repeated.
        """
        if not self._steps:
            await self._begin()
        while self._steps:
            step = self._steps[0]
            rows = await step.rows()
            step.note_time(self._server_time())
            if rows is None:
                self._steps.popleft()
                self._finish(step)
            elif found := [one for row in rows if (one := self._look(step, row))]:
                return found
        self._first = False
        return None

    async def reset(self) -> None:
        """Begin the present list request again after an error."""
        if self._steps:
            await self._steps[0].reset()

    def _server_time(self) -> datetime:
        return self._session.server_time or datetime.now(UTC) - LOCAL_MARGIN

    # What is asked

    async def _begin(self) -> None:
        if not self._floors and self._base is None:
            if self._session.server_time is None:
                future = Filter[Any](UPDATED, f">={utc_text(datetime.now(UTC))}")
                await self._target.listing(future).count()
            self._base = self._server_time() - UNCERTAIN
        self._steps = deque(self._planned())

    def _planned(self) -> Iterator[_Step]:
        if self._first:
            yield from (self._again(ids) for ids in chunks(list(self._bad)))
        yield self._since(UPDATED)
        for mark in tuple(self._turns) if self._first else tuple(self._turns)[:1]:
            yield self._archive() if mark == ARCHIVED and self._restored else self._since(mark)
        self._turns.rotate(-1)

    def _floor(self, field: str) -> datetime:
        """The moment up to which all changes were told that this field shows."""
        floors = self._floors
        found = floors.get(field) or min(floors.values(), default=self._base)
        assert found is not None  # noqa: S101 - a poll has begun
        return found

    def _step(
        self, field: str | None, source: Callable[[], Pages | Archive], archive: set[int] | None
    ) -> _Step:
        silent = self._base is not None
        return _Step(field, self._floor(field or UPDATED), source, silent, archive)

    def _again(self, ids: Sequence[str]) -> _Step:
        where = Filter[Any]("id", "=" + ",".join(ids))
        return self._step(None, lambda: Pages(lambda: self._target.listing(where)), None)

    def _since(self, field: str) -> _Step:
        where = Filter[Any](field, f">={utc_text(self._floor(field) - OVERLAP)}")
        return self._step(field, lambda: Pages(lambda: self._target.listing(where)), None)

    def _archive(self) -> _Step:
        listing, known = self._target.listing, self._archived
        if known is None:
            return self._step(ARCHIVED, lambda: Pages(lambda: listing(IN_ARCHIVE)), set())
        floor = self._floor(ARCHIVED) - OVERLAP
        return self._step(ARCHIVED, lambda: Archive(listing, known, floor), None)

    def _finish(self, step: _Step) -> None:
        if step.archive is not None:
            self._archived = step.archive
        if step.field is None:
            return
        self._floors[step.field] = step.next_floor()
        if not any(later.silent for later in self._steps):
            self._base = None
        self._memory.forget(min(self._floors.values()) - OVERLAP)

    # What is new

    def _look(self, step: _Step, row: Row) -> Found[M] | None:
        moments = read_moments(row)
        if stamp := moments.newest:
            step.newest = max(step.newest or stamp, stamp)
        if step.archive is not None:
            if moments.id is not None:
                step.archive.add(int(moments.id))
            if not moments.since(step.floor - OVERLAP, ARCHIVED):
                return None
        digest = self._memory.digest(row)
        if step.silent or (digest in self._memory.told and not self._came_back(moments)):
            self._note(moments, row, digest)
            return None
        record = decode(self._target.model, row)
        if isinstance(record, DecodeError):
            return self._misfit(moments, digest, record)
        return self._news(moments, row, digest, record)

    def _news(self, moments: Moments, row: Row, digest: bytes, record: M) -> Found[M]:
        digests = self._memory.fields(moments.id, row)
        fields = self._memory.changed(moments.id, digests)
        change = WatchedChange(
            kind=self._kind(moments, fields),
            resource=self._target.name,
            record=record,
            fields=fields,
            version=digest.hex(),
            row=row,
        )
        return Found(change, partial(self._note, moments, row, digest))

    def _note(self, moments: Moments, row: Row, digest: bytes) -> None:
        """Remember a version as one that is told."""
        fields = self._memory.fields(moments.id, row)
        self._memory.note(moments.id, fields, digest, moments.newest)
        if moments.id is None:
            return
        self._bad.pop(moments.id, None)
        if self._archived is not None:
            change = self._archived.add if ARCHIVED in moments.at else self._archived.discard
            change(int(moments.id))

    def _misfit(self, moments: Moments, digest: bytes, error: DecodeError) -> Found[M] | None:
        id = moments.id or ""
        if self._bad.get(id) == digest:
            return None
        self._bad[id] = digest
        if self._on_bad_record == "raise":
            return Found(error, lambda: None)
        if callable(self._on_bad_record):
            self._on_bad_record(error)
        else:
            logger.warning("left out until it is changed: %s", error)
        return None

    def _was_archived(self, moments: Moments) -> bool | None:
        known = self._archived
        return None if known is None or moments.id is None else int(moments.id) in known

    def _came_back(self, moments: Moments) -> bool:
        return bool(self._was_archived(moments)) and ARCHIVED not in moments.at

    def _kind(self, moments: Moments, fields: frozenset[str] | None) -> WatchKind:
        if self._came_back(moments) or (ARCHIVED in (fields or ()) and ARCHIVED not in moments.at):
            return "restored"
        for name, kind in KINDS:
            if name in moments.at and self._is_new(name, moments, fields):
                return kind
        return "rescheduled" if "starts_at" in (fields or ()) else "updated"

    def _is_new(self, name: str, moments: Moments, fields: frozenset[str] | None) -> bool:
        """Whether a moment of a record was set since it was told last."""
        if fields is not None:
            return name in fields
        if name == ARCHIVED and (before := self._was_archived(moments)) is not None:
            return not before
        floor = self._floor(name if name in self._target.marks else UPDATED)
        return moments.since(floor - OVERLAP, name)
