"""Lazy listings: nothing is sent until somebody iterates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

import attrs
import msgspec

from cliniko_async._lists.page import Id
from cliniko_async._lists.plan import as_raw
from cliniko_async._lists.stream import Stream
from cliniko_async.errors import (
    DecodeError,
    IncompleteListingError,
    InvalidTypeError,
    InvalidValueError,
    expect,
)

if TYPE_CHECKING:
    from cliniko_async._lists.page import Batch
    from cliniko_async._lists.plan import Reading
    from cliniko_async._lists.tables import RecordTable, TableBatches

__all__ = ["Listing", "ListingPage", "RawPage", "RawPages", "first_page", "raw_pages", "undecoded"]

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
    """Records of a list, in the server's order, fetched when they are iterated.

    It costs nothing until it is iterated, and may be iterated again. Its repr hides what was
    asked for.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    if not TYPE_CHECKING:  # a type checker is to find that it cannot be awaited

        def __await__(self) -> NoReturn:
            raise InvalidTypeError(
                "a listing is not awaited: write `async for record in listing`, or await its "
                ".all(), .first() or .count()"
            )

    def __aiter__(self) -> ListingIterator[T]:
        return ListingIterator(Batches(self._reading))

    def pages(self) -> PageIterator[T]:
        """Page after page instead of record after record."""
        return PageIterator(Batches(self._reading))

    def raw(self) -> Listing[dict[str, Any]]:
        """The records as the API sent them: dicts, with whatever fields it has added since."""
        return Listing(self._reading.raw())

    def raw_bytes(self) -> Listing[bytes]:
        """The records' own bytes, exactly as the API sent them."""
        return Listing(self._reading.raw_bytes())

    def take(self, most: int) -> Listing[T]:
        """The first records of the list: no more pages are asked for than these need.

        With `on_bad_record`, records that do not fit count, too.

        Args:
            most: How many at the most.

        Raises:
            InvalidTypeError: `most` is not a whole number.
            InvalidValueError: `most` is below 1.
        """
        expect(most, int, "take() takes a whole number of records: take(250)")
        if most < 1:
            raise InvalidValueError("take() takes at least 1 record")
        return Listing(self._reading.limited(most))

    async def first(self) -> T | None:
        """The first record, or None. Costs one request for one record."""
        for source in self._reading.sources:
            one = [attrs.evolve(source, per_page=1)]
            batches = Batches(attrs.evolve(self._reading, sources=one))
            try:
                async for item in ListingIterator[T](batches):
                    return item
            finally:
                batches.discard()
        return None

    async def all(self) -> list[T]:
        """All records, in memory."""
        records = ListingIterator[T](Batches(self._reading.whole()))
        return [record async for record in records]

    def batches(self, *, rows: int = 10_000) -> TableBatches:
        """The records as Arrow tables of `rows` rows each, with the mirror's types.

        Needs the extra `parquet`.

        Args:
            rows: Rows per table; the last table may have fewer.

        Raises:
            InvalidValueError: `rows` is not a positive number.
            MissingExtraError: pyarrow is not installed.
            DecodeError: While iterating: a record does not fit; see `on_bad_record`.
        """
        from cliniko_async._lists.tables import TableBatches  # noqa: PLC0415 - few need it

        reading = self._reading
        return TableBatches(
            RawPages(reading), reading.model, rows=rows, on_bad_record=reading.on_bad_record
        )

    async def table(self) -> RecordTable:
        """All records as one Arrow table, which polars, pandas and DuckDB take as it is.

        A relation is its id, in a column named as its filter is (`patient_id`); money is decimal,
        moments are in UTC, and what has parts is JSON. Needs the extra `parquet`.

        Raises:
            MissingExtraError: pyarrow is not installed.
            DecodeError: A record does not fit, unless `on_bad_record` says otherwise.
        """
        from cliniko_async._lists.tables import joined  # noqa: PLC0415 - few need it

        batches = self.batches()
        return joined(self._reading.model, [batch async for batch in batches])

    async def count(self) -> int:
        """How many records the API counts, or `take` leaves. Costs one request for one record."""
        total = 0
        for source in self._reading.sources:
            page = await self._reading.view.call(source.request(per_page=1))
            if page.total is None:
                raise IncompleteListingError("the API does not say how many there are")
            total += page.total
        return total if self._reading.most is None else min(total, self._reading.most)

    def __repr__(self) -> str:
        return f"<Listing of {self._reading.sources[0].template}>"


class Batches:
    """Reads a listing's sources, one after the other, decoded batch by batch."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._one_list = len(reading.sources) == 1
        self._left = reading.most
        most = reading.most if self._one_list else None
        self._streams = [
            Stream(reading.view, source, eager=reading.eager, most=most)
            for source in reading.sources
        ]
        self._known: set[Id | None] = set()

    async def next(self) -> tuple[Sequence[Any], int] | None:
        """The next records, errors among them if they are to be raised, and the list's total."""
        found = await self.next_batch()
        return (self._reading.records(found[0]), found[1]) if found else None

    async def next_batch(self) -> tuple[Batch, int] | None:
        """The next rows, and the list's total."""
        while self._streams:
            stream = self._streams[0]
            batch = await stream.next()
            if batch is None:
                if stream in self._streams:  # and not ended or closed meanwhile by another task
                    self._streams.remove(stream)
                continue
            if not self._one_list:
                batch = self._new(batch)
            if len(batch):
                return self._cut(batch), stream.total
        return None

    def _cut(self, batch: Batch) -> Batch:
        """The rows that are still wanted."""
        if self._left is None:
            return batch
        batch = batch.head(self._left)
        self._left -= len(batch)
        if not self._left and not self._one_list:  # one list ends by itself, with a last check
            self.discard()
        return batch

    def _new(self, batch: Batch) -> Batch:
        """What was in none of the lists before: a record may move from one to the other."""
        new = batch.without(self._known)
        new.through = None
        self._known.update(id for id in new.ids if id is not None)
        return new

    def discard(self) -> None:
        """Cancel what is being read ahead, and end."""
        for stream in self._streams:
            stream.discard()
        self._streams.clear()


class _Iterator:
    """An iterator that drops the pages read ahead when it is closed or collected."""

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


@attrs.frozen(repr=False)
class RawPage:
    """Some rows of a list, as the API sent them.

    Attributes:
        rows: The records' own bytes, in a form whose repr does not show them.
        ids: Their ids; None for one that has none.
        seconds: The seconds in which they were created, as the API writes them.
        total: How many rows the API announced at the start, or how many came so far.
        through: All rows that were created before this second have been handed out, and of this
            second those that came so far. None if the list is not read in the order of creation,
            so that there is nothing to go on by.
    """

    rows: Sequence[msgspec.Raw]
    ids: Sequence[Id | None]
    seconds: Sequence[str | None]
    total: int
    through: str | None

    def __repr__(self) -> str:
        return f"<RawPage of {len(self.rows)}, {self.total} in all>"


def _raw_page(batch: Batch, total: int) -> RawPage:
    rows = batch.pick(as_raw(batch.rows))
    return RawPage(rows, batch.ids, batch.seconds, total, batch.through)


class RawPages:
    """Page after page of a listing that is read to its end."""

    def __init__(self, reading: Reading) -> None:
        self._batches = Batches(reading.whole())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RawPage:
        found = await self._batches.next_batch()
        if found is None:
            raise StopAsyncIteration
        return _raw_page(*found)

    async def aclose(self) -> None:
        """End, and cancel the pages that are being read ahead."""
        self._batches.discard()

    def __del__(self) -> None:
        self._batches.discard()

    def __repr__(self) -> str:
        return "<RawPages>"


def undecoded(listing: Listing[Any]) -> Listing[msgspec.Raw]:
    """A listing's records as the API sent them, to its end.

    Their repr does not show them, so that they may stand in any frame.
    """
    return Listing(_reading_of(listing).decoded(as_raw).whole())


async def first_page(listing: Listing[Any]) -> RawPage | None:
    """The first page of a listing, in one request."""
    batches = Batches(_reading_of(listing))
    try:
        found = await batches.next_batch()
    finally:
        batches.discard()
    return _raw_page(*found) if found else None


def raw_pages(listing: Listing[Any]) -> RawPages:
    """Read a listing page by page and undecoded, with what a job needs to go on where it was."""
    return RawPages(_reading_of(listing))


def _reading_of(listing: Listing[Any]) -> Reading:
    return listing._reading  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # its module's own
