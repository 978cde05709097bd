"""Members of records that their models do not know: how the API moves on, seen while it is used.

Looking costs more than decoding, so it is done by sample: at each record that is fetched alone, at
the first page of each resource, and at the first row of every sixteenth page after it.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args

import attrs
import msgspec

from cliniko_async._models.kinds import is_a, shown
from cliniko_async._models.model import json_name
from cliniko_async._models.real_types import hints_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["UnknownMembers"]

PAGES_BETWEEN: Final = 16
"""Pages of a resource, the first of which is looked at again."""

LONGEST_RECORD: Final = 65_536
"""Bytes in which the first row of a page has to end to be looked at."""

_logger: Final = logging.getLogger("cliniko_async.unknown_members")
_scan: Final = json.JSONDecoder().raw_decode


class UnknownMembers:
    """What a session has seen of members that its models lack: names and numbers, no value."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._pages: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """How often each was seen, by resource and path."""
        return MappingProxyType({name: dict(found) for name, found in self._counts.items()})

    def look_at_record(self, resource: str, model: Any, body: bytes | msgspec.Raw) -> None:
        """Look at a record that was fetched alone. What is not JSON is none of its business."""
        self._count(resource, model, lambda: [msgspec.json.decode(body)])

    def look_at_page(self, resource: str, model: Any, rows: bytes | msgspec.Raw) -> None:
        """Look at a page, or at its first row, or pass it over."""
        number = self._pages[resource]
        self._pages[resource] = number + 1
        if number == 0:
            self._count(resource, model, lambda: msgspec.json.decode(rows))
        elif number % PAGES_BETWEEN == 0:
            self._count(resource, model, lambda: [_first_of(rows)])

    def _count(self, resource: str, model: Any, read: Callable[[], Iterable[Any]]) -> None:
        try:
            found = Counter(path for record in read() for path in _unknown(model, record, ""))
        except (ValueError, TypeError, RecursionError):  # whoever decodes it says what is wrong
            return
        counts = self._counts.setdefault(resource, Counter()) if found else Counter[str]()
        for path in found.keys() - counts.keys():
            _logger.info("the API sends %s.%s, which this version does not know", resource, path)
        counts.update(found)


def _first_of(rows: bytes | msgspec.Raw) -> Any:
    """The first row of a page."""
    start = bytes(memoryview(rows)[:LONGEST_RECORD]).decode("utf-8", "ignore").lstrip()
    return _scan(start, 1)[0]


def _unknown(kind: Any, value: Any, path: str) -> Iterator[str]:
    """The paths of members that a model does not know, in a JSON object or below it."""
    if is_a(value, list):
        for part in value:
            yield from _unknown(kind, part, f"{path}[]")
        return
    picked = kind.pick(value) if hasattr(kind, "pick") and is_a(value, dict) else kind
    if not is_a(value, dict) or picked is None:
        return
    known = _known(picked)
    for name, own in value.items():
        at = f"{path}.{shown(name)}".lstrip(".")
        if name not in known:
            yield at
        elif (inner := known[name]) is not None:
            yield from _unknown(inner, own, at)


@cache
def _known(model: Any) -> Mapping[str, Any]:
    """The members that a model knows, each with the model below it, if there is one."""
    hints = hints_of(model)
    return {json_name(field): _inner(hints[field.name]) for field in attrs.fields(model)}


def _inner(hint: Any) -> Any:
    if (isinstance(hint, type) and attrs.has(hint)) or hasattr(hint, "pick"):
        return hint
    return next((inner for part in get_args(hint) if (inner := _inner(part))), None)
