"""What a run of `changes()` leaves for the next one: where it ended, and what it has to know.

A cursor holds no data of records: digests of versions that were reported, ids of records that did
not fit, and ids of those that are in the archive.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING

import msgspec

from cliniko_async._models.model import Moment
from cliniko_async.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["Cursor"]

SEVEN_BITS = 0x7F


class Cursor(msgspec.Struct, frozen=True):
    """Where a run ended.

    Attributes:
        at: Up to when everything has been reported, by the clock that stamps rows.
        told: Digests of the versions of that time that were reported, which will be listed again.
        again: Ids of records that did not fit their model, to be asked for again.
        archived: Ids of the records in the archive, packed; None if they are not known.
    """

    at: Moment
    told: list[str] = []
    again: list[str] = []
    archived: str | None = None

    def text(self) -> str:
        """The cursor as users keep it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def read(cls, text: str) -> Cursor:
        """Read a cursor from its text.

        Raises:
            InvalidValueError: The text is not a cursor.
        """
        try:
            found = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=cls)
            found.archived_ids()
        except (ValueError, binascii.Error, zlib.error, msgspec.DecodeError):
            raise InvalidValueError(
                "this is not a cursor: pass the .cursor of an earlier run, as it was"
            ) from None
        return found

    def archived_ids(self) -> set[int] | None:
        """The ids in the archive."""
        return None if self.archived is None else unpack(self.archived)


def pack(ids: Iterable[int]) -> str:
    """Ids as a text: about nine characters each, for ids of 19 digits."""
    packed, last = bytearray(), 0
    for id in sorted(ids):
        step, last = id - last, id
        while step > SEVEN_BITS:
            packed.append(step & SEVEN_BITS | SEVEN_BITS + 1)
            step >>= 7
        packed.append(step)
    return base64.b85encode(zlib.compress(bytes(packed), 9)).decode()


def unpack(text: str) -> set[int]:
    """The ids that `pack` was given."""
    ids, last, step, shift = set[int](), 0, 0, 0
    for byte in zlib.decompress(base64.b85decode(text)):
        step |= (byte & SEVEN_BITS) << shift
        shift += 7
        if byte <= SEVEN_BITS:
            last += step
            ids.add(last)
            step = shift = 0
    return ids


def chunks(ids: Collection[str], size: int = 100) -> list[list[str]]:
    """Ids by the hundred: as many as one request can ask for."""
    all_ids = list(ids)
    return [all_ids[start : start + size] for start in range(0, len(all_ids), size)]
