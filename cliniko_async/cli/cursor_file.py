"""The file in which a watch keeps its cursor: one process at a time, whole at any moment."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import click

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["CursorFile"]

PRIVATE_FILE: Final = 0o600


@attrs.frozen
class CursorFile:
    """A file that this process alone may write."""

    path: Path

    @classmethod
    @contextmanager
    def locked(cls, path: Path) -> Generator[CursorFile]:
        """Take the file for as long as the block runs; behind a link, the file that it leads to.

        Raises:
            click.ClickException: It is something else than a file, another process has it, or it
                cannot be written.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415 - of use here alone

        path = Path(os.path.realpath(path))  # replacing a link would leave its file as it was
        if path.exists() and not path.is_file():  # such as /dev/null, which nobody may replace
            raise click.ClickException(f"{path} is not a file: name a file for the state")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0, mode=PRIVATE_FILE)
            lock.acquire()
        except Timeout:
            raise click.ClickException(
                f"another process watches with {path}: wait for it to end, or name another file"
            ) from None
        except OSError as error:
            raise click.ClickException(f"{path}: {error.strerror}") from None
        try:
            yield cls(path)
        finally:
            lock.release()

    def read(self) -> str | None:
        """The cursor, if there is one yet.

        Raises:
            click.ClickException: The file cannot be read, or is empty, as it never is written.
        """
        try:
            cursor = self.path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise click.ClickException(f"{self.path} cannot be read: {error.strerror}") from None
        if not cursor:
            raise click.ClickException(
                f"{self.path} is empty, and does not say how far the watch was: put a copy of it "
                "back, or delete it to begin now"
            )
        return cursor

    def write(self, cursor: str) -> None:
        """Put a cursor in the place of the one before. A kill or a power cut leaves either.

        Raises:
            click.ClickException: It cannot be written; what was told since is told again.
        """
        try:
            self._write(cursor)
        except OSError as error:
            raise click.ClickException(f"{self.path} cannot be written: {error.strerror}") from None

    def _write(self, cursor: str) -> None:
        new = self.path.with_name(f".{self.path.name}.new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{cursor}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
