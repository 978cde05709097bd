"""When a refused client may come back: whatever a server says, nothing raises."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliniko_async.limits.reset import date_of, seconds_until_reset, seconds_until_retry

NOW = 1_790_000_000.0
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"  # the same moment


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-reset": str(int(NOW) + 30)}, 30),
        ({"x-ratelimit-reset": "1790000030.5"}, 30.5),
        ({"x-ratelimit-reset": str(int(NOW) - 5)}, 1),
        ({"x-ratelimit-reset": str(int(NOW) + 30), "retry-after": "7"}, 30),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Mon, 21 Sep 2026 14:13:50 GMT"}, 30),
        ({"x-ratelimit-reset": "1790000030000", "retry-after": "7"}, 7),
        ({"x-ratelimit-reset": "30", "retry-after": "7"}, 7),
        ({"x-ratelimit-reset": "soon", "retry-after": "7"}, 7),
    ],
)
@pytest.mark.parametrize("date", [None, DATE, "Fri, 32 Foo"])
def test_a_429_says_how_long(
    headers: dict[str, str], seconds: float | None, date: str | None
) -> None:
    said = headers if date is None else {**headers, "date": date}
    assert seconds_until_reset(said, now=NOW) == seconds


@pytest.mark.parametrize(
    "text",
    ["1790000030000", "30", "inf", "nan", "-5", "", "1e5", "9" * 400, "9" * 300, "²", "soon"],
)
def test_what_cannot_be_right_is_no_wait_that_would_be_believed(text: str) -> None:
    for name in ("x-ratelimit-reset", "retry-after"):
        seconds = seconds_until_reset({name: text}, now=NOW)
        assert seconds is not None
        if (name, text) != ("retry-after", "30"):
            assert math.isnan(seconds) or abs(seconds) > 3600


DATES = [
    "Fri, 31 Dec 9999 23:59:59 -0100",
    "Mon, 01 Jan 0101 00:00:00 +0100",
    "Mon, 01 Jan 2020 00:00:00 +9999999",
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "Mon, 1 Jan 2020 99999999999999999999:0:0 GMT",
    "0 Jan 0 0:0 0",
    ": , ,",
    "1",
    "",
]


@pytest.mark.parametrize("date", DATES)
def test_a_malformed_date_never_raises(date: str) -> None:
    date_of({"date": date})
    seconds_until_reset({"date": date, "x-ratelimit-reset": "5", "retry-after": date}, now=NOW)
    seconds_until_retry({"date": date, "retry-after": date}, now=NOW)


@given(date=st.text(), reset=st.text(), after=st.text())
def test_no_text_raises(date: str, reset: str, after: str) -> None:
    headers = {"date": date, "x-ratelimit-reset": reset, "retry-after": after}
    seconds_until_reset(headers, now=NOW)
    assert seconds_until_retry(headers, now=NOW) >= 0
