"""Fills a clinic, part by part."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, Final

from cliniko_async.emulator.seeds.calendar import WEEKS_AHEAD, Calendar
from cliniko_async.emulator.seeds.desk import add_desk
from cliniko_async.emulator.seeds.invoices import bill
from cliniko_async.emulator.seeds.making import Making
from cliniko_async.emulator.seeds.notes import write_notes
from cliniko_async.emulator.seeds.patients import add_patients
from cliniko_async.emulator.seeds.staff import STARTS_PER_WEEK, add_staff
from cliniko_async.emulator.seeds.visits import add_visits

if TYPE_CHECKING:
    from datetime import date

    from cliniko_async.emulator.tables import Tables

__all__ = ["fill"]

WEEKS: Final = 56
"""Of appointments: both changes of the clock, and the weeks ahead."""

FULLEST: Final = 0.7
"""The share of possible times that are booked, before more weeks are needed."""


def fill(
    tables: Tables, *, patients: int, appointments: int, seed: int, today: date | None
) -> None:
    """Put records into a clinic, the same for the same numbers and the same day."""
    random = Random(seed)  # noqa: S311 - no secrets here
    weeks = max(WEEKS, math.ceil(appointments / STARTS_PER_WEEK / FULLEST) + WEEKS_AHEAD)
    calendar = Calendar(random, today, weeks=weeks)
    tables.today = calendar.today
    making = Making(tables, random, calendar)
    staff = add_staff(making)
    known = add_patients(making, staff, patients)
    if known:
        visits = add_visits(making, staff, known, appointments=appointments, weeks=weeks)
        bill(making, staff, visits)
        write_notes(making, staff, visits)
        add_desk(making, staff, visits)
