"""Values that must not be told, and what finds them wherever they turn up.

The words are such as no source line, path or name of a test holds by chance.
"""

from __future__ import annotations

import base64
import io
import logging
import pprint
import re
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

HELD: Final = "Kanarie"
"""In all that the server has and says."""
ASKED: Final = "Papegaai"
"""In all that a call is given: filters, fields, names of files."""

KEY: Final = f"{HELD}Key-au1"
NUMBER: Final = 918273645
DAY: Final = "1903-02-13"
HELD_ID: Final = "564738291000"
ASKED_ID: Final = "657483920111"

_BASIC: Final = base64.b64encode(f"{KEY}:".encode()).decode()
_HELD: Final = (HELD, HELD_ID, str(NUMBER), DAY, "1903, 2, 13", KEY, _BASIC)


def _finder(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, tokens)), re.IGNORECASE)


ANSWERS: Final = _finder(_HELD)
"""What no frame may hold: the key, and what was answered."""
VALUES: Final = _finder((*_HELD, ASKED))
"""Nor what was asked with and sent, though ids may be there."""
ANY: Final = _finder((*_HELD, ASKED, ASKED_ID))


def leaks(text: str, canaries: re.Pattern[str] = ANY) -> list[str]:
    """Each canary in a text, with what stands around it."""
    return [text[max(m.start() - 60, 0) : m.end() + 30] for m in canaries.finditer(text)]


def _printed(thing: object) -> str:
    screen = io.StringIO()
    Console(file=screen, width=500).print(thing, [thing])
    return screen.getvalue()


WAYS: Final[Mapping[str, Callable[[Any], str]]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "in a dict": lambda thing: repr({"thing": [thing]}),
    "pprint": pprint.pformat,
    "rich's repr": pretty_repr,
    "rich's print": _printed,
}
"""How programs show a thing."""


def shown(thing: object) -> dict[str, list[str]]:
    """What leaks when a thing is shown, by the way of showing it."""
    found = {way: leaks(show(thing)) for way, show in WAYS.items()}
    return {way: told for way, told in found.items() if told}


# Errors


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error with all that hangs on it: members of a group, causes and contexts."""
    if error is None:
        return
    yield error
    members: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    for member in members:
        yield from chain(member)
    yield from chain(error.__cause__)
    if error.__context__ is not error.__cause__:
        yield from chain(error.__context__)


def words_of(error: BaseException) -> str:
    """All that an error says of itself, without its frames."""
    said: list[str] = []
    for each in chain(error):
        said += (show(each) for show in WAYS.values())
        said += traceback.format_exception_only(each)
        said.append(repr((each.args, getattr(each, "__notes__", ()))))
    return "\n".join(said)


def frames_with(error: BaseException, canaries: re.Pattern[str]) -> dict[str, str]:
    """The variables that show canaries in the frames of an error, as crash reporters do.

    The frames of tests are left out: they hold what they have passed.
    """
    found: dict[str, str] = {}
    for each in chain(error):
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if Path(frame.f_code.co_filename).is_relative_to(Path(__file__).parent):
                continue
            for name, value in frame.f_locals.items():
                told = leaks(_safely(repr, value) + _safely(pretty_repr, value), canaries)
                if told:
                    found[f"{name} in {frame.f_code.co_qualname}"] = told[0]
    return found


def _safely(show: Callable[[Any], str], value: object) -> str:
    try:
        return show(value)
    except Exception as error:  # noqa: BLE001 - of what is half made; crash reporters do the same
        return f"<no repr: {error}>"


def rich_traceback(error: BaseException) -> str:
    """An error with its variables, as rich shows it."""
    screen = io.StringIO()
    shown = Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
    Console(file=screen, width=500).print(shown)
    return screen.getvalue()


# Logs


@contextmanager
def listening() -> Generator[io.StringIO]:
    """All records of all loggers at every level, with their arguments and errors.

    But for those of the server that tests run in their own process.
    """
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s %(args)s"))
    root = logging.getLogger()
    names = [name for name in root.manager.loggerDict if not name.startswith("uvicorn")]
    loggers = [root, *map(logging.getLogger, names)]
    before = [(logger, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(1)
        logger.propagate = True
    root.addHandler(handler)
    try:
        yield said
    finally:
        root.removeHandler(handler)
        for logger, level, propagate in before:
            logger.setLevel(level)
            logger.propagate = propagate
