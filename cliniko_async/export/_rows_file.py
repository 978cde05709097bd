"""The files of an export: rows as the API sent them, line by line, and the same as Parquet."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cliniko_async._lists.page import Head
from cliniko_async.export._manifest import open_privately

if TYPE_CHECKING:
    from pathlib import Path

    from cliniko_async._lists.listing import ListingPage
    from cliniko_async.export._manifest import Part

__all__ = ["RowsFile", "write_parquet"]

ROWS_PER_GROUP: Final = 20_000
"""Rows of a Parquet file that are converted at a time."""

_head: Final = msgspec.json.Decoder(Head)


class RowsFile:
    """The unfinished file of one resource. What it holds beyond its part's `size` does not count.

    Args:
        resumable: Whether rows come in the order of their creation, so that the next run can go
            on behind them.
    """

    def __init__(self, path: Path, part: Part, *, resumable: bool) -> None:
        self._part = part
        self._resumable = resumable
        self._known = self._take_up(path)
        self._file = open_privately(path, os.O_APPEND)
        self._file.truncate(part.size)

    def _take_up(self, path: Path) -> set[str | int | None]:
        """The ids of the last second that was written, which will be listed again."""
        part = self._part
        if not path.exists() or path.stat().st_size < part.size or part.through is None:
            path.unlink(missing_ok=True)
            part.records, part.size, part.through = 0, 0, None
            return set()
        known: set[str | int | None] = set()
        with path.open("rb") as file:
            while file.tell() < part.size:  # behind that, a line may be cut
                head = _head.decode(file.readline())
                if head.second == part.through:
                    known.add(head.id)
        return known

    def append(self, page: ListingPage[msgspec.Raw]) -> None:
        """Write a page's rows, and note how far that went."""
        part, last = self._part, None
        for row in page.items:
            head = _head.decode(row)
            if head.id is not None and head.id in self._known:
                continue
            line = bytes(row) + b"\n"
            self._file.write(line)
            part.size += len(line)
            part.records += 1
            last = head
        self._file.flush()
        if last is not None and last.second is not None and self._resumable:
            self._note(last.second)

    def _note(self, second: str) -> None:
        if self._part.through is not None and second < self._part.through:
            self._resumable = False  # another order, or another list behind the first one
            self._part.through = None
        else:
            self._part.through = second

    def sync(self) -> None:
        """See that all of it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Leave the file for the next run."""
        self._file.close()


def write_parquet(model: Any, source: Path, target: Path) -> None:
    """Convert JSON Lines to Parquet, some thousand rows at a time."""
    import pyarrow.parquet as pq  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] # an extra, slow to import, and without types

    from cliniko_async._models.arrow import schema_of, table_of  # noqa: PLC0415 - likewise

    with open_privately(target, os.O_TRUNC) as file, source.open("rb") as lines:
        writer: Any = pq.ParquetWriter(file, schema_of(model))
        with writer:
            while rows := [msgspec.Raw(line) for line in itertools.islice(lines, ROWS_PER_GROUP)]:
                writer.write_table(table_of(model, rows))
