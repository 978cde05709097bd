"""A PostgreSQL server for tests, with nothing in it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["running_postgres"]


def _programs() -> Path:
    """Where PostgreSQL's programs are. Debian keeps them out of the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    words = "PostgreSQL is not installed: apt-get install postgresql"
    if "CI" in os.environ:
        pytest.fail(words)
    pytest.skip(words)


@contextmanager
def running_postgres() -> Generator[str]:
    """Run a server on a free loopback port.

    Yields:
        Its URL. Any password will do.
    """
    programs = _programs()
    # It refuses to run as root.
    user: Any = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        if user:
            shutil.chown(folder, **user)
        subprocess.run(  # noqa: S603 - our own arguments
            [
                *(str(programs / "initdb"), "-D", f"{folder}/data", "-U", "tester", "-A", "trust"),
                *("-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **user,
        )
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = f"-D {folder}/data -p {port} -k {folder} -c listen_addresses=127.0.0.1 -F"
        with subprocess.Popen(  # noqa: S603 - our own arguments
            [str(programs / "postgres"), *options.split()],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            **user,
        ) as server:
            assert server.stderr
            try:
                while "ready to accept" not in server.stderr.readline():
                    assert server.poll() is None
                yield f"postgresql://tester:any@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGINT)  # at once, whoever is connected
                server.communicate()
