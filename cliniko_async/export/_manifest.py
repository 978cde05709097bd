"""What an export remembers in its folder, so that it can continue where it was killed.

It holds counts, moments and hashes, and of records only the ids of those that did not fit.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from filelock import FileLock, Timeout

from cliniko_async.errors import DecodeError, InvalidValueError
from cliniko_async.export._owner import Owner

if TYPE_CHECKING:
    import io
    from collections.abc import Generator, Iterable
    from pathlib import Path

__all__ = ["LeftOut", "Manifest", "Part", "locked", "open_privately", "sha256_of"]

NAME: Final = ".cliniko-export.json"
LOCK: Final = ".cliniko-export.lock"
VERSION: Final = 3

PRIVATE_FILE: Final = 0o600


class LeftOut(msgspec.Struct):
    """A record that did not fit its model and is missing from a file with typed columns."""

    message: str
    resource: str
    id: str | None
    problems: list[str]

    @classmethod
    def of(cls, error: DecodeError) -> LeftOut:
        """What an error says, to be kept."""
        return cls(str(error), error.resource, error.id, list(error.problems))

    def error(self) -> DecodeError:
        """The error again."""
        return DecodeError(self.message, resource=self.resource, id=self.id, problems=self.problems)


class Part(msgspec.Struct):
    """One resource of an export.

    Attributes:
        records: Records in the file so far.
        size: Bytes of the unfinished file that are accounted for.
        through: The second up to which records were written, as the API writes it; None if they
            did not come in the order of their creation.
        sha256: Of the finished file.
        left_out: Records that are missing in the finished file.
    """

    records: int = 0
    size: int = 0
    through: str | None = None
    sha256: str | None = None
    left_out: list[LeftOut] = []


class Manifest(msgspec.Struct):
    """What a folder holds: the files of exports that ended, and what the next one goes on with.

    Attributes:
        options: What is exported, and how: another export cannot continue in this folder.
        owner: Whose records they are; None before the API has been asked.
        files: The resources of the exports that ended; one that names them again reads them anew.
        parts: The resources of an export that is under way or was interrupted; some may be
            complete. One that names them continues.
        held: When the places in the rate limit come back that were taken by then, in seconds
            since the epoch: a process that is killed and started again has not got them back.
    """

    options: str
    owner: Owner | None = None
    files: dict[str, Part] = {}
    parts: dict[str, Part] = {}
    held: list[float] = []
    version: int = VERSION

    def end(self, names: Iterable[str]) -> None:
        """Note that the export of these resources has ended."""
        self.files.update({name: self.parts.pop(name) for name in names})

    @classmethod
    def load(cls, folder: Path) -> Manifest | None:
        """The manifest in a folder, or None if the folder has none.

        Raises:
            InvalidValueError: This version cannot read the manifest.
        """
        try:
            found = msgspec.json.decode((folder / NAME).read_bytes(), type=cls)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            found = None
        if found is None or found.version != VERSION:
            raise InvalidValueError(f"{folder / NAME} is not readable: name another folder")
        return found

    def save(self, folder: Path) -> None:
        """Write the manifest; a reader finds the old one or the new one."""
        partial = folder / f"{NAME}.partial"
        with open_privately(partial, os.O_TRUNC) as file:
            file.write(msgspec.json.encode(self))
        partial.replace(folder / NAME)


def open_privately(path: Path, flags: int = 0) -> io.BufferedWriter:
    """Open a file that nobody else can read, to append to it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | flags, PRIVATE_FILE), "wb")


def sha256_of(path: Path) -> str:
    """The hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep other exports out of a folder. The lock ends with the process, however it ends.

    Raises:
        InvalidValueError: Another export is writing to it.
    """
    lock = FileLock(folder / LOCK, mode=PRIVATE_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InvalidValueError(
            f"another export is writing to {folder}: wait for it, or name another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()
