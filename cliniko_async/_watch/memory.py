"""The versions that a watch has seen: digests of whole rows, and of each of their fields.

Digests are keyed with the API key. So a cursor that somebody finds does not tell whether a patient
was born on a given day, though there are few days to try.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = ["Memory"]

SIZE: Final = 2
"""Bytes for a field's digest: one change in 65,536 is not seen as one."""

ROW_SIZE: Final = 12
"""Bytes for a row's digest."""

NOT_TOLD_OF: Final = "updated_at"
"""It changes with each version."""

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Memory:
    """What is remembered of a resource's records.

    Args:
        secret: What digests are keyed with, 64 bytes at the most.
        most: How many records' fields are remembered; those that were not seen for the longest
            time are forgotten first.

    Attributes:
        told: The rows that were told, by digest, each with its newest stamp.
        names: The members that the digests of a version stand for.
        versions: The digests of each record's fields, one after the other.
    """

    def __init__(self, secret: bytes, most: int) -> None:
        self._secret = secret
        self._most = most
        self.told: dict[bytes, datetime] = {}
        self.names: list[str] = []
        self.versions: OrderedDict[int, bytes] = OrderedDict()

    def load(
        self,
        told: Iterable[tuple[bytes, datetime]],
        names: Iterable[str],
        versions: Iterable[tuple[int, bytes]],
    ) -> None:
        """Take up what was kept."""
        self.told.update(told)
        self.names.extend(names)
        self.versions.update(versions)
        self._forget_oldest()

    def digest(self, row: bytes | msgspec.Raw) -> bytes:
        """What stands for a version of a record."""
        return hashlib.blake2b(bytes(row), digest_size=ROW_SIZE, key=self._secret).digest()

    def fields(self, id: str | None, row: bytes | msgspec.Raw) -> bytes:
        """The digests of a row's fields."""
        members = _members(row)
        known = set(self.names)
        self.names += [name for name in members if name not in known and name != NOT_TOLD_OF]
        return b"".join(self._field(id, name, bytes(members.get(name, b""))) for name in self.names)

    def _field(self, id: str | None, name: str, value: bytes) -> bytes:
        # With the id in it, so that equal values of two records do not show as equal.
        data = msgspec.msgpack.encode((id, name, value))
        return hashlib.blake2b(data, digest_size=SIZE, key=self._secret).digest()

    def changed(self, id: str | None, fields: bytes) -> frozenset[str] | None:
        """The fields that differ from the version before; None if that is not known."""
        before = None if id is None else self.versions.get(int(id))
        if before is None:
            return None
        # A member that the API has added since is not a change of the record.
        places = range(0, min(len(before), len(fields)), SIZE)
        differ = (at for at in places if before[at : at + SIZE] != fields[at : at + SIZE])
        return frozenset(self.names[at // SIZE] for at in differ)

    def note(self, id: str | None, fields: bytes, digest: bytes, stamp: datetime | None) -> None:
        """Remember a version, and that it was told."""
        if stamp is not None:
            self.told[digest] = stamp
        if id is not None and self._most:
            self.versions[int(id)] = fields
            self.versions.move_to_end(int(id))
            self._forget_oldest()

    def forget(self, before: datetime) -> None:
        """Forget the rows that will not be listed again."""
        self.told = {digest: stamp for digest, stamp in self.told.items() if stamp >= before}

    def _forget_oldest(self) -> None:
        while len(self.versions) > self._most:
            self.versions.popitem(last=False)
