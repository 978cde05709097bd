"""What one process tells and asks in the file, in one transaction; `script` is the same in Redis.

Moments are those of the system-wide monotonic clock. It begins anew when the host does: then, or
if the clock is behind what is written, each moment is moved so that as much is left of it as when
the file was written last. That is never too early.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from cliniko_async.limits import host_file
from cliniko_async.limits.store import Question, Reply

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Rules"]

LOCKED_SECONDS: Final = 1.0
"""Seconds to wait for another process's transaction before asking again."""

APPLICATION: Final = 0x436C696E
"""Stands in the file's header, so that no other program's file is taken for ours."""

IN_A_ROW: Final = 10
"""Interactive places given in a row after which bulk, if it waits, gets one."""

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), boot TEXT, at REAL)",
    "INSERT OR IGNORE INTO clock VALUES (1, '', 0)",
    """CREATE TABLE IF NOT EXISTS users (
        user TEXT PRIMARY KEY, pause REAL NOT NULL, seen REAL, row INTEGER NOT NULL,
        rate TEXT NOT NULL, asked REAL NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS places (
        user TEXT, name TEXT, back REAL NOT NULL, PRIMARY KEY (user, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS places_by_moment ON places (user, back)",
)


class Rules:
    """An open file, for one user.

    Args:
        path: The file, which exists.
        user: A hash that stands for the user.

    Raises:
        sqlite3.Error: It cannot be opened, or is another program's.
    """

    def __init__(self, path: Path, user: str) -> None:
        import sqlite3  # noqa: PLC0415 - for those alone who use it

        self._user = user
        self._path = path
        self._file = host_file.identity(path)
        self._boot = host_file.boot()
        self._sql = sqlite3.connect(
            path, timeout=LOCKED_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare()
        except BaseException:
            self._sql.close()
            raise

    def _prepare(self) -> None:
        import sqlite3  # noqa: PLC0415 - likewise

        found = self._value("PRAGMA application_id")
        if found != APPLICATION and self._value("SELECT count(*) FROM sqlite_master"):
            error = sqlite3.DatabaseError("another program's file")
            error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
            raise error
        # Survives a process that is killed, and a host that loses power, without waiting for the
        # disk at each transaction.
        self._value("PRAGMA journal_mode = WAL")
        self._sql.execute("PRAGMA synchronous = NORMAL")
        with _Transaction(self._sql):
            if found != APPLICATION:
                self._sql.execute(f"PRAGMA application_id = {APPLICATION}")
            for table in TABLES:
                self._sql.execute(table)

    def is_gone(self) -> bool:
        """Whether the file was deleted or replaced, so that others meet elsewhere."""
        return host_file.identity(self._path) != self._file

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    def answer(self, question: Question) -> Reply:
        """Give back, look at the pause, take; all or nothing.

        Raises:
            sqlite3.Error: It was not done.
        """
        with _Transaction(self._sql):
            now = time.monotonic() if question.now is None else question.now
            self._set_clock(now)
            self._give_back(question, now)
            return self._take(question, now)

    # The parts of a transaction

    def _set_clock(self, now: float) -> None:
        boot, at = self._row("SELECT boot, at FROM clock")
        if boot == self._boot and at <= now:
            self._sql.execute("UPDATE clock SET at = ?", (now,))
            return
        moved = now - at
        self._sql.execute("UPDATE clock SET boot = ?, at = ?", (self._boot, now))
        self._sql.execute("UPDATE places SET back = back + ?", (moved,))
        self._sql.execute(
            "UPDATE users SET pause = pause + ?1, seen = seen + ?1, asked = asked + ?1", (moved,)
        )

    def _give_back(self, question: Question, now: float) -> None:
        user = self._user
        self._sql.executemany(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
            [(user, name, now + left) for name, left in question.back.items() if left > 0],
        )
        self._sql.executemany(
            "DELETE FROM places WHERE user = ? AND name = ?",
            [(user, name) for name, left in question.back.items() if left <= 0],
        )
        self._sql.execute("DELETE FROM places WHERE user = ? AND back <= ?", (user, now))

    def _take(self, question: Question, now: float) -> Reply:
        known = self._row(
            "SELECT pause, seen, row, rate, asked FROM users WHERE user = ?", self._user
        )
        pause, seen, in_a_row, rate, asked = known or (0.0, None, 0, question.rate, now)
        if question.refused is not None:
            pause = max(pause, now + question.refused)
        if question.seen is not None:
            seen = max(now - question.seen if seen is None else seen, now - question.seen)
        kept = question.reserve if seen is not None and now < seen + question.per else 0
        free = question.limit - self._value(
            "SELECT count(*) FROM places WHERE user = ?", self._user
        )
        interactive, bulk = (0, 0)
        if now >= pause:
            interactive, bulk = _shares(question, free, kept, turn=in_a_row >= IN_A_ROW)
        self._hand_out(question, interactive + bulk, now)
        in_a_row = (0 if bulk else in_a_row) + interactive
        self._sql.execute(
            "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?)",
            (self._user, pause, seen, in_a_row, question.rate, now),
        )
        free -= interactive + bulk
        kept = 0 if in_a_row >= IN_A_ROW else kept
        wait = self._wait(question, now, pause, free)
        wait_bulk = self._wait(question, now, pause, free - kept)
        if kept and seen is not None:
            wait_bulk = max(min(wait_bulk, seen + question.per - now), wait)
        other = rate if rate != question.rate and now < asked + 2 * question.per else ""
        return Reply(interactive + bulk, free, wait, wait_bulk, pause, now, other_rate=other)

    def _hand_out(self, question: Question, count: int, now: float) -> None:
        names = (f"{question.name}:{question.first + number}" for number in range(count))
        back = now + question.lease
        self._sql.executemany(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
            [(self._user, name, back) for name in names],
        )

    def _wait(self, question: Question, now: float, pause: float, free: int) -> float:
        """Seconds until a place is free beside those that are kept."""
        if now < pause:
            return pause - now
        if free > 0:
            return 0.0
        back = self._value(
            "SELECT back FROM places WHERE user = ? ORDER BY back LIMIT 1 OFFSET ?",
            self._user,
            -free,
        )
        return question.per if back is None else min(back - now, question.per)

    def _row(self, sql: str, *values: object) -> Any:
        return self._sql.execute(sql, values).fetchone()

    def _value(self, sql: str, *values: object) -> Any:
        row = self._row(sql, *values)
        return row[0] if row else None


def _shares(question: Question, free: int, kept: int, *, turn: bool) -> tuple[int, int]:
    """Places to hand out, for interactive calls and for bulk."""
    first = max(min(question.bulk, free, 1), 0) if turn else 0
    interactive = max(min(question.interactive, free - first), 0)
    spare = free - interactive - first - kept
    return interactive, first + max(min(question.bulk - first, spare), 0)


class _Transaction:
    """One at a time over all processes, from its beginning."""

    def __init__(self, sql: Any) -> None:
        self._sql = sql

    def __enter__(self) -> None:
        self._sql.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._sql.execute("COMMIT" if kind is None else "ROLLBACK")
