"""The way out: standard output for what was asked for, standard error for all else.

On a terminal, lines end between words. What a stream has no character for is a question mark.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Final, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "bold",
    "columns",
    "counted",
    "is_closed",
    "out",
    "put",
    "say",
    "tell",
    "wrapped",
]

NARROWEST: Final = 38
"""Columns that are written for, however few a terminal has."""


def columns() -> int:
    """How wide the terminal is."""
    return max(shutil.get_terminal_size().columns, NARROWEST)


def wrapped(text: str, indent: int = 0, *, stream: TextIO | None = None) -> str:
    """A text for people: on a terminal, lines end between words.

    Args:
        text: The text.
        indent: Columns in front of all lines but the first.
        stream: Where it goes; standard output if it is not said.
    """
    if not (stream or sys.stdout).isatty():
        return text
    lines: Sequence[str] = text.split("\n")
    return "\n".join(
        textwrap.fill(
            line,
            columns(),
            break_long_words=False,
            break_on_hyphens=False,
            subsequent_indent=" " * indent,
        )
        for line in lines
    )


def counted(number: int, what: str) -> str:
    """How many there are, in words: `1 request`, `1,200 requests`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def bold(text: str) -> str:
    """A text in bold, where standard output is a terminal that can show it so."""
    plain = os.name == "nt" or os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ
    return text if plain or not sys.stdout.isatty() else click.style(text, bold=True)


def put(line: str) -> None:
    """Write a line of what was asked for, as it is."""
    out(f"{line}\n".encode(sys.stdout.encoding or "utf-8", "replace"))


def tell(text: str, indent: int = 0) -> None:
    """Write a text of what was asked for; see `wrapped`."""
    put(wrapped(text, indent))


def say(text: str) -> None:
    """Write a line about it, to standard error."""
    click.echo(wrapped(text, stream=sys.stderr), err=True)


def out(data: bytes) -> None:
    """Write bytes to standard output at once: JSON is UTF-8 whatever a terminal's encoding is.

    Raises:
        BrokenPipeError: Nobody reads any more.
        OSError: It cannot be written, such as to a full disk.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except OSError as error:
        if is_closed(error):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
        raise


def is_closed(error: OSError) -> bool:
    """Whether an error of a stream says that nobody reads any more."""
    # Windows says "invalid argument" where others say "broken pipe".
    return error.errno == errno.EPIPE or (os.name == "nt" and error.errno == errno.EINVAL)
