"""Values as they appear in a query string, below the level of filters."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote

from cliniko_async.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DatePattern", "checked_text", "encode_query"]


class DatePattern:
    """A date with parts left open: `DatePattern(month=5)` is any day in any May."""

    __slots__ = ("text",)

    def __init__(
        self, *, year: int | None = None, month: int | None = None, day: int | None = None
    ) -> None:
        date(year or 2000, month or 1, day or 1)  # refuses a thirteenth month and a 32nd day
        parts = ((year, 4), (month, 2), (day, 2))
        self.text: str = "-".join("*" * n if p is None else f"{p:0{n}}" for p, n in parts)

    def __repr__(self) -> str:
        return "<DatePattern>"


def checked_text(text: str) -> str:
    """A text that can be sent.

    Raises:
        InvalidValueError: It has half of a character in it, as some broken files do.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValueError(
            "this text has a lone surrogate in it: it is not valid Unicode"
        ) from None
    return text


def encode_query(params: Iterable[tuple[str, str]]) -> str:
    """A query string in which every value is percent-encoded exactly once."""
    return "&".join(
        f"{quote(checked_text(name), safe='')}={quote(checked_text(value), safe='')}"
        for name, value in params
    )
