"""What all parts of a made-up clinic need while it is made."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import attrs

from cliniko_async.emulator.seeds.calendar import Calendar
from cliniko_async.emulator.tables import Tables

if TYPE_CHECKING:
    from datetime import date


__all__ = ["Making", "Record", "Shift", "Staff"]

Record = dict[str, Any]


@attrs.frozen
class Shift:
    """A practitioner's day of the week at a business.

    Attributes:
        weekday: 0 is Monday.
        starts: Full hours at which appointments can begin, in local time.
    """

    practitioner: Record
    business: Record
    weekday: int
    starts: Sequence[int]

    def day(self, monday: date, week: int) -> date:
        """The day of this shift in a week."""
        return monday.fromordinal(monday.toordinal() + 7 * week + self.weekday)


@attrs.frozen
class Staff:
    """Who works here, where, when, and what can be booked."""

    businesses: Sequence[Record]
    practitioners: Sequence[Record]
    shifts: Sequence[Shift]
    types: Sequence[Record]
    group_type: Record
    prices: dict[str, Record]
    """The billable item of each appointment type, by the type's id."""
    products: Sequence[Record]
    users: Sequence[Record]
    contacts: Sequence[Record]
    template: Record
    """The treatment notes' template."""


@attrs.frozen
class Making:
    """A clinic while it is made."""

    tables: Tables
    random: Random
    calendar: Calendar

    def add(self, resource: str, created_at: str, **values: Any) -> Record:
        """Add a record that was created at some moment, and changed last at `updated_at`."""
        return self.tables.add(resource, {"created_at": created_at, **values})

    def chance(self, share: float) -> bool:
        """Whether something happens that happens to such a share."""
        return self.random.random() < share
