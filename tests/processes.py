"""Several processes on a virtual clock that meet in a Redis server or in a file.

The real script runs on the real server, or the real transactions on a real file, with the virtual
moment as their `now`: several processes are several limiters that share nothing but those.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Literal, Protocol

import attrs
from redis_server import started

from cliniko_async.limits.host import HostStore
from cliniko_async.limits.shared import SharedLimiter
from cliniko_async.limits.store import Question, Reply, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

Failing = Literal["before", "after", "mistake"]
"""How a call to the store goes wrong: on the way there, on the way back, or in our own code."""


class Meeting(Protocol):
    """Where processes meet."""

    def store(self, name: str) -> Callable[[Question], Reply]:
        """A process's way there, for one user."""
        ...

    def is_empty(self) -> bool:
        """Whether no place is taken."""
        ...

    def empty(self) -> None:
        """Begin anew, as if nobody had ever met here."""
        ...


def met(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Meeting]:
    """A fixture: a meeting of the kind that is its parameter."""
    if request.param == "host":
        yield HostFile(tmp_path_factory.mktemp("host"))
        return
    yield from started(tmp_path_factory)


class HostFile:
    """The file in which the processes of a host meet."""

    def __init__(self, folder: Path) -> None:
        self.path: Path = folder / "limits.sqlite"

    def empty(self) -> None:
        if not self.path.exists():
            return
        file = sqlite3.connect(self.path)
        for line in ("DELETE FROM places", "DELETE FROM users", "UPDATE clock SET at = 0"):
            file.execute(line)
        file.commit()
        file.close()

    def store(self, name: str) -> Callable[[Question], Reply]:
        return HostStore(self.path, name).ask_now

    def is_empty(self) -> bool:
        with sqlite3.connect(self.path) as file:
            (count,) = file.execute("SELECT count(*) FROM places").fetchone()
        file.close()
        return int(count) == 0


class VirtualStore:
    """A process's store, at virtual moments."""

    def __init__(self, meeting: Meeting, name: str, latency: float) -> None:
        self.fails: list[Failing] = []
        self.is_gone = False
        self.is_dead = False
        self.asked = 0
        self._latency = latency
        self._answer = meeting.store(name)

    async def ask(self, question: Question) -> Reply:
        self.asked += 1
        await asyncio.sleep(self._latency / 2)
        fails = "before" if self.is_gone else self.fails.pop(0) if self.fails else None
        if self.is_dead:
            await asyncio.get_running_loop().create_future()
        if fails == "mistake":
            raise RuntimeError("a mistake in the conversation")
        if fails == "before":
            raise StoreError("lost on the way there")
        now = asyncio.get_running_loop().time()
        reply = self._answer(attrs.evolve(question, now=now))
        await asyncio.sleep(self._latency / 2)
        if self.is_dead:
            await asyncio.get_running_loop().create_future()
        if fails == "after":
            raise StoreError("lost on the way back")
        return reply

    async def aclose(self) -> None:
        pass


class Process(SharedLimiter):
    """A limiter that shares no memory with others."""

    count = 0

    def __init__(self, meeting: Meeting, *, latency: float = 0.0, patience: float = 30.0) -> None:
        Process.count += 1
        super().__init__(f"process {Process.count}", patience=patience)
        self._meeting = meeting
        self._latency = latency
        self.stores: list[VirtualStore] = []

    def _store(self, name: str) -> VirtualStore:
        self.stores.append(VirtualStore(self._meeting, name, self._latency))
        return self.stores[-1]
