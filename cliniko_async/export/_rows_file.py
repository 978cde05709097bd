"""The files of an export: rows as the API sent them, line by line, and the same as Parquet."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any, Final

import attrs
import msgspec

from cliniko_async._lists.page import Head
from cliniko_async.export._manifest import PRIVATE_FILE, open_privately

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cliniko_async.errors import DecodeError
    from cliniko_async.export._manifest import Part

__all__ = ["RowsFile", "Written", "write_parquet"]

ROWS_PER_GROUP: Final = 20_000
"""Rows of a Parquet file that are converted at a time."""

TO_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
"""How the rows' file is opened; Windows would write two characters for the end of a line."""

_head: Final = msgspec.json.Decoder(Head)


@attrs.frozen
class Written:
    """How far a file is written: see `Part`."""

    records: int = 0
    size: int = 0
    through: str | None = None

    def note(self, part: Part) -> None:
        """Note it in the manifest's part, all at once."""
        part.records, part.size, part.through = self.records, self.size, self.through


class RowsFile:
    """The unfinished file of one resource. What it holds beyond its part's `size` does not count.

    Args:
        path: The file.
        part: What the manifest says of it.
        resumable: Whether rows can be expected in the order of their creation, so that the next
            run can continue after them. If one comes out of order, or shows no `created_at`,
            the next run begins again.
    """

    def __init__(self, path: Path, part: Part, *, resumable: bool) -> None:
        self._path = path
        self._in_order = resumable
        self._known: set[str | int | None] = set()
        self.before: int = 0
        """Records that were created before the second at which the last run stopped."""
        self.written: Written = Written(part.records, part.size, part.through)
        if not (resumable and self._take_up()):
            self.written, self.before, self._known = Written(), 0, set()
        self._descriptor: int | None = os.open(path, TO_APPEND, PRIVATE_FILE)
        os.ftruncate(self._descriptor, self.written.size)

    def _take_up(self) -> bool:
        """Read what was written before; False if the file has to begin anew."""
        done = self.written
        if done.through is None or not self._path.exists():
            return False
        with self._path.open("rb") as file:
            while file.tell() < done.size:  # behind that, a line may be cut
                try:
                    head = _head.decode(file.readline())
                except msgspec.DecodeError:  # the file is shorter, or not what was written
                    return False
                if head.second == done.through:
                    self._known.add(head.id)  # will be listed again
                else:
                    self.before += 1
        return self.before + len(self._known) == done.records

    def restart(self) -> None:
        """Begin anew."""
        assert self._descriptor is not None  # noqa: S101 - open until it is synced
        self.written, self.before = Written(), 0
        self._known.clear()
        os.ftruncate(self._descriptor, 0)

    def append(self, rows: Sequence[msgspec.Raw]) -> Written:
        """Write a page's rows.

        Returns:
            How far that went: to be noted when all of it is written, never in the middle.

        Raises:
            OSError: The rows could not be written. What was written before still counts.
        """
        new = [(head, row) for head, row in ((_head.decode(r), r) for r in rows) if self._new(head)]
        data = b"".join(bytes(row) + b"\n" for _, row in new)
        self.write(data)
        through = self._through([head.second for head, _ in new])
        done = self.written
        self.written = Written(done.records + len(new), done.size + len(data), through)
        return self.written

    def _new(self, head: Head) -> bool:
        return head.id is None or head.id not in self._known

    def write(self, data: bytes) -> None:
        """Write all of this, which does not count yet."""
        assert self._descriptor is not None  # noqa: S101 - open until it is synced
        while data:
            data = data[os.write(self._descriptor, data) :]

    def _through(self, seconds: Sequence[str | None]) -> str | None:
        """The last second, as long as every row came in the order of creation."""
        through = self.written.through
        for second in seconds:
            if second is None or (through is not None and second < through):
                self._in_order = False
            through = second
        return through if self._in_order else None

    def sync(self) -> None:
        """Make sure that all of it is on the disk, and close it."""
        if self._descriptor is not None:
            os.fsync(self._descriptor)
        self.close()

    def close(self) -> None:
        """Leave the file for the next run."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def write_parquet(
    model: Any, source: Path, target: Path, on_bad_record: Callable[[DecodeError], object]
) -> int:
    """Convert JSON Lines to Parquet, some thousand rows at a time.

    Args:
        model: What its records are.
        source: The JSON Lines.
        target: The Parquet file.
        on_bad_record: Called for each record that does not fit the columns, and is left out.

    Returns:
        How many rows were written.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] # an extra, slow to import, and without types

    from cliniko_async._models.arrow import schema_of, table_of  # noqa: PLC0415 - likewise

    written = 0
    with open_privately(target, os.O_TRUNC) as file, source.open("rb") as lines:
        writer: Any = pq.ParquetWriter(file, schema_of(model))
        with writer:
            while rows := [msgspec.Raw(line) for line in itertools.islice(lines, ROWS_PER_GROUP)]:
                table = table_of(model, rows, on_bad_record)
                writer.write_table(table)
                written += len(table)
    return written
