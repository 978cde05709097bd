"""The limiter across the processes of one host: a user's places are counted in a small file.

    async with AsyncCliniko(limiter=HostLimiter()) as cliniko:
        ...

The rule is the one of a single process (`window` has the proof), with the moments taken from the
host's monotonic clock, which all its processes share: a place is leased for longer than an attempt
takes, and a window more. Once its request is answered, it comes back a window after the answer. If
its process is killed, it comes back when the lease ends, 50 s and a window after it was taken.

The file is SQLite's, from the standard library: no server, no dependency. Each process has one
conversation with it per user and event loop, in a thread of its own; a transaction takes well
under a millisecond, and the calls that wait share it. After a restart of the host places are held
for as long as was left of them.

What is in the file: hashes that stand for users, random names, numbers and moments; no key and
nobody's data. It is readable by its owner alone, so all processes of one account of the operating
system share it. By default it lies in that account's folder for state (`XDG_STATE_HOME`,
`~/.local/state`, `%LOCALAPPDATA%` or `~/Library/Application Support`), or below the temporary
folder if that cannot be written to. Processes of several accounts, or of containers, share the
file that `HostLimiter(path)` names, if all may write to it.

It must be on a local disk: a network file system is refused where it can be recognised (by the
list of mounts on Linux, by the mount's flag on macOS, by the drive's kind on Windows). Folders that
a virtual machine shares with its host, and unknown file systems in user space, cannot be told from
a local disk.

If the file is locked, calls wait and it is tried again; after `patience` seconds they end with
`LimiterUnavailableError`. If it is damaged or cannot be opened, they end at once. No request is
ever sent without a place. Deleting the file forgets which places are taken.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from cliniko_async.errors import expect
from cliniko_async.limits import host_file
from cliniko_async.limits.host_rules import Rules
from cliniko_async.limits.shared import SharedLimiter
from cliniko_async.limits.store import Question, Reply, Store, StoreError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

__all__ = ["HostLimiter"]

PRIMARY: Final = 0xFF
"""The part of an SQLite result code that tells the kind."""

LATER: Final = frozenset({5, 6, 7, 10, 13, 15})
"""SQLITE_BUSY, LOCKED, NOMEM, IOERR, FULL, PROTOCOL: worth another try."""

DAMAGED: Final = frozenset({1, 11, 26})
"""SQLITE_ERROR (not our tables), CORRUPT, NOTADB."""


class HostLimiter(SharedLimiter):
    """Counts a user's places in a file, for all processes of this host.

    Args:
        path: The file. By default one in the account's folder for state.
        patience: Seconds that a call waits for a file that others have locked.

    Raises:
        InvalidTypeError: An argument has the wrong type.
        InvalidValueError: An argument cannot be right.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, patience: float = 30.0
    ) -> None:
        expect(path, (str, os.PathLike, type(None)), "HostLimiter takes the path of a file")
        self._path = host_file.checked(path)
        super().__init__(f"file {self._path or ''}", patience=patience)

    def _store(self, name: str) -> Store:
        return HostStore(self._path, name)


class HostStore:
    """Where the processes of a host meet, for one user.

    Args:
        path: The file, or None for the default one.
        name: A hash that stands for the user.
    """

    def __init__(self, path: Path | None, name: str) -> None:
        self._path = path
        self._name = name

    async def ask(self, question: Question) -> Reply:
        """Run one transaction, in a thread.

        Raises:
            StoreError: No answer came.
        """
        # A thread of this store's own: those that programs share may all be busy.
        own = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(
            self.ask_now, question, limiter=own, abandon_on_cancel=True
        )

    def ask_now(self, question: Question) -> Reply:
        """Run one transaction.

        Raises:
            StoreError: No answer came.
        """
        import sqlite3  # noqa: PLC0415 - for those alone who use it

        try:
            if self._path is None:
                self._path = host_file.default()
            return _files.at(self._path).answer(self._name, question)
        except (sqlite3.Error, OSError) as error:
            problem = _problem(error, self._path)
        raise problem

    async def aclose(self) -> None:
        """Leave the file open: a process that opens a session per request opens it once."""


class _File:
    """A file that this process has open; threads use it in turn."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._rules: Rules | None = None

    def answer(self, user: str, question: Question) -> Reply:
        """Run one transaction.

        Raises:
            sqlite3.Error: The transaction failed.
            OSError: The file cannot be made.
            StoreError: It is on a network file system.
        """
        with self._lock:
            try:
                return self._opened().answer(user, question)
            except BaseException:
                self._close()
                raise

    def _opened(self) -> Rules:
        if self._rules and self._rules.is_gone():
            self._close()
        if self._rules is None:
            host_file.prepare(self._path)
            self._rules = Rules(self._path)
        return self._rules

    def _close(self) -> None:
        rules, self._rules = self._rules, None
        if rules:
            rules.close()

    def leave_to_parent(self) -> None:
        """Never close what is open: the parent has it open too."""
        if self._rules:
            self._rules.leave_open()


class _Files:
    """The files that this process has open."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_path: dict[Path, _File] = {}
        self._parents: list[_File] = []

    def at(self, path: Path) -> _File:
        """The file at a path, opened when it is used."""
        with self._lock:
            return self._by_path.setdefault(path, _File(path))

    def start_clean(self) -> None:
        """After a fork, in the child."""
        self._lock = Lock()  # another thread of the parent may hold it
        for file in self._by_path.values():
            file.leave_to_parent()
        self._parents += self._by_path.values()
        self._by_path = {}


_files: Final = _Files()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_files.start_clean)


def _problem(error: sqlite3.Error | OSError, path: Path | None) -> StoreError:
    """What is wrong, and whether asking again may help."""
    file = f"its file {path}" if path else "its file in the folder for state"
    code: int | None = getattr(error, "sqlite_errorcode", None)
    kind: str = getattr(error, "sqlite_errorname", type(error).__name__)
    if code is not None and code & PRIMARY in LATER:
        return StoreError(f"{file} is locked or cannot be written ({kind})")
    if code is not None and code & PRIMARY in DAMAGED:
        return StoreError(
            f"{file} is damaged, or is no limiter's: delete it when no process uses it, or name "
            "another one",
            hopeless=True,
        )
    return StoreError(f"{file} cannot be used ({kind}): name another one", hopeless=True)
