"""Lazy listings: nothing is sent until somebody iterates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast

import attrs
import msgspec

from cliniko_async._stream import Stream
from cliniko_async.errors import DecodeError, IncompleteListingError, InvalidValueError

if TYPE_CHECKING:
    from cliniko_async._page import Batch
    from cliniko_async._stream import Source
    from cliniko_async._view import View

__all__ = [
    "Decode",
    "Listing",
    "ListingPage",
    "OnBadRecord",
    "as_bytes",
    "as_dicts",
    "checked_on_bad_record",
    "read_batch",
]

T = TypeVar("T")

OnBadRecord = Literal["raise", "skip"] | Callable[[DecodeError], object]
"""What happens when a record does not fit its model: raise, skip it, or skip it and be told."""

Decode = Callable[[msgspec.Raw], Sequence[Any]]
as_bytes = msgspec.json.Decoder(list[msgspec.Raw]).decode
_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode


def as_dicts(rows: msgspec.Raw) -> Sequence[dict[str, Any]]:
    """A page's rows as dicts, whatever they hold."""
    try:
        return _dicts(rows)
    except msgspec.ValidationError:  # it is JSON, but some number in it is larger than floats are
        return cast("list[dict[str, Any]]", json.loads(bytes(rows), parse_float=Decimal))


@attrs.frozen(repr=False)
class ListingPage(Generic[T]):
    """A page of a listing.

    Attributes:
        items: The records.
        total_entries: How many records the API counted in the whole list at the start.
    """

    items: Sequence[T]
    total_entries: int

    def __repr__(self) -> str:
        return f"<ListingPage of {len(self.items)}, {self.total_entries} in all>"


class Listing(Generic[T]):
    """Records of a list, in the server's order, fetched when they are asked for.

    It costs nothing until it is iterated, and may be iterated again. Its repr hides what was
    asked for.
    """

    def __init__(
        self,
        view: View,
        sources: Sequence[Source],
        decode: Decode,
        *,
        on_bad_record: OnBadRecord = "raise",
    ) -> None:
        self._view = view
        self._sources = tuple(sources)
        self._decode = decode
        self._on_bad_record: OnBadRecord = checked_on_bad_record(on_bad_record)

    def __aiter__(self) -> ListingIterator[T]:
        return ListingIterator(self._batches())

    def pages(self) -> PageIterator[T]:
        """Page after page instead of record after record."""
        return PageIterator(self._batches())

    def raw(self) -> Listing[dict[str, Any]]:
        """The records as the API sent them: dicts, with whatever fields it has added since."""
        return Listing(self._view, self._sources, as_dicts)

    def raw_bytes(self) -> Listing[msgspec.Raw]:
        """The records' own bytes, exactly as the API sent them: `bytes(record)`."""
        return Listing(self._view, self._sources, as_bytes)

    async def first(self) -> T | None:
        """The first record, or None. Costs one request for one record."""
        sources = (attrs.evolve(source, per_page=1) for source in self._sources)
        for source in sources:
            batches = Batches(self._view, [source], self._decode, self._on_bad_record)
            try:
                async for item in ListingIterator[T](batches):
                    return item
            finally:
                batches.discard()
        return None

    async def all(self) -> list[T]:
        """All records, in memory."""
        return [record async for record in self]

    async def count(self) -> int:
        """How many records the API counts. Costs one request for one record."""
        total = 0
        for source in self._sources:
            page = await self._view.call(source.request(per_page=1))
            if page.total is None:
                raise IncompleteListingError("the API does not say how many there are")
            total += page.total
        return total

    def _batches(self) -> Batches:
        return Batches(self._view, self._sources, self._decode, self._on_bad_record)

    def __repr__(self) -> str:
        return f"<Listing of {self._sources[0].template}>"


def read_batch(batch: Batch, decode: Decode, on_bad_record: OnBadRecord) -> Sequence[Any]:
    """The records of a batch, errors among them if they are to be raised."""
    records = batch.pick(decode(batch.rows))
    if on_bad_record == "raise":
        return records
    good: list[Any] = []
    for record in records:
        if not isinstance(record, DecodeError):
            good.append(record)
        elif callable(on_bad_record):
            on_bad_record(record)
    return good


def checked_on_bad_record(on_bad_record: OnBadRecord) -> OnBadRecord:
    """What is to happen with bad records, if it is one of the things that can.

    Raises:
        InvalidValueError: It is none of them.
    """
    if on_bad_record not in ("raise", "skip") and not callable(on_bad_record):
        raise InvalidValueError("on_bad_record= takes 'raise', 'skip' or a function")
    return on_bad_record


class Batches:
    """Reads a listing's sources, one after the other, decoded batch by batch."""

    def __init__(
        self, view: View, sources: Sequence[Source], decode: Decode, on_bad_record: OnBadRecord
    ) -> None:
        self._streams = [Stream(view, source) for source in sources]
        self._decode = decode
        self._on_bad_record: OnBadRecord = on_bad_record

    async def next(self) -> tuple[Sequence[Any], int] | None:
        """The next records, errors among them if they are to be raised, and the list's total."""
        while self._streams:
            stream = self._streams[0]
            batch = await stream.next()
            if batch is not None:
                return read_batch(batch, self._decode, self._on_bad_record), stream.total
            del self._streams[0]
        return None

    def discard(self) -> None:
        """Cancel what is being read ahead, and end."""
        for stream in self._streams:
            stream.discard()
        self._streams.clear()


class _Iterator:
    """An iterator that lets go of the pages ahead when it is closed or collected."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __aiter__(self) -> Self:
        return self

    async def aclose(self) -> None:
        """End the iteration, and cancel the pages that are being read ahead."""
        self._batches.discard()

    def __del__(self) -> None:
        self._batches.discard()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class ListingIterator(_Iterator, Generic[T]):
    """Record after record."""

    def __init__(self, batches: Batches) -> None:
        super().__init__(batches)
        self._records: Sequence[Any] = ()
        self._index = 0

    async def __anext__(self) -> T:
        while self._index >= len(self._records):
            found = await self._batches.next()
            if found is None:
                raise StopAsyncIteration
            self._records, self._index = found[0], 0
        record = self._records[self._index]
        self._index += 1
        if isinstance(record, DecodeError):
            raise record
        return record  # type: ignore[no-any-return] # the listing's decoder made it

    async def aclose(self) -> None:
        """End the iteration, and cancel the pages that are being read ahead."""
        self._records = ()
        await super().aclose()


class PageIterator(_Iterator, Generic[T]):
    """Page after page."""

    async def __anext__(self) -> ListingPage[T]:
        found = await self._batches.next()
        if found is None:
            raise StopAsyncIteration
        for record in found[0]:
            if isinstance(record, DecodeError):
                raise record
        return ListingPage(*found)
