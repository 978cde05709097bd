"""How an export is doing: live on a terminal, a line per complete resource elsewhere.

Counts are never cut, however narrow the terminal: bars go first, then a name has a line of its
own.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from rich.live import Live

    from cliniko_async._client import AsyncCliniko
    from cliniko_async.export import Cost, Progress, Summary
    from cliniko_async.limits import LimiterSnapshot, RateLimit

__all__ = ["Display", "announced", "picture", "summary_lines", "wrapped"]

REFRESH_SECONDS: Final = 0.2

NAME_WIDTH: Final = 31
"""Columns of the longest resource's name."""

BAR_WIDTHS: Final = (10, 40)
"""The fewest and the most columns of a bar."""


def announced(cost: Cost) -> str:
    """What an export will cost, in words."""
    return (
        f"{cost.records:,} records, about {cost.requests:,} requests: "
        f"{duration(cost.minutes * 60)} at the limit"
    )


def wrapped(text: str, indent: int = 0) -> str:
    """A text for people: on a terminal, lines end between words.

    Args:
        text: The text.
        indent: Columns in front of all lines but the first.
    """
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, break_long_words=False, subsequent_indent=" " * indent)


def duration(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


class Display:
    """Shows how the work of a session stands.

    Args:
        session: Its limiter is shown.
        prefix: What stands in front of each line: a profile's name, where there are several.
        live: Whether it may draw on a terminal.
    """

    def __init__(self, session: AsyncCliniko, prefix: str = "", *, live: bool = True) -> None:
        self._session = session
        self._prefix = prefix
        self._live = live and sys.stdout.isatty()
        self._drawn: Live | None = None
        self._progress: Mapping[str, Progress] = {}
        self._told: set[str] = set()
        self._left: float | None = None
        self._noted = 0.0

    def note(self, progress: Progress) -> None:
        """Remember how long it will still take, for `on_progress`."""
        self._left, self._noted = progress.seconds_left, time.monotonic()

    def say(self, text: str) -> None:
        """Print a line above what is drawn."""
        shown = wrapped(self._prefix + text)
        if self._drawn:
            self._drawn.console.print(shown, markup=False, soft_wrap=True)
        else:
            click.echo(shown)

    @asynccontextmanager
    async def shown(self, progress: Mapping[str, Progress]) -> AsyncGenerator[None]:
        """Show how things stand while the block runs."""
        self._progress = progress
        self._drawn = _live() if self._live else None
        showing = asyncio.create_task(self._show())
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            self._tell()
            if self._drawn:
                self._drawn.stop()
            self._drawn = None

    async def _show(self) -> None:
        while True:
            self._tell()
            if self._drawn:
                lines = self._picture(self._drawn.console.width)
                self._drawn.update("\n".join(lines), refresh=True)
            await asyncio.sleep(REFRESH_SECONDS)

    def _tell(self) -> None:
        """Print a line for each resource that has become complete."""
        for name, state in self._progress.items():
            if state.done and state.records and name not in self._told:
                self._told.add(name)
                records = "record" if state.records == 1 else "records"
                self.say(f"{name}: {state.records:,} {records}")

    def _picture(self, width: int) -> Sequence[str]:
        left, limiter = self._left, self._session.limiter
        if left is not None:  # said a while ago; what waits for the limit takes that long yet
            left = max(left - (time.monotonic() - self._noted), limiter.next_place or 0.0)
        sent = self._session.traffic.requests
        return picture(self._progress.values(), width, left, sent, limiter)


def _live() -> Live:
    from rich.console import Console  # noqa: PLC0415 - slow to import
    from rich.live import Live  # noqa: PLC0415 - likewise

    # Not rich's own refreshing: a thread of its own would draw while we do.
    live = Live(console=Console(highlight=False), auto_refresh=False, transient=True)
    live.start()
    return live


def picture(
    states: Iterable[Progress],
    width: int,
    left: float | None,
    sent: int,
    limiter: LimiterSnapshot,
) -> Sequence[str]:
    """What is drawn: resources under way, all of it, and how the limit stands.

    Args:
        states: All resources.
        width: Columns of the terminal.
        left: Seconds that it still takes; None if that is not known.
        sent: Requests that were sent.
        limiter: Where places are counted.
    """
    known = [state for state in states if state.total]
    running = [state for state in known if not state.done and state.records]
    done, total = sum(s.records for s in known), sum(s.total or 0 for s in known)
    until = "" if left is None or done >= total else f", {duration(left)} left"
    lines = [line for s in running for line in _lines(s.resource, s.records, s.total or 0, width)]
    if total:
        lines += _lines("all records", done, total, width)
    stands = f"{sent:,} requests{until}{_waiting(limiter)}"
    return [*lines, *textwrap.wrap(stands, width)]


def _lines(name: str, done: int, total: int, width: int) -> Sequence[str]:
    """A name, a bar if there is room for one, and a count."""
    count = f"{done:,} of {total:,}"
    room = width - NAME_WIDTH - len(count) - 4
    if room >= BAR_WIDTHS[0]:
        bar = min(room, BAR_WIDTHS[1])
        full = bar * done // max(total, 1)
        return [f"{name:<{NAME_WIDTH}}  {'━' * full}{'─' * (bar - full)}  {count}"]
    if len(name) + 2 + len(count) <= width:
        return [f"{name}  {count:>{width - len(name) - 2}}"]
    return [name[:width], f"{count:>{width}}"]


def _waiting(limiter: LimiterSnapshot) -> str:
    if limiter.free or not sum(limiter.waiting.values()):
        return ""
    if limiter.next_place is None:
        return ", at the limit"
    return f", at the limit for {max(limiter.next_place, 0):.0f} s"


def summary_lines(
    summary: Summary, session: AsyncCliniko, to: object, foreseen: int
) -> Sequence[tuple[str, str]]:
    """What an export did, as names and values.

    Args:
        summary: What it says of itself.
        session: Its session, which is its own.
        to: Where the files are.
        foreseen: Records that were announced.
    """
    written, traffic, limit = sum(summary.records.values()), session.traffic, session.rate_limit
    other = f"; {foreseen:,} were announced at the start" if foreseen != written else ""
    return (
        ("records", f"{written:,} in {to}{other}"),
        ("requests", f"{summary.requests:,}, {_refused(summary.refused)}"),
        ("limit", _waits(traffic.waits, summary)),
        ("", _busiest(summary.busiest, limit)),
        ("time", f"{summary.seconds:.1f} s"),
    )


def _refused(refused: int) -> str:
    return "none refused (429)" if not refused else f"{refused:,} of them refused (429)"


def _waits(waits: int, summary: Summary) -> str:
    if not waits:
        return "no request had to wait for it"
    each = duration(summary.waited / waits)
    return f"{waits:,} requests waited for it, side by side, {each} each on average"


def _busiest(busiest: int, limit: RateLimit) -> str:
    return f"at most {busiest} of {limit.requests} requests in any {limit.per:g} s"
