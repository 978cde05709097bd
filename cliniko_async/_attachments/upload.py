"""A file on its way up: a form of several parts, read while it is sent."""

from __future__ import annotations

import os
import stat
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
"""Called with the bytes transferred so far, and the bytes in total."""


@attrs.frozen
class Upload:
    """A file to be sent, on disk or in memory. Its repr shows nothing of it."""

    name: str = attrs.field(repr=False)
    size: int
    _file: Path | bytes = attrs.field(repr=False)

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
        return cls(_checked(name or path.name), _size_of(path), path)

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


class FileChangedError(Exception):
    """A file is not as long as it was when its upload began."""


class Form:
    """A form with fields and, behind them, a file, for a host. Its repr shows nothing of them.

    Attributes:
        url: Where to post it.
        headers: What to send along.
        stored_at: Where the file lies when the host has taken it.
        broken: What is wrong with the file, if that ended the upload.
        raised: What the caller's callback raised, if that ended the upload.
    """

    def __init__(self, url: str, fields: Mapping[str, str], upload: Upload) -> None:
        self.url: str = url
        self.broken: str | None = None
        self.raised: Exception | None = None
        key = fields.get("key", "").replace("${filename}", upload.name)
        self.stored_at: str = f"{url.rstrip('/')}/{key.lstrip('/')}"
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
        try:
            async with aclosing(self._parts(on_progress)) as parts:
                async for part in parts:
                    yield part
        except FileChangedError:
            self.broken = "the file has changed while it was sent"
            raise
        except OSError as error:
            self.broken = f"the file cannot be read ({type(error).__name__})"
            raise

    async def _parts(self, on_progress: OnProgress | None) -> AsyncGenerator[bytes]:
        yield self._head
        sent = 0
        size = self._upload.size
        async with aclosing(self._upload.pieces()) as file:
            async for piece in file:
                sent += len(piece)
                if sent > size:
                    raise FileChangedError
                yield piece
                if on_progress:
                    self._tell(on_progress, sent)
        if sent < size:
            raise FileChangedError
        yield self._tail

    def _tell(self, on_progress: OnProgress, sent: int) -> None:
        try:
            on_progress(sent, self._upload.size)
        except Exception as error:
            self.raised = error
            raise


def _part(boundary: str, about: str, value: str, more: str = "") -> str:
    return f"--{boundary}\r\nContent-Disposition: form-data; {about}\r\n{more}\r\n{value}"


def _size_of(path: Path) -> int:
    """The size of a file. What is endless or has no size (pipes, devices) is not a file to send."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        found = None
    del path  # names of files name patients
    if found is None:
        raise InvalidValueError("there is no file to upload at this path")
    if not stat.S_ISREG(found.st_mode):
        raise InvalidValueError("the path to upload is not that of a file")
    return found.st_size


def _checked(name: str) -> str:
    if not name or not name.isprintable() or any(mark in name for mark in '"/\\'):
        raise InvalidValueError("a file's name has no quotes, slashes or control characters")
    return name
