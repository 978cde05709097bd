"""How a command's help is laid out: whole sentences at any width, and examples to copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from cliniko_async.cli.terminal import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Command", "Context"]

WIDEST: Final = 80
"""Columns of a help text, however many a terminal has."""

WORD: Final = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+""")
"""A word of a command, whole where it is in quotes."""


class _Layout(click.HelpFormatter):
    """A page of help, as narrow as the terminal."""

    def __init__(
        self,
        indent_increment: int = 2,
        width: int | None = None,
        max_width: int | None = None,
    ) -> None:
        # Not click's own measure: it writes for 50 columns at least.
        room = width or min(columns(), max_width or WIDEST) - 1
        super().__init__(indent_increment, room, max_width)

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names and what they are; below each other, where there is little room."""
        super().write_dl(rows, min(col_max, self.width // 3), col_spacing)


class Context(click.Context):
    """The context of a command, whose help is laid out so."""

    formatter_class: type[click.HelpFormatter] = _Layout


class Command(click.Command):
    """A command with examples.

    Args:
        examples: Lines to type, as they stand in a shell.
    """

    context_class: type[click.Context] = Context

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples: Sequence[str] = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, and examples below it."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            formatter.write_paragraph()
            for example in self.examples:
                for line in _continued(example, formatter.width - 2):
                    formatter.write(f"  {line}\n")


def _continued(command: str, width: int) -> Sequence[str]:
    """A command in lines of a width, which a shell reads as one; other lines as they are."""
    if "cliniko " not in command:
        return [command]
    lines: list[str] = []
    line = ""
    for word in WORD.findall(command):
        if line and len(line) + len(word) + len(" \\") >= width:
            lines.append(f"{line} \\")
            line = f"  {word}"
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
