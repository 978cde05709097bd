"""One page of a list as the API sent it: its rows undecoded, and what paging needs of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async._request import Parse

__all__ = ["Batch", "Head", "Page", "parse_page"]


class Head(msgspec.Struct, frozen=True):
    """What the walk needs of a row. The API shows whole seconds; a fraction is cut off."""

    id: str | int | None = None
    created_at: datetime | None = None

    @property
    def second(self) -> datetime:
        """The second in which the row was created, in UTC."""
        if self.created_at is None:
            raise ValueError("a row without created_at")
        return self.created_at.astimezone(UTC).replace(microsecond=0)


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
        total: `total_entries`: how many rows the list had at that moment, on all pages.
        next: The link to the next page, as sent.
    """

    __slots__ = ("heads", "next", "rows", "total")

    def __init__(
        self, rows: msgspec.Raw, heads: Sequence[Head], total: int | None, next: str | None
    ) -> None:
        self.rows: msgspec.Raw = rows
        self.heads: Sequence[Head] = heads
        self.total: int | None = total
        self.next: str | None = next

    @property
    def dated(self) -> bool:
        """Whether all rows show an id and when they were created, so that the walk can stand."""
        return all(head.id is not None and head.created_at is not None for head in self.heads)

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
