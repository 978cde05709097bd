"""Unavailable blocks: times in which a practitioner cannot be booked."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypedDict, Unpack

from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateTimeField, Filters, IdField
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    Conflicting,
    DeletionDeprecated,
    Gettable,
    Listable,
)
from cliniko_async.resources.appointments import RepeatRule, RepeatRuleOfBookings

__all__ = [
    "UnavailableBlock",
    "UnavailableBlockFields",
    "UnavailableBlockFilters",
    "UnavailableBlocks",
]


@model
class UnavailableBlock(Record):
    """A time in which a practitioner cannot be booked."""

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    unavailable_block_type: Link | None = None
    practitioner: Link | None = None
    business: Link | None = None
    notes: str | None = None
    repeat_rule: RepeatRule | None = None
    repeated_from: Link | None = None
    repeats: Link | None = None
    conflicts: Link | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class UnavailableBlockFields(TypedDict, total=False):
    """What can be set on an unavailable block."""

    starts_at: datetime
    ends_at: datetime
    unavailable_block_type_id: Ref
    practitioner_id: Ref
    business_id: Ref
    notes: str | None
    repeat_rule: RepeatRuleOfBookings | None
    """One create makes the whole series."""


class UnavailableBlockFilters(Filters):
    """What unavailable blocks can be filtered by."""

    starts_at: DateTimeField
    ends_at: DateTimeField
    unavailable_block_type_id: IdField
    practitioner_id: IdField
    business_id: IdField
    repeated_from_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class UnavailableBlocks(
    Listable[UnavailableBlock, UnavailableBlockFilters, ArchivedOrDeleted],
    Gettable[UnavailableBlock, ArchivedOrDeleted],
    Conflicting[UnavailableBlock],
    Archivable[UnavailableBlock],
    DeletionDeprecated[UnavailableBlock],
):
    """The times in which the account's practitioners cannot be booked."""

    path = "/unavailable_blocks"
    model = UnavailableBlock
    filters: Final = UnavailableBlockFilters()

    async def create(self, **fields: Unpack[UnavailableBlockFields]) -> UnavailableBlock:
        """Create an unavailable block."""
        return await self._create(UnavailableBlockFields, fields)

    async def update(self, id: Ref, **fields: Unpack[UnavailableBlockFields]) -> UnavailableBlock:
        """Change an unavailable block. A field that is left out stays as it is."""
        return await self._update(id, UnavailableBlockFields, fields)
