"""Availability blocks: times in which a practitioner can be booked besides the usual ones."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateTimeField, Filters, IdField
from cliniko_async._verbs import Gettable, Listable
from cliniko_async.resources.appointments import RepeatRule

__all__ = [
    "AvailabilityBlock",
    "AvailabilityBlockFields",
    "AvailabilityBlockFilters",
    "AvailabilityBlocks",
]


@model
class AvailabilityBlock(Record):
    """A time in which a practitioner can be booked besides the usual ones."""

    starts_at: Moment | None = None
    ends_at: Moment | None = None
    practitioner: Link | None = None
    business: Link | None = None
    repeat_rule: RepeatRule | None = None


class AvailabilityBlockFields(TypedDict, total=False):
    """What a new availability block takes."""

    starts_at: datetime
    ends_at: datetime
    practitioner_id: Ref
    business_id: Ref
    repeat_rule: RepeatRule | None


class AvailabilityBlockFilters(Filters):
    """What availability blocks can be filtered by."""

    starts_at: DateTimeField
    practitioner_id: IdField
    business_id: IdField


class AvailabilityBlocks(
    Listable[AvailabilityBlock, AvailabilityBlockFilters, Never],
    Gettable[AvailabilityBlock, Never],
):
    """Practitioners' extra times. The API neither changes nor removes one."""

    path = "/availability_blocks"
    model = AvailabilityBlock
    filters: Final = AvailabilityBlockFilters()

    async def create(self, **fields: Unpack[AvailabilityBlockFields]) -> AvailabilityBlock:
        """Create an availability block."""
        return await self._create(AvailabilityBlockFields, fields)
