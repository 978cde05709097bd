"""Reading answers: what an error status means.

Pure functions of a status, headers and a body. Nothing is assumed of an error's body: it may be
JSON of several shapes, plain text, HTML from a proxy, or empty (NOTES on observed answers are in
the tests' table).
"""

from __future__ import annotations

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
from cliniko_async.limits.reset import TOO_MANY_REQUESTS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Failure", "Response", "api_error"]

LONGEST_DETAIL: Final = 500
"""Characters of the server's own words that are kept."""

UNAUTHORIZED: Final = 401
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
FAILED: Final = 500
"""From here on, statuses say that the server has failed."""

_KINDS: Final[dict[int, type[ApiError]]] = {
    UNAUTHORIZED: AuthenticationError,
    403: ForbiddenError,
    NOT_FOUND: NotFoundError,
    422: ValidationError,
    TOO_MANY_REQUESTS: RateLimitError,
}

_HINTS: Final[dict[int, str]] = {
    400: "the API does not take this request; its own words are in .detail",
    403: "the key's user may not do this: a key can do what its user's role allows",
    405: "the API has no such method here: `cliniko describe` lists what each resource has",
    407: "a proxy on the way wants to know who you are",
    409: "it conflicts with what is there: get the record again, and see .detail",
    413: "it is too large for the API: send less at once",
}


class Response:
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
        return f"<Response {self.status}>"


def is_success(status: int) -> bool:
    """Whether a status is one of the 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - the 2xx


@attrs.frozen
class Failure:
    """A try without a usable answer.

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
    answer: Response | None = None
    timed_out: bool = False
    hopeless: bool = False

    @property
    def was_done(self) -> bool:
        """Whether the API said that it did what was asked, although the rest cannot be read."""
        return is_success(self.status)


def api_error(
    answer: Response, *, method: str, path: str, shard: str, moved_to: str | None = None
) -> ApiError:
    """The error for an answer with an error status.

    Args:
        answer: The answer.
        method: The request's method.
        path: Its path's template.
        shard: The shard that was asked.
        moved_to: The host that a redirect leads to, if it is another one.
    """
    said = _json_object(answer.body)
    fields = _fields(said)
    kind = _KINDS.get(answer.status, ServerError if answer.status >= FAILED else ApiError)
    error = kind(
        _message(answer.status, method, path, shard=shard, fields=fields, host=moved_to),
        status=answer.status,
        method=method,
        path=path,
        request_id=answer.headers.get("x-request-id"),
        detail=_detail(said, answer.body),
    )
    if isinstance(error, ValidationError):
        error.fields = fields
    return error


def _message(
    status: int,
    method: str,
    path: str,
    *,
    shard: str,
    fields: Mapping[str, str],
    host: str | None,
) -> str:
    hint = _HINTS.get(status, "")
    if status == UNAUTHORIZED:
        hint = (
            f"the key is not valid on shard {shard}, which was asked. A key belongs to one shard, "
            "the part behind its last hyphen (au1 if there is none): is it copied whole?"
        )
    elif status == NOT_FOUND:
        hint = _not_found(method, path)
    elif host:
        hint = (
            f"the API is now at {host}, and a key is not sent to another host: use a key that "
            f"ends in the account's new shard, or base_url='https://{host}/v1'"
        )
    elif fields:
        hint = "refused fields: " + ", ".join(sorted(fields)) + " (see .fields)"
    elif not hint:
        hint = _hint_of_kind(status)
    return f"{status} for {method} {path}" + (f": {hint}" if hint else "")


def _hint_of_kind(status: int) -> str:
    if status >= FAILED:
        return "the API failed, not the request: try again later"
    return "the API refuses this; its own words are in .detail" if status >= BAD_REQUEST else ""


def _not_found(method: str, path: str) -> str:
    if method == "GET":
        return "no such record, or it is archived, deleted or cancelled: see include="
    if "{" not in path:
        return "nothing can be made here, or a record that the fields name does not exist"
    return "no such record, or it is archived, deleted or cancelled"


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _fields(said: Mapping[str, Any]) -> dict[str, str]:
    """What a 422 says about each field: a text by the documents, a list or null in practice."""
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
