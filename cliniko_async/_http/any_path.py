"""Requests to any path, for what the library has no method for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from cliniko_async._http.request import Request
from cliniko_async._http.retries import Repeat
from cliniko_async._query.query_string import encode_query
from cliniko_async.errors import InvalidTypeError, InvalidValueError, expect

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["raw_request"]

_REPEATS: Final = {
    "GET": Repeat.READ,
    "POST": Repeat.NEVER,
    "PATCH": Repeat.SAME,
    "DELETE": Repeat.GONE,
}
_PATH: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9_.~-]+)+/?")
_ID: Final = re.compile(r"/(?![a-z_]+(?:/|$))[^/]+")
"""What is no word of the API's: an id, whatever it looks like. Messages and spans leave it out."""

_ACTIONS: Final = {"archive": Repeat.GONE, "unarchive": Repeat.SAME}


def raw_request(
    base_url: str,
    method: str,
    path: str,
    params: Mapping[str, object] | Sequence[tuple[str, object]] | None,
    body: object,
) -> Request[Any]:
    """The request for a path, with what is known about its verb."""
    expect(method, str, "a method is a text: 'GET'")
    verb = method.upper()
    if verb not in _REPEATS:
        raise InvalidValueError("the API knows GET, POST, PATCH and DELETE")
    plain, query = _split(base_url, path)
    sent = _encodable(body)
    repeat = _ACTIONS.get(plain.rpartition("/")[2], _REPEATS[verb])
    return Request(
        verb,
        _ID.sub("/{id}", plain),
        plain,
        _parse,
        query=encode_query([*query, *_pairs(params)]),
        body=None if sent is None else msgspec.Raw(sent),
        repeat=repeat if verb != "GET" else Repeat.READ,
    )


def _split(base_url: str, path: str) -> tuple[str, list[tuple[str, str]]]:
    """A path or link without the base URL, and its query."""
    base, parts = urlsplit(base_url), _parts_of(path)
    if parts.netloc and parts[:2] != base[:2]:
        raise InvalidValueError("the key is sent to the API's own server only: pass a path")
    plain = parts.path.removeprefix(base.path) if parts.netloc else parts.path
    if not plain.startswith("/"):
        raise InvalidValueError("a path begins with a slash: '/recalls'")
    if not _PATH.fullmatch(plain):
        raise InvalidValueError(
            "a path has letters, digits and '_.~-' between its slashes, no '..' and nothing that "
            "is percent-encoded: values go into params="
        )
    return plain, parse_qsl(parts.query, keep_blank_values=True)


def _parts_of(path: str) -> SplitResult:
    expect(path, str, "a path is a text: '/recalls'")
    try:
        parts = urlsplit(path) if path.isprintable() and path[:3] != "///" else None
    except ValueError:
        parts = None
    del path  # it may be a link, with values in its query
    if parts is None:
        raise InvalidValueError("this is neither a path, such as '/recalls', nor a link")
    return parts


def _pairs(
    params: Mapping[str, object] | Sequence[tuple[str, object]] | None,
) -> Iterable[tuple[str, str]]:
    for name, value in _named(params):
        if name == "q":
            raise InvalidValueError("write 'q[]': the API ignores 'q' and sends the whole list")
        if isinstance(value, list | tuple | set | frozenset):
            yield from ((name, _text(part)) for part in cast("Iterable[object]", value))
        else:
            yield name, _text(value)


def _named(params: object) -> Iterable[tuple[str, object]]:
    given: Any = params
    pairs = given.items() if isinstance(params, Mapping) else given or ()
    try:
        found = [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        found = [(None, None)]
    if not all(isinstance(name, str) for name, _ in found):
        raise InvalidTypeError(
            "params= takes names with values: {'q[]': 'id:=1'}, or pairs: [('page', 2)]"
        )
    return cast("list[tuple[str, object]]", found)


def _text(value: object) -> str:
    """A value as it stands in a query; its text is not shown where it is refused."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float | Decimal | date):
        raise InvalidTypeError(
            "params= takes texts, numbers, dates and lists of these as values: leave out what is "
            "None"
        )
    return str(value)


def _encodable(body: object) -> bytes | None:
    if body is None:
        return None
    try:
        # msgspec alone would write NaN as null, and bytes as Base64.
        plain = msgspec.to_builtins(body, builtin_types=(bytes, bytearray, memoryview))
        return json.dumps(plain, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, OverflowError, RecursionError):  # their texts may show values
        problem = (
            "json= takes what JSON has: dicts with texts as names, lists, texts, and numbers "
            "that are finite"
        )
    raise InvalidTypeError(problem)


def _parse(body: bytes) -> Any:
    return msgspec.json.decode(body) if body.strip() else None
