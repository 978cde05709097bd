"""First pages of lists: how the reading of a list begins, and which rows of a page are new."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import msgspec

from cliniko_async._lists import Listing, RawPage, first_page
from cliniko_async._lists.listing import ListingPage, PageIterator
from cliniko_async._lists.versions import read_moments
from cliniko_async._models.arrow import schema_of
from cliniko_async._verbs.include import everything, marks_of

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Start",
    "by_change",
    "falls",
    "moments_of",
    "news_of",
    "not_before",
    "result_of",
    "shown_marks",
    "some_rows",
    "start",
]

T = TypeVar("T")

BATCH: Final = 1000
"""Rows that are handed over at a time, at the least: a table costs dlt 8 ms, however small."""


def shown_marks(resource: type[Any]) -> Sequence[str]:
    """The marks that hide a resource's records and that its records show.

    Communications can be filtered by `deleted_at`, and do not show it.
    """
    columns = set(schema_of(resource.model).names)
    return [mark for mark in marks_of(resource) if mark in columns]


@attrs.frozen(repr=False)
class Start:
    """The beginning of a list that is read whole.

    Attributes:
        rows: The first ones.
        pages: The others, if these are not all.
        newest: The page with what was changed last, asked for after the first rows.
        seconds: How long all that took.
        total: How many records there are.
    """

    rows: Sequence[msgspec.Raw]
    pages: PageIterator[msgspec.Raw] | None = None
    newest: RawPage | None = None
    seconds: float = 0.0
    total: int = 0


def moments_of(rows: Iterable[msgspec.Raw], name: str) -> list[datetime]:
    """The moments of that name, of the rows that have one."""
    found = (read_moments(row).at.get(name) for row in rows)
    return [moment for moment in found if moment is not None]


def falls(moments: Sequence[datetime]) -> bool:
    return all(a >= b for a, b in pairwise(moments))


def news_of(
    rows: Sequence[msgspec.Raw], name: str, floor: datetime
) -> Sequence[msgspec.Raw] | None:
    """The new rows of a first page, newest first; None if it does not show all of them.

    Rows without the moment count as new, because they may be.
    """
    moments = moments_of(rows, name)
    if not (moments and falls(moments) and moments[-1] < floor):
        return None
    return not_before(rows, name, floor)


def not_before(rows: Iterable[msgspec.Raw], name: str, floor: datetime) -> list[msgspec.Raw]:
    return [row for row in rows if read_moments(row).at.get(name, floor) >= floor]


async def _next(pages: PageIterator[msgspec.Raw]) -> ListingPage[msgspec.Raw] | None:
    return await anext(pages, None)


async def some_rows(pages: PageIterator[msgspec.Raw]) -> list[msgspec.Raw]:
    """The rows of as many pages as make a batch; none at the end."""
    rows: list[msgspec.Raw] = []
    while len(rows) < BATCH and (page := await _next(pages)):
        rows += page.items
    return rows


async def result_of(awaited: Awaitable[T]) -> T:
    return await awaited


def by_change(resource: Any) -> Listing[msgspec.Raw]:
    return everything(resource, sort="updated_at:desc")


async def start(resource: Any, total: asyncio.Future[int] | None = None) -> Start:
    """Begin to read a resource whole.

    Args:
        resource: The resource.
        total: Receives the number of records as soon as it is known.
    """
    started, pages = time.monotonic(), everything(resource).pages()
    page = await _next(pages)
    rows = list(page.items) if page else []
    records = page.total_entries if page else 0
    if total is not None and not total.done():
        total.set_result(records)
    if records <= len(rows):
        return Start(rows, total=records)
    newest, more = await asyncio.gather(first_page(by_change(resource)), some_rows(pages))
    return Start([*rows, *more], pages, newest, time.monotonic() - started, records)
