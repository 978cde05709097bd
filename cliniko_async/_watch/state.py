"""What a watch keeps for the next process: the cursor's text, and what is in it.

A cursor holds no data of records: the ids of account and user, moments up to which all was told,
keyed digests of versions and of their fields, and ids of records. Without the API key, digests
cannot be compared with anything.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from datetime import datetime

import msgspec

from cliniko_async._http.owner import Owner
from cliniko_async._lists.cursor import unpack
from cliniko_async.errors import InvalidTypeError, InvalidValueError

__all__ = ["KeptResource", "KeptWatch"]


class KeptResource(msgspec.Struct, frozen=True):
    """What is kept of one resource.

    Attributes:
        floors: Up to when all changes were told, by the field that is asked about.
        told: The versions told since the earliest floor, each with its newest stamp.
        names: The members that the digests of a version stand for, in their order.
        versions: Ids, and the digests of the version that was seen last.
        archived: Ids of the records in the archive, packed; None if they are not known.
        bad: Ids of records that did not fit their model.
    """

    floors: dict[str, datetime] = {}
    told: list[tuple[bytes, datetime]] = []
    names: list[str] = []
    versions: list[tuple[int, bytes]] = []
    archived: str | None = None
    bad: list[str] = []


class KeptWatch(msgspec.Struct, frozen=True, tag="watch2"):
    """What is kept of a watch.

    Attributes:
        key: A digest that tells whether the API key is still the one that digests were made with.
        owner: Whose records were watched.
        resources: What is kept of each resource.
    """

    key: bytes
    owner: Owner
    resources: dict[str, KeptResource]

    def under(self, key: bytes) -> dict[str, KeptResource]:
        """What is kept of the resources; digests that were made with another key are of no use."""
        if key == self.key:
            return dict(self.resources)
        kept = self.resources.items()
        return {
            name: KeptResource(one.floors, archived=one.archived, bad=one.bad) for name, one in kept
        }

    def text(self) -> str:
        """The cursor as users keep it."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode()

    @classmethod
    def read(cls, text: str) -> KeptWatch:
        """The state that a text is.

        Raises:
            InvalidTypeError: It is not a text.
            InvalidValueError: It is not a watch's cursor.
        """
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
            raise InvalidTypeError("cursor= takes the text that a watch's .cursor was")
        try:
            found = msgspec.msgpack.decode(base64.urlsafe_b64decode(text.encode()), type=cls)
            for one in found.resources.values():
                unpack(one.archived or NO_IDS)
        except (ValueError, binascii.Error, zlib.error, msgspec.DecodeError):
            raise InvalidValueError(
                "this is not a watch's cursor: pass the .cursor of an earlier watch, as it was; "
                "changes() has cursors of its own"
            ) from None
        if not all(moment.tzinfo for one in found.resources.values() for moment in _moments(one)):
            raise InvalidValueError("this cursor has moments without a time zone")
        return found


NO_IDS = base64.b85encode(zlib.compress(b"")).decode()


def _moments(kept: KeptResource) -> list[datetime]:
    return [*kept.floors.values(), *(at for _, at in kept.told)]
