"""Reading answers: what an error status means, and when a refused client may come back.

Pure functions of a status, headers and a body. Nothing is assumed of an error's body: it may be
JSON of several shapes, plain text, HTML from a proxy, or empty (NOTES on observed answers are in
the tests' table).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, cast

import attrs
import msgspec

from cliniko_async.errors import (
    ApiError,
    AuthenticationError,
    ForbiddenError,
    NotFoundError,
    RateLimitError,
    ServerError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "TOO_MANY_REQUESTS",
    "Answer",
    "Failure",
    "api_error",
    "date_of",
    "seconds_until_reset",
    "seconds_until_retry",
]

LONGEST_DETAIL: Final = 500
"""Characters of the server's own words that are kept."""

SHORTEST_PAUSE: Final = 1.0
"""Seconds to pause when the reset that a 429 names is already over by the server's own clock."""

UNAUTHORIZED: Final = 401
TOO_MANY_REQUESTS: Final = 429
FAILED: Final = 500
"""From here on, statuses say that the server has failed."""

_KINDS: Final[dict[int, type[ApiError]]] = {
    UNAUTHORIZED: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    422: ValidationError,
    TOO_MANY_REQUESTS: RateLimitError,
}

_HINTS: Final[dict[int, str]] = {
    400: "the API does not take this request; its own words are in .detail",
    403: "the key's user may not do this: a key can do what its user's role allows",
    404: "no such record, or it is archived, deleted or cancelled: see include=",
    407: "a proxy on the way wants to know who you are",
}


class Answer:
    """A response that was read to its end. Its repr does not show the body.

    Attributes:
        took: Seconds between sending the request, once it had its place, and the answer's end.
    """

    __slots__ = ("body", "headers", "status", "took")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status: int = status
        self.headers: Mapping[str, str] = headers
        self.body: bytes = body
        self.took: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the API did what was asked."""
        return is_success(self.status)

    @property
    def is_refusal(self) -> bool:
        """Whether the API refused what was asked, other than for the rate limit."""
        return 400 <= self.status < FAILED and self.status != TOO_MANY_REQUESTS  # noqa: PLR2004 - the 4xx

    def __repr__(self) -> str:
        return f"<Answer {self.status}>"


def is_success(status: int) -> bool:
    """Whether a status is one of the 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - the 2xx


@attrs.frozen
class Failure:
    """A try that brought no usable answer.

    Attributes:
        what: In words, for the message.
        processed: Whether the server may have done what was asked.
        status: The status that was seen before the body broke off.
        answer: The answer, if the server said that it failed.
        timed_out: Whether the deadline passed.
        hopeless: Whether another try would end the same way.
    """

    what: str
    processed: bool = True
    status: int = 0
    answer: Answer | None = None
    timed_out: bool = False
    hopeless: bool = False

    @property
    def was_done(self) -> bool:
        """Whether the API said that it did what was asked, though the rest cannot be read."""
        return is_success(self.status)


def api_error(answer: Answer, *, method: str, path: str, shard: str) -> ApiError:
    """The error for an answer with an error status."""
    said = _json_object(answer.body)
    fields = _fields(said)
    kind = _KINDS.get(answer.status, ServerError if answer.status >= FAILED else ApiError)
    error = kind(
        _message(answer.status, method, path, shard, fields),
        status=answer.status,
        method=method,
        path=path,
        request_id=answer.headers.get("x-request-id"),
        detail=_detail(said, answer.body),
    )
    if isinstance(error, ValidationError):
        error.fields = fields
    return error


def _message(status: int, method: str, path: str, shard: str, fields: Mapping[str, str]) -> str:
    hint = _HINTS.get(status, "")
    if status == UNAUTHORIZED:
        hint = (
            f"the key is not valid on shard {shard}, which was asked. A key belongs to one shard, "
            "the part behind its last hyphen (au1 if there is none): is it copied whole?"
        )
    elif fields:
        hint = "refused fields: " + ", ".join(sorted(fields)) + " (see .fields)"
    return f"{status} for {method} {path}" + (f": {hint}" if hint else "")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _fields(said: Mapping[str, Any]) -> dict[str, str]:
    """What a 422 says of each field: a text by the documents, a list or null in the field."""
    errors = said.get("errors")
    if not isinstance(errors, dict):
        return {}
    return {str(name): _as_text(text) for name, text in cast("dict[str, Any]", errors).items()}


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(_as_text(part) for part in cast("list[object]", value))
    return "" if value is None else str(value)


def _detail(said: Mapping[str, Any], body: bytes) -> str | None:
    text = said.get("message") or said.get("error")
    if not isinstance(text, str):
        text = body.decode("utf-8", "replace") if body and not said else ""
    return text.strip()[:LONGEST_DETAIL] or None


def seconds_until_reset(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that a 429 asks to wait, or None if it does not say.

    `X-RateLimit-Reset` is a moment on the server's clock, so it is read against the `Date` of the
    same answer and only without one against the local clock.

    Args:
        headers: The answer's headers, by lower-case name.
        now: Local time, in seconds since the epoch.
    """
    reset = _number(headers.get("x-ratelimit-reset"))
    if reset is None:
        after = _number(headers.get("retry-after"))
        return None if after is None else max(after, SHORTEST_PAUSE)
    date = date_of(headers)
    return max(reset - (date.timestamp() if date else now), SHORTEST_PAUSE)


def _number(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdecimal() else None


def seconds_until_retry(headers: Mapping[str, str], *, now: float) -> float:
    """Seconds that a failed server asks to be left alone, or 0 if it does not say.

    Args:
        headers: The answer's headers, by lower-case name.
        now: Local time, in seconds since the epoch, for a moment in an answer without `Date`.
    """
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None:
        moment = _moment(text)
        date = date_of(headers)
        since = date.timestamp() if date else now
        seconds = moment.timestamp() - since if moment else 0.0
    return max(seconds, 0.0)


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock at the time of an answer, if the answer says it."""
    return _moment(headers.get("date"))


def _moment(text: str | None) -> datetime | None:
    """A moment as HTTP writes it; None of what is malformed."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
