"""When things happen in a made-up clinic of Melbourne: before its day, on it, or to come."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from cliniko_async.emulator import moments

if TYPE_CHECKING:
    from random import Random

__all__ = ["WEEKS_AHEAD", "ZONE", "Calendar"]

ZONE: Final = "Australia/Melbourne"

DAYS_OPEN: Final = 730
"""Days since the clinic opened, at least."""

WEEKS_AHEAD: Final = 4
"""Weeks for which appointments are made ahead."""

OPENS, CLOSES = 9 * 60, 17 * 60
"""Minutes after midnight between which records are made."""


class Calendar:
    """The time of a made-up clinic.

    Args:
        random: Draws what is by chance.
        today: The clinic's day; by default the current one in Melbourne.
        weeks: Weeks of appointments, of which the last ones are to come.
    """

    def __init__(self, random: Random, today: date | None, *, weeks: int) -> None:
        self._random = random
        self._zone = ZoneInfo(ZONE)
        self.today: date = today or datetime.now(self._zone).date()
        self.monday: date = self.today - timedelta(
            days=self.today.weekday() + 7 * (weeks - WEEKS_AHEAD - 1)
        )
        """The first day of the first week that has appointments."""
        self.opened: date = min(self.today - timedelta(days=DAYS_OPEN), self.monday)

    @cached_property
    def now(self) -> str:
        """The beginning of the clinic's day: what was written, was written before."""
        return self.at(self.today, 0)

    def at(self, day: date, minute: int) -> str:
        """A minute of a day in Melbourne, as the API writes it."""
        local = datetime.combine(day, time(minute // 60, minute % 60), self._zone)
        return moments.text(local.astimezone(UTC))

    def before(self, moment: str) -> str:
        """A moment, unless the clinic's day has begun before it."""
        return min(moment, self.later(self.now, -1))

    def later(self, moment: str, seconds: float) -> str:
        """A moment so many seconds later."""
        return moments.seconds_after(moment, seconds)

    def since(self, moment: str, share: float) -> str:
        """A moment between another one and the beginning of the clinic's day."""
        start, now = datetime.fromisoformat(moment), datetime.fromisoformat(self.now)
        return moments.text(start + share * (now - start))

    def moments(self, number: int) -> list[str]:
        """Rising moments from the opening to yesterday; some share a second."""
        days, random = (self.today - self.opened).days, self._random
        found = sorted(
            self.later(
                self.at(
                    self.opened + timedelta(days=1 + (days - 1) * n // max(number, 1)),
                    random.randrange(OPENS, CLOSES),
                ),
                random.randrange(60),
            )
            for n in range(number)
        )
        for n in range(1, number):
            if random.random() < 0.1:  # noqa: PLR2004 - one in ten
                found[n] = found[n - 1]
        return found

    def start(self, minute: int) -> str:
        """A moment of the day on which the clinic opened."""
        return self.at(self.opened, minute)
