"""One page of a list as the API sent it: its rows undecoded, and what reading needs of them."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cliniko_async._models.moments import utc_text
from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._http.request import Parse

SECOND: Final = "2026-01-01T00:00:00Z"
"""How the API writes moments: in UTC, in whole seconds."""

__all__ = ["Batch", "Head", "Id", "Page", "parse_page"]

Id = str | int


class Head(msgspec.Struct, frozen=True):
    """What reading a list needs of a row."""

    id: Id | None = None
    created_at: str | None = None

    @property
    def second(self) -> str | None:
        """The second in which the row was created, as the API writes it; None if it has none.

        Texts of this form are in the order of time, and quicker than moments.
        """
        text = self.created_at
        if text is None or (len(text) == len(SECOND) and text[-1] == "Z"):
            return text
        try:
            return utc_text(datetime.fromisoformat(text))
        except ValueError:
            return None


class _Links(msgspec.Struct):
    next: str | None = None


_envelope: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw])
_head: Final = msgspec.json.Decoder(Head)
_heads: Final = msgspec.json.Decoder(list[Head])
_total: Final = msgspec.json.Decoder(int, strict=False)
_links: Final = msgspec.json.Decoder(_Links | None)


class Page:
    """An answer to a list request. Its repr does not show the rows.

    Attributes:
        rows: The rows as JSON.
        ids: The rows' ids; None for a row that has none.
        seconds: The seconds in which they were created; None for a row that shows none.
        ordered: Whether all rows have both, and stand in the order of their creation.
        total: `total_entries`: how many rows the list had at that moment, on all pages.
        next: The link to the next page, as sent.
        full: Whether there are as many rows as were asked for.
        date: The server's clock, if the answer says it.
        sent: When the page was asked for, by the loop's clock, not counting waits for the limit.
        came: When it arrived.
    """

    __slots__ = (
        "came",
        "date",
        "full",
        "ids",
        "next",
        "ordered",
        "rows",
        "seconds",
        "sent",
        "total",
    )

    def __init__(
        self, rows: msgspec.Raw, heads: Sequence[Head], total: int | None, next: str | None
    ) -> None:
        self.rows: msgspec.Raw = rows
        self.ids: Sequence[Id | None] = [head.id for head in heads]
        self.seconds: Sequence[str | None] = [head.second for head in heads]
        self.ordered: bool = None not in self.ids and _rises(self.seconds)
        self.total: int | None = total
        self.next: str | None = next
        self.full: bool = False
        self.date: datetime | None = None
        self.sent: float = 0.0
        self.came: float = 0.0

    @property
    def first(self) -> str:
        """The second of the first row of an ordered page, which has rows."""
        return self.seconds[0] or ""

    @property
    def last(self) -> str:
        """The second of its last row."""
        return self.seconds[-1] or ""

    def ends(self, before: int = 0) -> bool:
        """Whether the list ends with this page.

        It does if the total says so and there is no link to a next page; a total alone may lag.
        Where there is neither, a full page says nothing.

        Args:
            before: Rows on the pages before it.
        """
        if self.next is not None:
            return False
        return not self.full if self.total is None else self.total <= before + len(self)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Page of {len(self)}, {self.total} in all>"


def _rises(seconds: Sequence[str | None]) -> bool:
    return all(a is not None and b is not None and a <= b for a, b in pairwise(seconds)) and (
        len(seconds) != 1 or seconds[0] is not None
    )


class Batch:
    """Rows to hand to the caller: those of a page, or some of them.

    Attributes:
        through: Rows that were created before this second have all been handed out with this
            batch. None if the list is not read in the order of creation.
    """

    __slots__ = ("_keep", "_page", "through")

    def __init__(
        self, page: Page, keep: Sequence[int] | None = None, *, through: str | None = None
    ) -> None:
        self._page = page
        self._keep = keep
        self.through: str | None = through

    @property
    def rows(self) -> msgspec.Raw:
        """The whole page's rows as JSON; `pick` says which of them are meant."""
        return self._page.rows

    @property
    def ids(self) -> Sequence[Id | None]:
        """The ids of the rows that are meant."""
        return self.pick(self._page.ids)

    @property
    def seconds(self) -> Sequence[str | None]:
        """The seconds in which they were created."""
        return self.pick(self._page.seconds)

    def pick(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The rows that are meant, out of all rows of the page."""
        return rows if self._keep is None else [rows[index] for index in self._keep]

    def head(self, most: int) -> Batch:
        """The first of these rows, so many at the most."""
        if len(self) <= most:
            return self
        kept = range(len(self._page)) if self._keep is None else self._keep
        return Batch(self._page, kept[:most])

    def without(self, known: set[Id | None]) -> Batch:
        """Those of these rows whose ids are not known, each once."""
        kept = range(len(self._page)) if self._keep is None else self._keep
        ids, new, seen = self._page.ids, list[int](), set[Id]()
        for index in kept:
            if (id := ids[index]) in known or id in seen:
                continue
            new.append(index)
            if id is not None:
                seen.add(id)
        return self if len(new) == len(self) else Batch(self._page, new, through=self.through)

    def __len__(self) -> int:
        return len(self._page) if self._keep is None else len(self._keep)

    def __repr__(self) -> str:
        return f"<Batch of {len(self)}>"


def parse_page(key: str) -> Parse[Page]:
    """A reader of the answers of one list, whose rows stand under this key."""

    def parse(body: bytes) -> Page | DecodeError:
        try:
            envelope = _envelope.decode(body)
            rows = envelope[key]
            return Page(rows, _read_heads(rows), _read_total(envelope), _read_next(envelope))
        except (msgspec.ValidationError, KeyError):
            return DecodeError(f"the answer is not a list of {key}", resource=key)

    return parse


def _read_heads(rows: msgspec.Raw) -> Sequence[Head]:
    try:
        return _heads.decode(rows)
    except msgspec.ValidationError:
        # A row that does not fit is its reader's trouble; here it has no id and no moment.
        return [_read_head(row) for row in _raws.decode(rows)]


def _read_head(row: msgspec.Raw) -> Head:
    try:
        return _head.decode(row)
    except msgspec.ValidationError:
        return Head()


def _read_total(envelope: dict[str, msgspec.Raw]) -> int | None:
    try:
        total: int = _total.decode(envelope.get("total_entries", b"null"))
    except msgspec.ValidationError:  # then links alone say where the list ends
        return None
    return total


def _read_next(envelope: dict[str, msgspec.Raw]) -> str | None:
    try:
        links = _links.decode(envelope.get("links", b"null"))
    except msgspec.ValidationError:  # then the total alone says it
        return None
    return (links and links.next) or None
