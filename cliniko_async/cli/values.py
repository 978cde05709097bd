"""Numbers and days on the command line: what cannot be read is told with what to write instead."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    NumberType = click.ParamType[float]
    DayType = click.ParamType[date]
    MomentType = click.ParamType[datetime]
else:  # without a parameter in the oldest click that will do
    NumberType = DayType = MomentType = click.ParamType

__all__ = ["Day", "Moment", "Number"]


class Number(NumberType):
    """A number within bounds.

    Args:
        low: The least.
        high: The most; none if not said.
        whole: Whether it is a whole number.
    """

    name = "N"

    def __init__(self, low: float, high: float | None = None, *, whole: bool = True) -> None:
        self._low = low
        self._high = high
        self._whole = whole

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        try:
            number = int(value) if self._whole else float(value)
        except ValueError:
            number = None
        if number is None or not self._low <= number <= (self._high or number):
            kind = "a whole number" if self._whole else "a number"
            until = f" to {self._high:g}" if self._high else ""
            self.fail(f"write {kind} from {self._low:g}{until or ' on'}", param, ctx)
        return number


class Day(DayType):
    """A day, such as 2026-05-31."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day."""
        if isinstance(value, date):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail("write a day as year, month and day: 2026-05-31", param, ctx)


class Moment(MomentType):
    """A moment, in UTC if it has no zone: 2026-05-31, 2026-05-31T09:30Z."""

    name = "moment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("write a day, 2026-05-31, or a moment, 2026-05-31T09:30Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
