"""The ledger: a line before each write and one after it, so that a kill at any moment is safe.

It holds hashes, ids and moments, no values: a row is known by the hash of its key, and what was
sent by the hash of its body. The hashes are salted with a number that stands in the file itself,
so whoever has the file can still test a guess: keep it as private as the data.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from cliniko_async.errors import ClinikoError, InvalidValueError
from cliniko_async.export._owner import Owner

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["Ledger", "Line"]

PRIVATE_FILE: Final = 0o600

TO_APPEND: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
"""How a ledger is opened; Windows would write two characters for the end of a line."""

State = Literal["sent", "done", "refused", "not sent", "over"]

BEGINNING: Final = b'{"job":'
"""How a ledger begins."""


class Line(msgspec.Struct, omit_defaults=True):
    """What became of one row.

    Attributes:
        row: A hash that stands for the row's key.
        body: A hash that stands for what was sent.
        state: "sent" before a request leaves; afterwards "done", "refused", or "not sent" if it
            certainly never left. "over" stands behind all of a run that came to its end.
        at: Seconds since the epoch.
        id: The record's id, where it is known.
        status: The HTTP status of a refusal.
    """

    row: str
    body: str
    state: State
    at: float
    id: str | None = None
    status: int | None = None


class _Head(msgspec.Struct):
    job: str
    owner: Owner
    salt: str
    version: int = 1


_encode: Final = msgspec.json.Encoder().encode
_line: Final = msgspec.json.Decoder(Line)


class Ledger:
    """What was sent, and what became of it."""

    def __init__(self, descriptor: int, head: _Head, lines: dict[str, Line]) -> None:
        self._descriptor = descriptor
        self._salt = head.salt.encode()
        self._lines = lines

    @classmethod
    @contextmanager
    def opened(cls, path: Path, job: str, owner: Owner) -> Generator[Ledger]:
        """Open a ledger, or begin one, and keep other processes out.

        Args:
            path: The file.
            job: A hash of resource, action and key: another job has another ledger.
            owner: Whose records are written: another account has another ledger.

        Raises:
            InvalidValueError: Another process has it open, it is another job's or not a ledger, or
                it cannot be opened or written.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - an extra's

        lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0, mode=PRIVATE_FILE)
        with ExitStack() as opened:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                opened.enter_context(lock)
                descriptor = os.open(path, TO_APPEND, PRIVATE_FILE)
            except Timeout:
                raise InvalidValueError(
                    f"another process is working with {path}: wait for it to end"
                ) from None
            except OSError as error:
                raise InvalidValueError(f"{path} cannot be a ledger: {error.strerror}") from None
            opened.callback(os.close, descriptor)
            yield cls._read(descriptor, path, _Head(job, owner, secrets.token_hex(16)))

    @classmethod
    def _read(cls, descriptor: int, path: Path, new: _Head) -> Ledger:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidValueError(f"{path} is not a file: name one that is, or a new one")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            first, *rest = file.read().split(b"\n")
        if not rest and first[: len(BEGINNING)] == BEGINNING[: len(first)]:
            # New, or killed before its first line was whole. Other files stay as they are.
            path.chmod(PRIVATE_FILE)
            os.ftruncate(descriptor, 0)
            _append(descriptor, new)
            return cls(descriptor, new, {})
        try:
            head = msgspec.json.decode(first, type=_Head)
        except msgspec.DecodeError:
            raise InvalidValueError(f"{path} is not a ledger: name another file") from None
        if head.job != new.job or not head.owner.is_same(new.owner):
            raise InvalidValueError(
                f"{path} is the ledger of another job (account, resource, action and key count): "
                "name another file"
            )
        torn = rest.pop()  # what a kill left of a line; nothing behind a whole one
        if torn:
            os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_END) - len(torn))
        try:
            lines = [_line.decode(line) for line in rest]
        except msgspec.DecodeError:
            raise InvalidValueError(
                f"{path} is damaged: name another file. A run with a new one looks for all records"
            ) from None
        over = max((n for n, line in enumerate(lines, 1) if line.state == "over"), default=0)
        return cls(descriptor, head, {line.row: line for line in lines[over:]})

    def hash(self, value: object) -> str:
        """A name for a value that does not show it."""
        text = value if isinstance(value, bytes) else _encode(value)
        return hashlib.blake2b(text, key=self._salt, digest_size=16).hexdigest()

    def last(self, row: str) -> Line | None:
        """The last line about a row."""
        return self._lines.get(row)

    def close(self) -> None:
        """Note that a run came to its end: the next one is not to take its word for anything."""
        _append(self._descriptor, Line("", "", "over", 0.0))

    def write(self, line: Line) -> None:
        """Add a line. It outlives this process when this returns.

        A power cut may lose it. That does no harm: a run begins by looking for all records that it
        would create, and the machine takes longer to start than a late write to arrive.
        """
        _append(self._descriptor, line)
        self._lines[line.row] = line


def _append(descriptor: int, line: Any) -> None:
    data = _encode(line) + b"\n"
    try:
        written = os.write(descriptor, data)
    except OSError as error:
        raise ClinikoError(f"the ledger cannot be written: {error.strerror}") from None
    if written < len(data):
        os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_END) - written)
        raise ClinikoError("the ledger cannot be written: the disk is full")
