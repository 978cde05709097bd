"""Lazy listings: nothing is sent until somebody iterates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import attrs

from cliniko_async._lists.reader import Stream
from cliniko_async.errors import DecodeError, IncompleteListingError

if TYPE_CHECKING:
    import msgspec

    from cliniko_async._lists.plan import Reading

__all__ = ["Listing", "ListingPage"]

T = TypeVar("T")


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

    def __init__(self, reading: Reading) -> None:
        self.reading: Reading = reading

    def __aiter__(self) -> ListingIterator[T]:
        return ListingIterator(Batches(self.reading))

    def pages(self) -> PageIterator[T]:
        """Page after page instead of record after record."""
        return PageIterator(Batches(self.reading))

    def raw(self) -> Listing[dict[str, Any]]:
        """The records as the API sent them: dicts, with whatever fields it has added since."""
        return Listing(self.reading.raw())

    def raw_bytes(self) -> Listing[msgspec.Raw]:
        """The records' own bytes, exactly as the API sent them: `bytes(record)`."""
        return Listing(self.reading.raw_bytes())

    async def first(self) -> T | None:
        """The first record, or None. Costs one request for one record."""
        for source in self.reading.sources:
            one = [attrs.evolve(source, per_page=1)]
            batches = Batches(attrs.evolve(self.reading, sources=one))
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
        for source in self.reading.sources:
            page = await self.reading.view.call(source.request(per_page=1))
            if page.total is None:
                raise IncompleteListingError("the API does not say how many there are")
            total += page.total
        return total

    def __repr__(self) -> str:
        return f"<Listing of {self.reading.sources[0].template}>"


class Batches:
    """Reads a listing's sources, one after the other, decoded batch by batch."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._streams = [Stream(reading.view, source) for source in reading.sources]

    async def next(self) -> tuple[Sequence[Any], int] | None:
        """The next records, errors among them if they are to be raised, and the list's total."""
        while self._streams:
            stream = self._streams[0]
            batch = await stream.next()
            if batch is not None:
                return self._reading.records(batch), stream.total
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
