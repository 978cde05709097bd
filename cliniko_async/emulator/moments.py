"""Moments as the API writes them: in UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["seconds_after", "text"]


def text(moment: datetime) -> str:
    """A moment as the API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_after(moment: str, seconds: float) -> str:
    """A moment so many seconds after another one, both as the API writes them."""
    return text(datetime.fromisoformat(moment) + timedelta(seconds=seconds))
