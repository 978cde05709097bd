"""What an emulated API is made of: a clinic, a rate limit, and faults that tests ask for."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final

from cliniko_async.emulator.clinic import Clinic
from cliniko_async.emulator.clock import VirtualTimeLoop
from cliniko_async.emulator.faults import Faults
from cliniko_async.emulator.files import FileHost
from cliniko_async.emulator.lists import MOST_PER_PAGE, Lister
from cliniko_async.emulator.report import Report
from cliniko_async.emulator.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["VIRTUAL_START", "Backend"]

VIRTUAL_START: Final = datetime(2026, 1, 5, tzinfo=UTC).timestamp()
"""When virtual clocks begin, in seconds since the epoch; those of made-up clinics on their day."""


class Backend:
    """The Cliniko API in memory.

    Args:
        clinic: Its records; an empty clinic by default.
        limit: Requests that each user has in a window. More are answered with 429.
        per: Seconds of a window.
        latency: Seconds that an answer takes.
        jitter: Seconds by which that varies, up and down.
        page_limit: The most rows a page, if a server is to send fewer than are asked for.
        keys: The keys that are accepted, each with its user's name; any key by default.
    """

    def __init__(
        self,
        clinic: Clinic | None = None,
        *,
        limit: int = 200,
        per: float = 60.0,
        latency: float = 0.0,
        jitter: float = 0.0,
        page_limit: int = MOST_PER_PAGE,
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self.clinic: Clinic = clinic or Clinic()
        self.clinic.now = lambda: datetime.fromtimestamp(self.clock(), UTC)
        self.latency: float = latency
        self.jitter: float = jitter
        self.faults: Faults = Faults()
        self.files: FileHost = FileHost(self.clinic)
        self.report: Report = Report()
        self.throttle: Throttle = Throttle(limit, per, self.clock)
        self.lister: Lister = Lister(self.clinic, page_limit=page_limit)
        self._keys = keys
        self._watchers: list[Callable[[str, str], object]] = []
        self._random = Random(0)  # noqa: S311 - the same each time

    def on_request(self, watcher: Callable[[str, str], object]) -> None:
        """Call a function with method and path before each request is answered.

        Tests add and remove rows there.
        """
        self._watchers.append(watcher)

    def watch_no_more(self) -> None:
        """Forget the functions that were given to `on_request`."""
        self._watchers.clear()

    def tell(self, method: str, path: str) -> None:
        """Call the functions that were given to `on_request`."""
        for watcher in self._watchers:
            watcher(method, path)

    def clock(self) -> float:
        """Seconds since the epoch: virtual on a virtual clock."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return time.time()
        return self._start + loop.time() if isinstance(loop, VirtualTimeLoop) else time.time()

    @property
    def _start(self) -> float:
        today = self.clinic.today
        if today is None:
            return VIRTUAL_START
        return datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp()

    def draw_latency(self) -> float:
        """Seconds that the next answer takes."""
        return max(self.latency + self._random.uniform(-self.jitter, self.jitter), 0.0)

    def knows(self, key: str) -> bool:
        """Whether a key is accepted."""
        return self._keys is None or key in self._keys

    def user_of(self, key: str) -> str:
        """The user that a key belongs to, whose limit it is."""
        return key if self._keys is None else self._keys[key]
