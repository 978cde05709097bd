"""One answer, whatever its status: its headers and times are kept, its records are not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from cliniko_async._http import Request
from cliniko_async._models.large_numbers import read_json
from cliniko_async._query import encode_query
from cliniko_async.errors import DecodeError
from cliniko_async.limits.reset import date_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cliniko_async._http.answers import Response

__all__ = ["Look", "look_at"]

_rows: Final = msgspec.json.Decoder(list[msgspec.Raw])


@attrs.frozen(repr=False)
class Look:
    """What is seen of an answer.

    Attributes:
        status: The HTTP status.
        headers: The names of its headers.
        date: The server's clock.
        took: Seconds that it took.
        body: What it says, to be looked at and dropped. Its repr shows nothing.
    """

    status: int
    headers: Sequence[str]
    date: datetime | None
    took: float
    body: bytes

    @property
    def says(self) -> Mapping[str, Any]:
        """The body's JSON object; empty if it is none."""
        try:
            value = read_json(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] # JSON

    def rows(self, key: str) -> bytes:
        """The rows of a list as JSON."""
        try:
            envelope = msgspec.json.decode(self.body, type=dict[str, msgspec.Raw])
            _rows.decode(envelope[key])
        except (msgspec.DecodeError, KeyError):
            return b"[]"
        return bytes(envelope[key])


class _Looking(Request[Look]):
    __slots__ = ()

    takes_refusals = True

    def read(self, answer: Response) -> Look | DecodeError:
        """What there is to see."""
        names = sorted({name.lower() for name in answer.headers})
        return Look(answer.status, names, date_of(answer.headers), answer.took, answer.body)


def look_at(template: str, path: str, params: Iterable[tuple[str, str]] = ()) -> Request[Look]:
    """The request for a look at a path."""
    return _Looking("GET", template, path, _not_parsed, query=encode_query(params))


def _not_parsed(_body: bytes) -> DecodeError:
    return DecodeError("this answer is looked at, not parsed", resource="doctor")
