"""Records as lines, JSON, CSV or a table, written as they come.

Lines and JSON hold records as the API sent them. A table that shows no fields by name shows ids
and times alone: names and contact details appear where they are asked for.
"""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec

from cliniko_async.cli.cells import cell, value_of
from cliniko_async.cli.table import TableWriter
from cliniko_async.cli.terminal import out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliniko_async.cli.catalogue import Column
    from cliniko_async.cli.cells import Row

__all__ = ["FORMATS", "Format", "Writer", "default_format", "writer_of"]

Format = Literal["table", "jsonl", "json", "csv"]
FORMATS: Final[Sequence[Format]] = ("table", "jsonl", "json", "csv")


class Writer(Protocol):
    """Writes records, some at a time."""

    def write(self, rows: Sequence[Row]) -> None:
        """Write these records."""

    def close(self) -> None:
        """Write what belongs behind the last one."""


def default_format() -> Format:
    """A table on a terminal, lines in a pipe or a file."""
    return "table" if sys.stdout.isatty() else "jsonl"


def writer_of(
    format: Format, columns: Mapping[str, Column], asked: Sequence[Column] | None
) -> Writer:
    """What writes a resource's records in a format.

    Args:
        format: The format.
        columns: All columns of the resource.
        asked: The columns that were asked for by name.
    """
    if format == "jsonl":
        return _Lines(asked)
    if format == "json":
        return _Array(asked)
    if format == "csv":
        # Relations to lists say nothing that the id does not say.
        return _Csv(asked or [c for c in columns.values() if not c.to_many])
    shown = asked or [c for c in columns.values() if c.name == "id" or c.is_time]
    return TableWriter(shown, keep_empty=asked is not None)


class _Lines:
    """JSON Lines."""

    def __init__(self, asked: Sequence[Column] | None) -> None:
        self._asked = asked

    def write(self, rows: Sequence[Row]) -> None:
        out(b"".join(msgspec.json.encode(_picked(row, self._asked)) + b"\n" for row in rows))

    def close(self) -> None:
        pass


class _Array:
    """One JSON array, a record per line."""

    def __init__(self, asked: Sequence[Column] | None) -> None:
        self._asked = asked
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            out(
                (b",\n" if self._begun else b"[\n") + msgspec.json.encode(_picked(row, self._asked))
            )
            self._begun = True

    def close(self) -> None:
        out(b"\n]\n" if self._begun else b"[]\n")


class _Csv:
    """CSV with a line of names above."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        text = io.StringIO(newline="")
        lines = csv.writer(text, lineterminator="\n")
        if not self._begun:
            lines.writerow(column.name for column in self._columns)
            self._begun = True
        for row in rows:
            lines.writerow(cell(row, column) for column in self._columns)
        out(text.getvalue().encode())

    def close(self) -> None:
        if not self._begun:
            self.write(())


def _picked(row: Row, asked: Sequence[Column] | None) -> Row:
    return row if asked is None else {column.name: value_of(row, column) for column in asked}
