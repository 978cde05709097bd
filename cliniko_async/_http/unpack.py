"""Bodies, unpacked piece by piece: no answer takes more memory than its limit.

A few kilobytes can unpack to gigabytes. So a piece of a body is unpacked to a bounded number of
bytes at a time, and one layer of one encoding is taken: the one that was asked for.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

__all__ = ["ACCEPTED", "UnpackError", "unpacked"]

ACCEPTED: Final = "gzip"
"""What we ask for. Every server that packs at all knows it, and Python brings it along."""

PIECE_BYTES: Final = 256 * 1024
"""Bytes that are unpacked at a time."""

_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_GZIP_ALONE: Final = 16 + zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b"


class UnpackError(Exception):
    """A body cannot be unpacked; its text says why, and holds nothing of the body.

    Attributes:
        hopeless: Whether another try would end the same way.
    """

    def __init__(self, why: str, *, hopeless: bool) -> None:
        super().__init__(why)
        self.hopeless: bool = hopeless


def unpacked(pieces: AsyncIterable[bytes], encoding: str) -> AsyncIterable[bytes]:
    """A body's bytes as they were before they were packed.

    Args:
        pieces: The body as it comes.
        encoding: The answer's `Content-Encoding`.

    Raises:
        UnpackError: It is packed in another way than was asked for, or, while it is read,
            damaged.
    """
    named = encoding.strip().lower()
    if named in _PLAIN:
        return pieces
    if named not in _GZIP:
        raise UnpackError("the answer is packed in a way that was not asked for", hopeless=True)
    return _gunzipped(pieces)


async def _gunzipped(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    unpacker = _Gunzip()
    async for piece in pieces:
        unpacker.packed += piece
        while part := unpacker.next_part():
            yield part
    yield unpacker.rest()


class _Gunzip:
    """One layer of gzip."""

    def __init__(self) -> None:
        self.packed: bytes = b""
        self._zlib = zlib.decompressobj(_GZIP_ALONE)
        self._began = False

    def next_part(self) -> bytes:
        """The next bytes, at most so many; none if more of what is packed is needed."""
        while self.packed:
            if self._zlib.eof and not self._begins_anew():
                break
            self._began = True
            part = self._decompressed()
            if part:
                return part
        return b""

    def _begins_anew(self) -> bool:
        """Whether another member follows: several of them are one file. Padding may follow, too."""
        if self.packed.startswith(_MAGIC[: len(self.packed)]):
            self._zlib = zlib.decompressobj(_GZIP_ALONE)
            return True
        self.packed = b""
        return False

    def _decompressed(self) -> bytes:
        try:
            part = self._zlib.decompress(self.packed, PIECE_BYTES)
        except zlib.error:
            raise UnpackError("the answer cannot be unpacked", hopeless=False) from None
        self.packed = self._zlib.unconsumed_tail or self._zlib.unused_data
        return part

    def rest(self) -> bytes:
        """The last bytes, which zlib may have kept back."""
        rest = self._zlib.flush()
        if self._began and not self._zlib.eof:
            raise UnpackError("the answer broke off", hopeless=False)
        return rest
