"""Running a command's work, and how it ends: its status and its last words.

0 all went well; 1 something failed; 2 the command was not understood; 130 it was stopped with
Ctrl-C. A reader that closes the pipe, as `head` does, ends a command quietly, with 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

import click

from cliniko_async.cli.terminal import is_closed, say
from cliniko_async.errors import (
    ClinikoError,
    InvalidTypeError,
    InvalidValueError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Sequence

__all__ = ["AGAIN", "ended", "in_words", "quiet_if_closed", "run", "understood"]

FAILED: Final = 1
STOPPED: Final = 130
"""The status of what Ctrl-C ended, as shells have it."""

AGAIN: Final = "Run the same command again, and it goes on where it stopped:"

PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]*@")
"""What a URL says of who may."""

ARGUMENTS: Final = {
    "dataset=": "--dataset",
    "include=": "--include",
    "key=": "--key ",
    "ledger=": "--ledger",
    "params=": "-p",
    "sort=": "--sort",
    "target=": "TARGET",
    "base_url has": "the base URL has",
    "user_agent must": "the user agent must",
    ", as an argument or in CLINIKO_USER_AGENT": "",
}
"""How the command line calls arguments that the library's messages name."""


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
        if isinstance(cause, ClinikoError):
            raise click.ClickException(in_words(cause)) from None
        if isinstance(cause, click.ClickException | OSError):
            raise cause from None
        raise


def _leaf(error: BaseException) -> BaseException:
    """The error that stands for a group of them: the first one."""
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    return _leaf(inner[0]) if inner else error


@contextmanager
def understood() -> Generator[None]:
    """Let what the library refuses of the command's own words end it with status 2."""
    try:
        yield
    except (InvalidTypeError, InvalidValueError) as error:
        raise click.UsageError(in_words(error)) from None


def in_words(error: ClinikoError) -> str:
    """An error of the library, with arguments named as the command line names them."""
    words = str(error)
    for argument, option in ARGUMENTS.items():
        words = re.sub(rf"(?<!\w){argument}", option, words)
    context = click.get_current_context(silent=True)
    if context and not any("--include" in param.opts for param in context.command.params):
        words = words.removesuffix(": see --include")
    if isinstance(error, TransportError):
        server = os.environ.get("CLINIKO_BASE_URL")
        words += f"; is there a server at {server}?" if server else "; is this machine online?"
    return words


def _stop(go_on: str | None) -> NoReturn:
    words = ["Stopped."]
    if go_on:
        words += [go_on, f"  {_typed()}"]
    if sys.stderr.isatty():
        words.insert(0, "")  # behind the terminal's own ^C
    say("\n".join(words))
    raise click.exceptions.Exit(STOPPED)


def _typed() -> str:
    """The command as it was typed, without a password."""
    words = ["cliniko", *sys.argv[1:]]
    typed = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    return PASSWORD.sub("...@", typed)


@contextmanager
def quiet_if_closed() -> Generator[None]:
    """End quietly, with 0, where nobody reads standard output any more."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if not is_closed(error):
            raise
        _discard(sys.stdout)
        raise click.exceptions.Exit(0) from None


def ended(command: Callable[[], object]) -> int:
    """Run a whole command, and say how it ended if that was not well.

    Returns:
        Its status.
    """
    try:
        status = command()
    except click.ClickException as error:
        status = error.exit_code
        _explain(error)
    except (click.Abort, KeyboardInterrupt):
        status = STOPPED
        say("Stopped.")
    except OSError as error:
        # Of a file or a stream: what happens on the wire has errors of the library's own.
        status = FAILED
        _discard(sys.stdout)
        where = f"{error.filename}: " if error.filename else "the output cannot be written: "
        say(f"Error: {where}{error.strerror or type(error).__name__}")
    return status if isinstance(status, int) else 0


def _explain(error: click.ClickException) -> None:
    if isinstance(error, click.UsageError) and error.ctx:
        say(error.ctx.get_usage())
        say(f"Try '{error.ctx.command_path} --help' for help.\n")
    say(f"Error: {_message(error)}")


def _message(error: click.ClickException) -> str:
    """What is wrong; of what is missing, also what it is."""
    param = error.param if isinstance(error, click.MissingParameter) else None
    if isinstance(param, click.Option):
        return f"{' or '.join(param.opts)} is missing. {param.help or ''}".rstrip()
    if isinstance(param, click.Argument):
        return f"{param.human_readable_name.strip('[].')} is missing{_which(param.type)}"
    return error.format_message()


def _which(kind: click.ParamType[Any]) -> str:
    """What can be written, as the end of a sentence."""
    if isinstance(kind, click.Choice):
        return f": write {' or '.join(map(str, kind.choices))}"
    return ": `cliniko describe` shows which there are" if kind.name == "resource" else ""


def _discard(stream: TextIO) -> None:
    """Let what is left in a stream go nowhere: the interpreter complains of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
