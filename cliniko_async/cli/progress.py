"""How an export is doing: live on a terminal, a line per complete resource elsewhere.

All of it goes to standard error, so that a pipe holds the result alone.

Counts are never cut, however narrow the terminal: bars go first, then a name has a line of its
own.
"""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from cliniko_async.cli.terminal import counted, say, wrapped
from cliniko_async.cli.waits import words_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from rich.live import Live

    from cliniko_async._client import AsyncCliniko
    from cliniko_async.export import Cost, Progress, Summary
    from cliniko_async.limits import LimiterSnapshot, RateLimit

__all__ = ["Display", "announced", "duration", "picture", "summary_lines"]

REFRESH_SECONDS: Final = 0.2

NAME_WIDTH: Final = 31
"""Columns of the longest resource's name."""

BAR_WIDTHS: Final = (10, 40)
"""The fewest and the most columns of a bar."""


def announced(cost: Cost) -> str:
    """What an export will cost, in words."""
    requests = counted(cost.most_requests, "request")
    if cost.requests < cost.most_requests:
        requests = f"{cost.requests:,} to {requests}"
    limit = f"at least {duration(cost.minutes * 60)} at" if cost.minutes else "no wait for"
    return f"{counted(cost.records, 'record')}, {requests}: {limit} the rate limit"


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
        self._live = live and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
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
        if self._drawn:
            shown = wrapped(self._prefix + text, stream=sys.stderr)
            self._drawn.console.print(shown, markup=False, soft_wrap=True)
        else:
            say(self._prefix + text)

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
                self.say(f"{name}: {counted(state.records, 'record')}")

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
    live = Live(console=Console(highlight=False, stderr=True), auto_refresh=False, transient=True)
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
    waiting = words_of(limiter)
    stands = f"{counted(sent, 'request')}{until}" + (f", {waiting}" if waiting else "")
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
