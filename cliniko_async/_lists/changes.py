"""Changes: what is new since last time, for those who keep a copy.

The API has no webhooks: polling by `updated_at` is the only way to follow it. Four things make
plain polling lossy, and are handled here. Rows are stamped a moment before they can
be read, by clocks that differ: so each run looks back over an overlap, and knows by digests what
it has reported already. Two updates can share a second: so a version of a record is known by its
digest, not by its `updated_at`. Archiving may leave `updated_at` as it is: so `archived_at`,
`cancelled_at` and `deleted_at` are asked about as well. And so may coming back from the archive,
which leaves no trace at all: so a cursor knows what is in the archive.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Generic, NoReturn, Self, TypeVar

import attrs
import msgspec

from cliniko_async._http.view import View
from cliniko_async._lists.archive import IN_ARCHIVE, Archive, Pages
from cliniko_async._lists.cursor import Cursor, chunks
from cliniko_async._lists.listing import Listing
from cliniko_async._lists.plan import OnBadRecord
from cliniko_async._lists.versions import OVERLAP, Change, Versions
from cliniko_async._models.moments import utc_text
from cliniko_async._query.fields import Filter
from cliniko_async.errors import DecodeError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliniko_async._models.model import Model

__all__ = ["Change", "Changes", "ChangesIterator"]

M = TypeVar("M", bound="Model")

logger: Final = logging.getLogger("cliniko_async.changes")


@attrs.frozen(repr=False)
class _Run(Generic[M]):
    """What a run works with.

    Attributes:
        listing: Lists all rows, hidden ones too, that pass filters.
        marks: The fields that hide a record.
        last: The cursor of the run before.
        restored: Whether records that came back from the archive are looked for.
    """

    view: View
    model: type[M]
    listing: Callable[..., Listing[msgspec.Raw]]
    marks: Sequence[str]
    last: Cursor
    restored: bool
    on_bad_record: OnBadRecord

    @property
    def floor(self) -> datetime:
        """From when on rows are looked at."""
        return self.last.at - OVERLAP

    def since_floor(self, field: str) -> Pages:
        """The rows for which this field is new."""
        return Pages(lambda: self.listing(Filter(field, f">={utc_text(self.floor)}")))

    def ids(self, ids: Sequence[str]) -> Pages:
        """The rows with these ids."""
        return Pages(lambda: self.listing(Filter("id", "=" + ",".join(ids))))


class Changes(Generic[M]):
    """The changes of a resource since a moment or a cursor; see `Listable.changes`."""

    def __init__(
        self,
        view: View,
        model: type[M],
        listing: Callable[..., Listing[msgspec.Raw]],
        marks: Sequence[str],
        *,
        since: datetime | None,
        cursor: str | None,
        restored: bool = True,
        on_bad_record: OnBadRecord = "skip",
    ) -> None:
        if (since is None) == (cursor is None):
            raise InvalidTypeError("changes takes since= or cursor=, one of them")
        if on_bad_record not in ("raise", "skip") and not callable(on_bad_record):
            raise InvalidValueError("on_bad_record= takes 'raise', 'skip' or a function")
        if since is not None and not isinstance(since, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidTypeError("since= takes a datetime: datetime(2026, 5, 31, tzinfo=UTC)")
        if since is not None:
            utc_text(since)  # refuses a moment without a time zone
            last = Cursor(since)
        else:
            last = Cursor.read(cursor or "")
        restored = restored and "archived_at" in marks
        self._run = _Run(view, model, listing, marks, last, restored, on_bad_record)
        self._cursor: str | None = None
        self._bad_records: Sequence[DecodeError] = ()

    @property
    def cursor(self) -> str:
        """What the next run begins with.

        It holds no data of records: digests of what was reported, and ids of records that did not
        fit or are in the archive.

        Raises:
            InvalidValueError: The last change has not been taken yet.
        """
        if self._cursor is None:
            raise InvalidValueError("the cursor is available once the last change has been taken")
        return self._cursor

    @property
    def bad_records(self) -> Sequence[DecodeError]:
        """The records that did not fit their model, once the last change was taken.

        The next run asks for them again.
        """
        return self._bad_records

    if not TYPE_CHECKING:  # a type checker is to find that it cannot be awaited

        def __await__(self) -> NoReturn:
            raise InvalidTypeError("changes are not awaited: write `async for change in changes`")

    def __aiter__(self) -> ChangesIterator[M]:
        return ChangesIterator(self._run, self._end)

    def _end(self, cursor: str, bad_records: Sequence[DecodeError]) -> None:
        self._cursor, self._bad_records = cursor, bad_records
        if self._run.on_bad_record == "skip":
            for error in bad_records:
                logger.warning("left out, and asked for again next time: %s", error)

    async def all(self) -> list[Change[M]]:
        """All changes, in memory."""
        return [change async for change in self]

    def __repr__(self) -> str:
        return f"<Changes of {self._run.model.__name__}>"


class ChangesIterator(Generic[M]):
    """Change after change: what did not fit before, what was updated, what was hidden, restored."""

    def __init__(self, run: _Run[M], end: Callable[[str, Sequence[DecodeError]], object]) -> None:
        self._run = run
        self._end = end
        self._versions = Versions(run.model, run.last, restored=run.restored)
        self._steps = self._all_steps()
        self._step: Pages | Archive | None = None
        self._whole_archive = False
        self._found: deque[Change[M] | DecodeError] = deque()
        self._closed = False

    def _all_steps(self) -> Iterator[Pages | Archive]:
        run, versions = self._run, self._versions
        yield from (run.ids(part) for part in chunks(run.last.again))
        yield run.since_floor("updated_at")
        for mark in run.marks:
            if mark != "archived_at" or not run.restored:
                yield run.since_floor(mark)
            elif versions.archived is not None:
                yield Archive(run.listing, versions.archived, run.floor)
            else:
                yield from self._first_archive()

    def _first_archive(self) -> Iterator[Pages]:
        """All of the archive, so that the next run knows what was in there."""
        self._versions.archived = set()
        self._whole_archive = True
        yield Pages(lambda: self._run.listing(IN_ARCHIVE))
        self._whole_archive = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change[M]:
        while not (self._found or self._closed) and await self._fetch():
            pass
        if self._closed:
            raise StopAsyncIteration
        if not self._found:
            self._closed = True
            self._end(self._versions.cursor().text(), tuple(self._versions.bad.values()))
            raise StopAsyncIteration
        change = self._found.popleft()
        if isinstance(change, DecodeError):
            raise change
        return change

    async def _fetch(self) -> bool:
        """Look at the next rows; false if there are no more."""
        self._step = self._step or next(self._steps, None)
        if self._step is None:
            return False
        rows = await self._step.next()
        self._versions.note_time(self._run.view.session.server_time)
        if rows is None:
            self._step = None
        for row in rows or ():
            self._take(row)
        return True

    def _take(self, row: bytes | msgspec.Raw) -> None:
        if self._whole_archive and not self._versions.remember(row):
            return
        found = self._versions.read(row)
        if found is None:
            return
        if isinstance(found, Change) or self._run.on_bad_record == "raise":
            self._found.append(found)
        elif self._run.on_bad_record != "skip":
            self._run.on_bad_record(found)

    async def aclose(self) -> None:
        """End the iteration, without a cursor: the next run begins where this one did."""
        self._closed = True
        if self._step:
            await self._step.aclose()

    def __repr__(self) -> str:
        return "<ChangesIterator>"
