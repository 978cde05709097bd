"""A Redis server for tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from cliniko_async.limits.script import SCRIPT, arguments, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cliniko_async.limits.store import Question, Reply


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

    def store(self, name: str) -> Callable[[Question], Reply]:
        """A process's way to the script, for one user."""
        script = self.client.register_script(SCRIPT)
        keys = [f"cliniko:{{{name}}}:places", f"cliniko:{{{name}}}:state"]
        return lambda question: read(script(keys=keys, args=arguments(question)))

    def is_empty(self) -> bool:
        """Whether no place is taken."""
        return not self.client.keys("*places")

    def empty(self) -> None:
        """Begin anew."""
        self.client.flushall()

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
