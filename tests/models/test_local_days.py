"""Days on a clinic's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliniko_async import Business, InvalidTypeError, InvalidValueError

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
ZONES = sorted(available_timezones())


def business(zone: str | None) -> Business:
    return Business(id="7", created_at=MOMENT, updated_at=MOMENT, time_zone_identifier=zone)


def test_a_day_in_melbourne_begins_the_day_before_and_may_have_25_hours() -> None:
    summer, longest, shortest = (
        business("Australia/Melbourne").local_day(day)
        for day in (date(2026, 1, 5), date(2026, 4, 5), date(2026, 10, 4))
    )
    assert summer.start == datetime(2026, 1, 4, 13, tzinfo=UTC)
    assert summer.end - summer.start == timedelta(hours=24)
    assert longest.end - longest.start == timedelta(hours=25)
    assert shortest.end - shortest.start == timedelta(hours=23)


@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(0, 40))
def test_days_follow_each_other_and_hold_their_own_moments(
    zone: str, first: date, more: int
) -> None:
    days = business(zone).local_days(first, first + timedelta(days=more))
    assert [day.day for day in days] == [first + timedelta(days=n) for n in range(more + 1)]
    assert all(one.end == other.start for one, other in pairwise(days))
    for day in days:
        if day.start == day.end:  # a day that an island skipped to be on the other side
            continue
        noon = day.start + (day.end - day.start) / 2
        assert noon.astimezone(ZoneInfo(zone)).date() == day.day


def test_today_is_the_business_s_own() -> None:
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        before = datetime.now(ZoneInfo(zone)).date()
        day = business(zone).local_day()
        assert before <= day.day <= datetime.now(ZoneInfo(zone)).date()


WRONG: list[tuple[str | None, tuple[Any, Any], type[Exception], str]] = [
    (None, (date(2026, 1, 1), date(2026, 1, 1)), InvalidValueError, "Business 7> shows no"),
    ("Mars/Base", (date(2026, 1, 1), date(2026, 1, 1)), InvalidValueError, "tzdata"),
    ("../x", (date(2026, 1, 1), date(2026, 1, 1)), InvalidValueError, "tzdata"),
    ("UTC", (date(2026, 1, 2), date(2026, 1, 1)), InvalidValueError, "before the first"),
    ("UTC", (MOMENT, MOMENT), InvalidTypeError, "date"),
    ("UTC", ("2026-01-01", "2026-01-01"), InvalidTypeError, "date"),
]


@pytest.mark.parametrize(("zone", "days", "error", "words"), WRONG)
def test_what_is_no_day_says_what_to_write(
    zone: str | None, days: tuple[Any, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        business(zone).local_days(*days)
