"""A file on its way up: a form of several parts, read while it is sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import aclosing
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import anyio
import attrs

from cliniko_async.errors import InvalidTypeError, InvalidValueError, expect

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

__all__ = ["Form", "OnProgress", "Upload"]

PIECE_BYTES: Final = 64 * 1024

OnProgress = Callable[[int, int], object]
"""Is told how many bytes of how many have gone."""


@attrs.frozen(repr=False)
class Upload:
    """A file to be sent, on disk or in memory."""

    name: str
    size: int
    _file: Path | bytes

    @classmethod
    def of(cls, file: str | os.PathLike[str] | bytes, name: str | None) -> Upload:
        """Look at a file.

        Raises:
            InvalidTypeError: A name is missing, or the file is neither a path nor bytes.
            InvalidValueError: The name cannot be that of an uploaded file.
        """
        if isinstance(file, bytes):
            if name is None:
                raise InvalidTypeError("bytes have no name: write filename='report.pdf'")
            return cls(_checked(name), len(file), file)
        kinds = (str, os.PathLike)
        expect(file, kinds, f"a file is a path or bytes, not {type(file).__name__}")
        path = Path(file)
        return cls(_checked(name or path.name), path.stat().st_size, path)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The file's bytes, piece by piece."""
        if isinstance(self._file, bytes):
            memory = BytesIO(self._file)
            while piece := memory.read(PIECE_BYTES):
                yield piece
            return
        async with await anyio.open_file(self._file, "rb") as disk:
            while piece := await disk.read(PIECE_BYTES):
                yield piece


class Form:
    """A form with fields and, behind them, a file."""

    def __init__(self, fields: Mapping[str, str], upload: Upload) -> None:
        boundary = token_hex(16)
        parts = [_part(boundary, f'name="{name}"', value) for name, value in fields.items()]
        about = f'name="file"; filename="{upload.name}"'
        parts.append(_part(boundary, about, "", "Content-Type: application/octet-stream\r\n"))
        self._head = "\r\n".join(parts).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._upload = upload
        self.headers: Mapping[str, str] = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + upload.size + len(self._tail)),
        }

    async def pieces(self, on_progress: OnProgress | None) -> AsyncGenerator[bytes]:
        """The form's bytes, piece by piece."""
        yield self._head
        sent = 0
        async with aclosing(self._upload.pieces()) as file:
            async for piece in file:
                yield piece
                sent += len(piece)
                if on_progress:
                    on_progress(sent, self._upload.size)
        yield self._tail


def _part(boundary: str, about: str, value: str, more: str = "") -> str:
    return f"--{boundary}\r\nContent-Disposition: form-data; {about}\r\n{more}\r\n{value}"


def _checked(name: str) -> str:
    if not name or not name.isprintable() or any(mark in name for mark in '"/\\'):
        raise InvalidValueError("a file's name has no quotes, slashes or control characters")
    return name
