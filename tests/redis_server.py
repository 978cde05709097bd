"""A Redis server for tests, and processes on a virtual clock that meet there.

On a virtual clock the real script runs on the real server, with the virtual moment as its `now`:
several processes are several limiters that share nothing but the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any, Literal

import attrs
import pytest
from redis import Redis

from cliniko_async.limits import RedisLimiter
from cliniko_async.limits.script import SCRIPT, arguments, read
from cliniko_async.limits.store import Question, Reply, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Failing = Literal["before", "after", "mistake"]
"""How a call to Redis goes wrong: on the way there, on the way back, or in our own code."""


class Server:
    """A Redis server on loopback that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url: str = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.start()

    def start(self) -> None:
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir {self._folder}"
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [str(shutil.which("redis-server")), *options.split(), "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        self.client: Any = Redis(port=self.port)
        while True:
            with contextlib.suppress(Exception):
                self.client.ping()
                return
            time.sleep(0.01)

    def kill(self) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()

    def calls(self) -> int:
        """How often the script was called."""
        stats = self.client.info("commandstats")
        return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A fixture: a server for a module's tests."""
    if not shutil.which("redis-server"):
        assert not os.environ.get("CI"), "CI tests against a real redis-server: install it"
        pytest.skip("redis-server is not installed")
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


def emptied(shared_server: Server) -> Server:
    """A fixture: the server, as if nobody had used it."""
    shared_server.client.flushall()
    shared_server.client.config_resetstat()
    return shared_server


class VirtualStore:
    """Runs the real script on the real server, at virtual moments."""

    def __init__(self, server: Server, name: str, latency: float) -> None:
        self.server = server
        self.fails: list[Failing] = []
        self.is_gone = False
        self.is_dead = False
        self.asked = 0
        self._latency = latency
        self._keys = [f"{{{name}}}:places", f"{{{name}}}:state"]
        self._script = server.client.register_script(SCRIPT)

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
        asked = arguments(attrs.evolve(question, now=now))
        reply = read(self._script(keys=self._keys, args=asked))
        await asyncio.sleep(self._latency / 2)
        if self.is_dead:
            await asyncio.get_running_loop().create_future()
        if fails == "after":
            raise StoreError("lost on the way back")
        return reply

    async def aclose(self) -> None:
        pass


class Process(RedisLimiter):
    """A limiter that shares no memory with others."""

    count = 0

    def __init__(self, server: Server, *, latency: float = 0.0, patience: float = 30.0) -> None:
        Process.count += 1
        super().__init__(f"redis://process-{Process.count}/0", patience=patience)
        self._server = server
        self._latency = latency
        self.stores: list[VirtualStore] = []

    def _store(self, name: str) -> VirtualStore:
        self.stores.append(VirtualStore(self._server, name, self._latency))
        return self.stores[-1]
