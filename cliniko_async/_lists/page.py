"""One page of a list as the API sent it: its rows undecoded, and what paging needs of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cliniko_async._models.moments import utc_text
from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._http.request import Parse

SECOND: Final = "2026-01-01T00:00:00Z"
"""How the API writes moments: in UTC, in whole seconds."""

__all__ = ["Batch", "Head", "Page", "parse_page"]


class Head(msgspec.Struct, frozen=True):
    """What the walk needs of a row."""

    id: str | int | None = None
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
_heads: Final = msgspec.json.Decoder(list[Head])
_total: Final = msgspec.json.Decoder(int | None)
_links: Final = msgspec.json.Decoder(_Links | None)


class Page:
    """An answer to a list request. Its repr does not show the rows.

    Attributes:
        rows: The rows as JSON.
        heads: Ids and moments of creation, row by row.
        seconds: The seconds of their creation; None for a row that shows none.
        total: `total_entries`: how many rows the list had at that moment, on all pages.
        next: The link to the next page, as sent.
    """

    __slots__ = ("heads", "next", "rows", "seconds", "total")

    def __init__(
        self, rows: msgspec.Raw, heads: Sequence[Head], total: int | None, next: str | None
    ) -> None:
        self.rows: msgspec.Raw = rows
        self.heads: Sequence[Head] = heads
        self.seconds: Sequence[str | None] = [head.second for head in heads]
        self.total: int | None = total
        self.next: str | None = next

    def __len__(self) -> int:
        return len(self.heads)

    def __repr__(self) -> str:
        return f"<Page of {len(self)}, {self.total} in all>"


class Batch:
    """Rows to hand to the caller: those of a page, or some of them."""

    __slots__ = ("_keep", "_page")

    def __init__(self, page: Page, keep: Sequence[int] | None = None) -> None:
        self._page = page
        self._keep = keep

    @property
    def rows(self) -> msgspec.Raw:
        """The whole page's rows as JSON; `pick` says which of them are meant."""
        return self._page.rows

    def pick(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The rows that are meant, out of all rows of the page."""
        return rows if self._keep is None else [rows[index] for index in self._keep]

    def within(self, until: str | None) -> Batch:
        """Those of these rows that were created before a second."""
        if until is None:
            return self
        seconds = self._page.seconds
        kept = range(len(self._page)) if self._keep is None else self._keep
        return Batch(self._page, [n for n in kept if (seconds[n] or "") < until])

    def newest(self) -> tuple[str | None, set[str | int | None]]:
        """The last second in which any of these rows was created, and the ids of that second."""
        page = self._page
        kept = range(len(page)) if self._keep is None else self._keep
        last = max((page.seconds[n] or "" for n in kept), default=None)
        return last, {page.heads[n].id for n in kept if page.seconds[n] == last}

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
        # A row that does not fit is its reader's trouble; here only the walk does without.
        return [Head() for _ in _raws.decode(rows)]


def _read_total(envelope: dict[str, msgspec.Raw]) -> int | None:
    total: int | None = _total.decode(envelope.get("total_entries", b"null"))
    return total


def _read_next(envelope: dict[str, msgspec.Raw]) -> str | None:
    links = _links.decode(envelope.get("links", b"null"))
    return links.next if links else None
