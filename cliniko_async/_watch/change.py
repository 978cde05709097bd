"""What a watch tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, cast

import attrs
import msgspec

from cliniko_async._models.large_numbers import read_json

if TYPE_CHECKING:
    from cliniko_async._models.model import Model

__all__ = ["WatchKind", "WatchedChange"]

M_co = TypeVar("M_co", bound="Model", covariant=True)

WatchKind = Literal[
    "created", "updated", "rescheduled", "archived", "cancelled", "deleted", "merged", "restored"
]
"""What happened to a record; "rescheduled" is an update that moved its `starts_at`."""

_as_dict: Final = msgspec.json.Decoder(dict[str, Any]).decode


@attrs.frozen(repr=False, kw_only=True)
class WatchedChange(Generic[M_co]):
    """A version of a record that has not been told before.

    Attributes:
        kind: What happened to the record, as far as its moments and its version before tell.
        resource: The resource's name, as in the URL.
        record: The record as it is now.
        fields: The fields, named as in the API, in which it differs from the version that was seen
            before, `updated_at` left out. None if no version was seen before, or it is no longer
            remembered. So the first change of a record that was there before the watch began has
            no fields, and an appointment that is moved then is "updated", not "rescheduled": to
            know better, the watch would have to read all records at its start.
        version: A text of its own for each version of each record, and the same when a version is
            told again: for receivers that are to deal with each one once. It tells nothing of the
            record.
    """

    kind: WatchKind
    resource: str
    record: M_co
    fields: frozenset[str] | None
    version: str
    _row: bytes | msgspec.Raw = attrs.field(alias="row")

    def raw(self) -> dict[str, Any]:
        """The record as the API sent it."""
        return cast("dict[str, Any]", read_json(self._row, _as_dict))

    def __repr__(self) -> str:
        return f"<WatchedChange: {self.kind} {self.record!r}>"
