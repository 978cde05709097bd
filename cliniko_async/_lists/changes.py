"""Changes: what is new since last time, for those who keep a copy.

The API has no webhooks: polling by `updated_at` is the only way to follow it. Three things make
that lossy when it is done plainly, and are seen to here. Rows are stamped a moment before they can
be read, by clocks that differ: so each run looks back over an overlap, and knows by digests what
it has told already. Two updates can share a second: so a version of a record is told by its
digest, not by its `updated_at`. Archiving may leave `updated_at` as it is: so `archived_at`,
`cancelled_at` and `deleted_at` are asked about as well.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeVar

import attrs
import msgspec

from cliniko_async._models.converter import decode
from cliniko_async._models.empty_dates import decode_dates
from cliniko_async._models.model import Moment
from cliniko_async._models.moments import utc_text
from cliniko_async._query.filters import Filter
from cliniko_async.errors import DecodeError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliniko_async._http.session import View
    from cliniko_async._lists.listing import Listing, ListingIterator
    from cliniko_async._models.model import Model

__all__ = ["Change", "Changes", "ChangesIterator"]

M = TypeVar("M", bound="Model")

Kind = Literal["created", "updated", "archived", "cancelled", "deleted", "merged"]

OVERLAP: Final = timedelta(minutes=2)
"""How far a run looks back behind the one before: more than clocks and commits differ by."""

LOCAL_MARGIN: Final = timedelta(minutes=5)
"""How far the local clock is mistrusted if the server does not say what time it is."""

MARKS: Final[Sequence[tuple[str, Kind]]] = (
    ("deleted_at", "deleted"),
    ("merged_at", "merged"),
    ("archived_at", "archived"),
    ("cancelled_at", "cancelled"),
    ("created_at", "created"),
)
"""What a change is called: by the first of these moments that is new."""


@attrs.frozen(repr=False)
class Change(Generic[M]):
    """A record that is new, or not what it was.

    Attributes:
        kind: What happened to it, as far as its moments tell: what was created and changed since
            is "created", what was changed and archived since is "archived".
        record: The record as it is now.
    """

    kind: Kind
    record: M

    def __repr__(self) -> str:
        return f"<Change: {self.kind} {self.record!r}>"


class _Cursor(msgspec.Struct):
    """Where a run ended: the server's clock at its start, and digests of what it told since."""

    at: datetime
    told: list[str]

    def text(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def read(cls, text: str) -> _Cursor:
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=cls)
        except (ValueError, msgspec.DecodeError):
            raise InvalidValueError(
                "this is no cursor: pass the .cursor of an earlier run, as it was"
            ) from None


class Changes(Generic[M]):
    """The changes of a resource since a moment or a cursor; see `Listable.changes`."""

    def __init__(
        self,
        view: View,
        model: type[M],
        listing: Callable[[Filter[Any]], Listing[msgspec.Raw]],
        marks: Sequence[str],
        *,
        since: datetime | None,
        cursor: str | None,
    ) -> None:
        if (since is None) == (cursor is None):
            raise InvalidTypeError("changes takes since= or cursor=, one of them")
        self.model: type[M] = model
        self.marks: Sequence[str] = marks
        self._view = view
        self._listing = listing
        last = _Cursor.read(cursor) if cursor is not None else None
        start = last.at if last else since
        if not isinstance(start, datetime):
            raise InvalidTypeError("since= takes a datetime: datetime(2026, 5, 31, tzinfo=UTC)")
        utc_text(start)  # refuses a moment without a time zone
        self.look_back: datetime = start - OVERLAP
        """From when on rows are looked at."""
        self.told_before: Sequence[str] = last.told if last else ()
        self._cursor: str | None = None

    @property
    def cursor(self) -> str:
        """What the next run begins with. It holds no data of records, only digests.

        Raises:
            InvalidValueError: The last change has not been taken yet.
        """
        if self._cursor is None:
            raise InvalidValueError("the cursor is there when the last change has been taken")
        return self._cursor

    def end(self, cursor: str) -> None:
        """Note what the next run begins with."""
        self._cursor = cursor

    def listed(self, field: str) -> Listing[msgspec.Raw]:
        """The rows for which this field is new."""
        return self._listing(Filter(field, f">={utc_text(self.look_back)}"))

    def server_time(self) -> datetime | None:
        """The server's clock, as of its latest answer."""
        return self._view.session.server_time

    def __aiter__(self) -> ChangesIterator[M]:
        return ChangesIterator(self)

    async def all(self) -> list[Change[M]]:
        """All changes, in memory."""
        return [change async for change in self]

    def __repr__(self) -> str:
        return f"<Changes of {self.model.__name__}>"


class ChangesIterator(Generic[M]):
    """Change after change: first what was updated, then what was hidden without an update."""

    def __init__(self, changes: Changes[M]) -> None:
        self._changes = changes
        self._run = _Run(changes)
        self._fields = ["updated_at", *changes.marks]
        self._rows: ListingIterator[msgspec.Raw] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change[M]:
        while self._fields and not self._closed:
            if self._rows is None:
                self._rows = aiter(self._changes.listed(self._fields[0]))
            row = await anext(self._rows, None)
            self._run.note_time()
            if row is None:
                self._rows = None
                del self._fields[0]
                continue
            change = self._run.tell(row)
            if isinstance(change, DecodeError):
                raise change
            if change is not None:
                return change
        if not self._closed:
            self._changes.end(self._run.cursor())
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the iteration. There is no cursor then: the next run begins where this one did."""
        self._closed = True
        if self._rows:
            await self._rows.aclose()

    def __repr__(self) -> str:
        return "<ChangesIterator>"


class _Moments(msgspec.Struct):
    """What is read of a row to see what is new of it."""

    created_at: Moment | None = None
    updated_at: Moment | None = None
    archived_at: Moment | None = None
    cancelled_at: Moment | None = None
    deleted_at: Moment | None = None
    merged_at: Moment | None = None

    def since(self, moment: datetime, name: str) -> bool:
        own: datetime | None = getattr(self, name)
        return own is not None and own >= moment


_moments: Final = msgspec.json.Decoder(_Moments)


def _read_moments(row: msgspec.Raw) -> _Moments:
    try:
        return decode_dates(_moments, row)
    except msgspec.ValidationError:  # of a record that its model will not take either
        return _Moments()


class _Run(Generic[M]):
    """One run: when it began by the server's clock, and what it has told."""

    def __init__(self, changes: Changes[M]) -> None:
        self._changes = changes
        self._told = set(changes.told_before)
        self._again: dict[str, None] = {}
        self._local_start = datetime.now(UTC)
        self._began: datetime | None = None

    def note_time(self) -> None:
        """Take the server's clock from the first answer."""
        if self._began is None:
            self._began = self._changes.server_time() or self._local_start - LOCAL_MARGIN

    def tell(self, row: msgspec.Raw) -> Change[M] | DecodeError | None:
        """The change that a row is, or None if this version of it has been told."""
        record = decode(self._changes.model, row)
        if isinstance(record, DecodeError):
            return record
        digest = base64.urlsafe_b64encode(hashlib.sha256(bytes(row)).digest()[:12]).decode()
        moments = _read_moments(row)
        names = _Moments.__struct_fields__
        if any(moments.since(self._start - OVERLAP, name) for name in names):
            self._again[digest] = None
        if digest in self._told:
            return None
        self._told.add(digest)
        return Change(_kind(moments, self._changes.look_back), record)

    def cursor(self) -> str:
        """What the next run begins with: rows since its overlap will be listed again."""
        return _Cursor(self._start, list(self._again)).text()

    @property
    def _start(self) -> datetime:
        return self._began or self._local_start - LOCAL_MARGIN


def _kind(moments: _Moments, since: datetime) -> Kind:
    for name, kind in MARKS:
        if moments.since(since, name):
            return kind
    return "updated"
