"""Tables on a terminal: page after page, in columns as wide as the first page needs.

Where the terminal is too narrow for that, each record is a block of lines instead, so that
nothing is cut off.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len, set_cell_size

from cliniko_async.cli.cells import cell
from cliniko_async.cli.terminal import bold, columns, put, say, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.cli.catalogue import Column

__all__ = ["TableWriter", "plain"]

GAP: Final = "  "
WIDEST: Final = 60
"""Of a column. What is longer is shown in blocks."""


class TableWriter:
    """Writes records as a table.

    Args:
        columns: What is shown.
        keep_empty: Whether a column without any value on the first page is shown.
    """

    def __init__(self, columns: Sequence[Column], *, keep_empty: bool) -> None:
        self._columns = columns
        self._keep_empty = keep_empty
        self._widths: list[int] | None = None

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write these records, below those before them."""
        if not rows:
            return
        if self._widths is None:
            self._begin(rows)
        lines = [[plain(cell(row, column)) for column in self._columns] for row in rows]
        for values in lines:
            self._write_line(values) if self._widths else self._write_block(values)

    def close(self) -> None:
        """Say so if there was nothing."""
        if self._widths is None:
            say("no records")

    def _begin(self, rows: Sequence[dict[str, Any]]) -> None:
        if not self._keep_empty:
            self._columns = [c for c in self._columns if any(cell(row, c) for row in rows)]
        names = [column.name for column in self._columns]
        widths = [
            max([cell_len(column.name), *(cell_len(plain(cell(row, column))) for row in rows)])
            for column in self._columns
        ]
        fits = sum(widths) + len(GAP) * (len(widths) - 1) <= columns()
        self._widths = widths if fits and max(widths, default=0) <= WIDEST else []
        if self._widths:
            self._write_line(names, head=True)

    def _write_line(self, values: Sequence[str], *, head: bool = False) -> None:
        widths = self._widths or ()
        padded = [
            value if cell_len(value) > width else set_cell_size(value, width)
            for value, width in zip(values, widths, strict=True)
        ]
        line = GAP.join(padded).rstrip()
        put(bold(line) if head else line)

    def _write_block(self, values: Sequence[str]) -> None:
        names = [column.name for column in self._columns]
        longest = max(map(len, names), default=0)
        for name, value in zip(names, values, strict=True):
            if value or self._keep_empty:
                tell(f"{name:<{longest}}  {value}".rstrip(), indent=longest + 2)
        tell("")


def plain(text: str) -> str:
    """A text that does nothing to a terminal: line ends and control characters are shown."""
    if text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"):
        return {"\n": "⏎", "\t": " "}.get(character, "")
    return character
