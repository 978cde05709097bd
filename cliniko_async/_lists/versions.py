"""The rows of a run of `changes()`: which of them are news, and what kind of news."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

import attrs
import msgspec

from cliniko_async._lists.cursor import Cursor, pack
from cliniko_async._models.converter import decode
from cliniko_async._models.model import Moment
from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._models.model import Model

__all__ = ["OVERLAP", "UNCERTAIN", "Change", "Kind", "Moments", "Versions", "read_moments"]

M = TypeVar("M", bound="Model")

Kind = Literal["created", "updated", "archived", "cancelled", "deleted", "merged", "restored"]

OVERLAP: Final = timedelta(minutes=5)
"""What was changed so long before the newest change known is looked at again: rows are stamped a
moment before they can be read, by clocks that differ."""

UNCERTAIN: Final = timedelta(hours=1)
"""How far the clock that stamps rows may be behind the server's `Date`, or behind this machine's
clock: where no newer change says what time it is, this much is looked at again."""

LOCAL_MARGIN: Final = timedelta(minutes=5)
"""How far the local clock is mistrusted if the server does not say what time it is."""

KINDS: Final[Sequence[tuple[str, Kind]]] = (
    ("deleted_at", "deleted"),
    ("merged_at", "merged"),
    ("archived_at", "archived"),
    ("cancelled_at", "cancelled"),
    ("created_at", "created"),
)
"""What a change is called: by the first of these moments that is new."""

STAMPS: Final = ("updated_at", "archived_at", "cancelled_at", "deleted_at")
"""The moments that rows are listed by."""


@attrs.frozen(repr=False)
class Change(Generic[M]):
    """A record that is new, or not what it was.

    Attributes:
        kind: What happened to it, as far as its moments tell: what was created and changed since
            is "created", what was changed and archived since is "archived", what came back from
            the archive is "restored".
        record: The record as it is now.
    """

    kind: Kind
    record: M

    def __repr__(self) -> str:
        return f"<Change: {self.kind} {self.record!r}>"


_MARK = "archived_at"


@attrs.frozen(repr=False)
class Moments:
    """A row's id and moments, as far as they can be read."""

    id: str | None = None
    at: dict[str, datetime] = attrs.field(factory=dict[str, datetime])

    def since(self, moment: datetime, name: str) -> bool:
        """Whether this moment of the row is not before another."""
        own = self.at.get(name)
        return own is not None and own >= moment

    @property
    def newest(self) -> datetime | None:
        """When the row was stamped last."""
        return max((self.at[name] for name in STAMPS if name in self.at), default=None)


class _Row(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"null")
    created_at: msgspec.Raw = msgspec.Raw(b"null")
    updated_at: msgspec.Raw = msgspec.Raw(b"null")
    archived_at: msgspec.Raw = msgspec.Raw(b"null")
    cancelled_at: msgspec.Raw = msgspec.Raw(b"null")
    deleted_at: msgspec.Raw = msgspec.Raw(b"null")
    merged_at: msgspec.Raw = msgspec.Raw(b"null")


_row: Final = msgspec.json.Decoder(_Row)
_id: Final = msgspec.json.Decoder(str | int)
_moment: Final = msgspec.json.Decoder(Moment)


def read_moments(row: bytes | msgspec.Raw) -> Moments:
    """A row's id and moments; what cannot be read is left out, because the record does not fit."""
    try:
        found = _row.decode(row)
        id = str(_id.decode(found.id))
    except msgspec.DecodeError:
        return Moments()
    moments: dict[str, datetime] = {}
    for name in _Row.__struct_fields__[1:]:
        with contextlib.suppress(msgspec.DecodeError):
            moments[name] = _moment.decode(getattr(found, name))
    return Moments(id if id.isdecimal() else None, moments)


class Versions(Generic[M]):
    """What a run has reported, and the cursor that results.

    A cursor's time is that of the newest stamp seen, less the time that the run took, because a row
    that changed meanwhile may have been read before. It is never later than the start of the run
    by the server's `Date`, and at most `UNCERTAIN` earlier. So rows that are stamped minutes
    behind that clock are looked at again all the same.

    Args:
        model: What the records are.
        last: The cursor of the run before.
        restored: Whether records that came back from the archive are reported.

    Attributes:
        archived: Ids of the records in the archive; None if they are not known yet.
        bad: The errors of the records that do not fit, by id.
    """

    def __init__(self, model: type[M], last: Cursor, *, restored: bool) -> None:
        self._model = model
        self._last = last
        self._told = set(last.told)
        self._recent: dict[str, datetime] = {}
        self._local_start = datetime.now(UTC)
        self._began: datetime | None = None
        self._now: datetime | None = None
        self._newest: datetime | None = None
        self._came_back: set[str] = set()
        self._nameless = False
        self.archived: set[int] | None = last.archived_ids() if restored else None
        self.bad: dict[str, DecodeError] = {}

    def note_time(self, server_time: datetime | None) -> None:
        """Take the server's clock from an answer."""
        now = server_time or datetime.now(UTC) - LOCAL_MARGIN
        self._began = self._began or now
        self._now = max(self._now or now, now)

    def remember(self, row: bytes | msgspec.Raw) -> bool:
        """Note that a record is in the archive; true if it came there since the last run."""
        moments = read_moments(row)
        if moments.id is not None and self.archived is not None:
            self.archived.add(int(moments.id))
        return moments.since(self._last.at - OVERLAP, _MARK)

    def read(self, row: bytes | msgspec.Raw) -> Change[M] | DecodeError | None:
        """The change that a row is; None if this version of it has been reported.

        An error is given back once for each record that does not fit.
        """
        moments = read_moments(row)
        if stamp := moments.newest:
            self._newest = max(self._newest or stamp, stamp)
        record = decode(self._model, row)
        if isinstance(record, DecodeError):
            return self._misfit(moments, record)
        restored = self._is_restored(moments)
        digest = base64.urlsafe_b64encode(hashlib.sha256(bytes(row)).digest()[:12]).decode()
        if stamp and stamp >= self._start - UNCERTAIN - OVERLAP:
            self._recent[digest] = stamp
        if digest in self._told and not restored:
            return None
        self._told.add(digest)
        return Change("restored" if restored else self._kind(moments), record)

    def _misfit(self, moments: Moments, error: DecodeError) -> DecodeError | None:
        key = moments.id or f"nameless {error}"
        self._nameless |= moments.id is None
        if key in self.bad:
            return None
        self.bad[key] = error
        return error

    def _is_restored(self, moments: Moments) -> bool:
        """Whether a record was in the archive and is not any more; true once in a run."""
        if self.archived is None or moments.id is None:
            return False
        if _MARK in moments.at:
            self.archived.add(int(moments.id))
            return False
        if int(moments.id) not in self.archived:
            return False
        self.archived.remove(int(moments.id))
        return True

    def _kind(self, moments: Moments) -> Kind:
        for name, kind in KINDS:
            if moments.since(self._last.at - OVERLAP, name):
                return kind
        return "updated"

    @property
    def _start(self) -> datetime:
        return self._began or self._local_start - LOCAL_MARGIN

    def cursor(self) -> Cursor:
        """What the next run begins with."""
        start, last = self._start, self._last.at
        took = (self._now or start) - start
        newest = self._newest - took if self._newest else last
        at = min(max(newest, last, start - UNCERTAIN), start)
        if self._nameless:  # what has no id can only be asked for by its time
            at = min(last, start)
        return Cursor(
            at,
            [digest for digest, stamp in self._recent.items() if stamp >= at - OVERLAP],
            [id for id in self.bad if id.isdecimal()],
            None if self.archived is None else pack(self.archived),
        )
