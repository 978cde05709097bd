"""What a listing or a scan reads, and how rows become records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import attrs
import msgspec

from cliniko_async._http.session import View
from cliniko_async._lists.list_request import Source
from cliniko_async._models.large_numbers import read_json
from cliniko_async.errors import DecodeError, InvalidValueError

if TYPE_CHECKING:
    from cliniko_async._lists.page import Batch

__all__ = ["OnBadRecord", "Reading", "as_bytes", "as_dicts"]

OnBadRecord = Literal["raise", "skip"] | Callable[[DecodeError], object]
"""What happens when a record does not fit its model: raise, skip it, or skip it and be told."""

as_bytes = msgspec.json.Decoder(list[msgspec.Raw]).decode
_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode


def as_dicts(rows: msgspec.Raw) -> Sequence[dict[str, Any]]:
    """A page's rows as dicts, whatever they hold."""
    return cast("list[dict[str, Any]]", read_json(rows, _dicts))


@attrs.frozen(repr=False)
class Reading:
    """What is read, and how.

    Attributes:
        sources: Lists, read one after the other.
        decode: Makes records of a page's rows.
        on_bad_record: What happens with those that do not fit.

    Raises:
        InvalidValueError: `on_bad_record` is none of what can happen.
    """

    view: View
    sources: Sequence[Source]
    decode: Callable[[msgspec.Raw], Sequence[Any]]
    on_bad_record: OnBadRecord = "raise"

    def __attrs_post_init__(self) -> None:
        if self.on_bad_record not in ("raise", "skip") and not callable(self.on_bad_record):
            raise InvalidValueError("on_bad_record= takes 'raise', 'skip' or a function")

    @property
    def in_order_of_creation(self) -> bool:
        """Whether rows come in that order, and can be filtered by it."""
        return len(self.sources) == 1 and self.sources[0].walkable

    def raw(self) -> Reading:
        """The same, with rows as dicts."""
        return Reading(self.view, self.sources, as_dicts)

    def raw_bytes(self) -> Reading:
        """The same, with rows as the API sent them."""
        return Reading(self.view, self.sources, as_bytes)

    def records(self, batch: Batch) -> Sequence[Any]:
        """The records of a batch, errors among them if they are to be raised."""
        records = batch.pick(self.decode(batch.rows))
        if self.on_bad_record == "raise":
            return records
        good: list[Any] = []
        for record in records:
            if not isinstance(record, DecodeError):
                good.append(record)
            elif callable(self.on_bad_record):
                self.on_bad_record(record)
        return good

    def __repr__(self) -> str:
        return f"<Reading of {self.sources[0].template}>"
