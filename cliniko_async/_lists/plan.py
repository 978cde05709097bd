"""What a listing or a scan reads, and how rows become records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import attrs
import msgspec

from cliniko_async._http.view import View
from cliniko_async._lists.list_request import Source
from cliniko_async._models.large_numbers import read_json
from cliniko_async.errors import DecodeError, InvalidValueError

if TYPE_CHECKING:
    from cliniko_async._lists.page import Batch

__all__ = ["OnBadRecord", "Reading", "as_bytes", "as_dicts", "as_raw"]

OnBadRecord = Literal["raise", "skip"] | Callable[[DecodeError], object]
"""What happens when a record does not fit its model: raise, skip it, or skip it and be told."""

as_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
"""A page's rows as the API sent them, in a form whose repr does not show them."""
_dicts = msgspec.json.Decoder(list[dict[str, Any]]).decode


def as_bytes(rows: msgspec.Raw) -> Sequence[bytes]:
    """A page's rows as the API sent them."""
    return [bytes(row) for row in as_raw(rows)]


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
        eager: Whether all of it will be read, so that as much as can be is asked for at once.
        most: How many rows will be read at the most.
        model: What the records are.

    Raises:
        InvalidValueError: `on_bad_record` is not one of the values it takes.
    """

    view: View
    sources: Sequence[Source]
    decode: Callable[[msgspec.Raw], Sequence[Any]]
    on_bad_record: OnBadRecord = "raise"
    eager: bool = False
    most: int | None = None
    model: Any = None

    def __attrs_post_init__(self) -> None:
        if self.on_bad_record not in ("raise", "skip") and not callable(self.on_bad_record):
            raise InvalidValueError("on_bad_record= takes 'raise', 'skip' or a function")

    def raw(self) -> Reading:
        """The same, with rows as dicts."""
        return self.decoded(as_dicts)

    def raw_bytes(self) -> Reading:
        """The same, with rows as the API sent them."""
        return self.decoded(as_bytes)

    def decoded(self, decode: Callable[[msgspec.Raw], Sequence[Any]]) -> Reading:
        """The same, with rows read in another way, which takes them all."""
        return attrs.evolve(self, decode=decode, on_bad_record="raise")

    def whole(self) -> Reading:
        """The same, to be read to its end."""
        return attrs.evolve(self, eager=True)

    def limited(self, most: int) -> Reading:
        """The same, for so many rows at the most."""
        return attrs.evolve(self, most=most if self.most is None else min(most, self.most))

    def in_bulk(self) -> Reading:
        """The same to its end, in the lane for jobs."""
        return attrs.evolve(self, view=self.view.bulk(), eager=True)

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
