"""Running a command's work, and how it ends: its status and its last words.

0 all went well; 1 something failed; 2 the command was not understood; 130 it was stopped with
Ctrl-C. A reader that closes the pipe, as `head` does, ends a command quietly, with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from cliniko_async.errors import ClinikoError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

__all__ = ["AGAIN", "run"]

STOPPED: Final = 130
"""The status of what Ctrl-C ended, as shells have it."""

AGAIN: Final = "Run the same command again, and it goes on where it stopped:"


def run(work: Coroutine[Any, Any, None], *, go_on: str | None = None) -> None:
    """Run a command's work.

    Args:
        work: What is to be done.
        go_on: What to say about continuing, above the command, when it is stopped with Ctrl-C.
    """
    try:
        asyncio.run(work)
    except BaseException as error:
        cause = _leaf(error)
        if isinstance(cause, KeyboardInterrupt):
            _stop(go_on)
        if isinstance(cause, BrokenPipeError):
            _close_quietly()
        if isinstance(cause, ClinikoError | click.ClickException):
            raise _shown(cause) from None
        raise


def _leaf(error: BaseException) -> BaseException:
    """The error that stands for a group of them: the first one."""
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return _leaf(inner[0]) if inner else error


def _shown(error: ClinikoError | click.ClickException) -> click.ClickException:
    return error if isinstance(error, click.ClickException) else click.ClickException(str(error))


def _stop(go_on: str | None) -> NoReturn:
    words = ["Stopped."]
    if go_on:
        words += [go_on, f"  {shlex.join(['cliniko', *sys.argv[1:]])}"]
    click.echo("\n".join(words), err=True)
    raise click.exceptions.Exit(STOPPED)


def _close_quietly() -> NoReturn:
    # What is left in the buffer goes nowhere: without this, the interpreter complains at its end.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(0)
