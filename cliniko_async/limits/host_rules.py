"""What one process reports and requests in the file, in one transaction; `script` does it in Redis.

Moments are those of the system-wide monotonic clock. It begins anew when the host does: then, or
if the clock is behind what is written, each moment is moved so that as much is left of it as when
the file was written last. That is never too early.
"""

from __future__ import annotations

import math
import time
import weakref
from typing import TYPE_CHECKING, Any, Final

import attrs

from cliniko_async.limits import host_file
from cliniko_async.limits.line import LEAST_AHEAD
from cliniko_async.limits.pause import LONG_AGO
from cliniko_async.limits.share import Share
from cliniko_async.limits.store import Reply

if TYPE_CHECKING:
    from pathlib import Path

    from cliniko_async.limits.store import Question

__all__ = ["Rules"]

LOCKED_SECONDS: Final = 1.0
"""Seconds to wait for another process's transaction before asking again."""

APPLICATION: Final = 0x436C696E
"""Stands in the file's header, so that no other program's file is taken for ours."""

IN_A_ROW: Final = 10
"""Interactive places given in a row after which bulk, if it waits, gets one."""

COLUMNS: Final = "pause, seen, in_a_row, rate, asked, left, least, left_at"

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), boot TEXT, at REAL)",
    "INSERT OR IGNORE INTO clock VALUES (1, '', 0)",
    """CREATE TABLE IF NOT EXISTS users (
        user TEXT PRIMARY KEY, pause REAL, seen REAL, in_a_row INTEGER, rate TEXT, asked REAL,
        left REAL, least INTEGER, left_at REAL
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS places (
        user TEXT, name TEXT, back REAL NOT NULL, PRIMARY KEY (user, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS places_by_moment ON places (user, back)",
)


class Rules:
    """An open file.

    Args:
        path: The file, which exists.

    Raises:
        sqlite3.Error: It cannot be opened, or is another program's.
    """

    def __init__(self, path: Path) -> None:
        import sqlite3  # noqa: PLC0415 - for those alone who use it

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
        self._at_the_end = weakref.finalize(self, self._sql.close)

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
        self._at_the_end()

    def leave_open(self) -> None:
        """Do not close the file at the process's end."""
        self._at_the_end.detach()

    def answer(self, user: str, question: Question) -> Reply:
        """Give back, look at the pause, take; all or nothing.

        Args:
            user: A hash that stands for the user.
            question: What the process tells and asks.

        Raises:
            sqlite3.Error: The transaction failed.
        """
        with _Transaction(self._sql):
            now = time.monotonic() if question.now is None else question.now
            self._set_clock(now)
            self._give_back(user, question, now)
            return self._take(user, question, now)

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
            "UPDATE users SET pause = pause + ?1, seen = seen + ?1, asked = asked + ?1, "
            "left_at = left_at + ?1",
            (moved,),
        )

    def _give_back(self, user: str, question: Question, now: float) -> None:
        self._sql.executemany(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
            [(user, name, now + left) for name, left in question.back.items() if left > 0],
        )
        self._sql.executemany(
            "DELETE FROM places WHERE user = ? AND name = ?",
            [(user, name) for name, left in question.back.items() if left <= 0],
        )
        self._sql.execute("DELETE FROM places WHERE user = ? AND back <= ?", (user, now))

    def _take(self, name: str, question: Question, now: float) -> Reply:
        known = self._row(f"SELECT {COLUMNS} FROM users WHERE user = ?", name)  # noqa: S608 - ours
        user = _User(*known) if known else _User()
        other_rate = user.other_rate(question, now)
        taken = self._value("SELECT count(*) FROM places WHERE user = ?", name)
        user.learn(question, now, taken)
        free = user.share.places(now, question.limit, question.per) - taken
        given = user.hand_out(question, free, now)
        self._hand_out(name, question, given, now)
        self._sql.execute(
            f"INSERT OR REPLACE INTO users (user, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - ours
            (name, *user.columns()),
        )
        free -= given
        kept = user.kept(question, now)
        wait = self._wait(name, question, now, user, free)
        wait_bulk = self._wait(name, question, now, user, free - kept)
        if kept:
            wait_bulk = max(min(wait_bulk, user.seen + question.per - now), wait)
        return Reply(given, free, wait, wait_bulk, user.pause, now, other_rate)

    def _hand_out(self, user: str, question: Question, count: int, now: float) -> None:
        names = (f"{question.name}:{question.first + number}" for number in range(count))
        back = now + question.lease
        self._sql.executemany(
            "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
            [(user, name, back) for name in names],
        )

    def _wait(self, name: str, question: Question, now: float, user: _User, free: int) -> float:
        """Seconds until a place is free beside those that are kept."""
        if now < user.pause:
            return user.pause - now
        if free > 0:
            return 0.0
        back = self._value(
            "SELECT back FROM places WHERE user = ? ORDER BY back LIMIT 1 OFFSET ?",
            name,
            -free,
        )
        won = user.share.next_won(now, question.limit, question.per)
        moments = [moment for moment in (back, won) if moment is not None]
        return max(min([*moments, now + question.per]) - now, LEAST_AHEAD)

    def _row(self, sql: str, *values: object) -> Any:
        return self._sql.execute(sql, values).fetchone()

    def _value(self, sql: str, *values: object) -> Any:
        row = self._row(sql, *values)
        return row[0] if row else None


@attrs.define
class _User:
    """What all processes should know of a user, beside the places."""

    pause: float = 0.0
    seen: float = LONG_AGO
    in_a_row: int = 0
    rate: str = ""
    asked: float = LONG_AGO
    left: float = math.inf
    least: int = 1
    left_at: float = LONG_AGO

    @property
    def share(self) -> Share:
        """The places that are ours."""
        return Share(self.left, self.least, self.left_at)

    def columns(self) -> tuple[object, ...]:
        """As it is written."""
        return attrs.astuple(self)

    def other_rate(self, question: Question, now: float) -> str:
        """What another process has lately taken the rate to be, if it differs."""
        is_news = self.rate != question.rate and now < self.asked + 2 * question.per
        return self.rate if is_news else ""

    def learn(self, question: Question, now: float, taken: int) -> None:
        """Take in what the process tells."""
        self.rate, self.asked = question.rate, now
        if question.seen is not None:
            self.seen = max(self.seen, now - question.seen)
        if question.refused is None:
            return
        share, refusals = self.share, question.refusals
        if now >= self.pause:
            share.give_up(now, taken - 1, question.limit, question.per)
            refusals -= 1
        share.give_up_more(refusals)
        self.left, self.least, self.left_at = share.left, share.least, share.at
        self.pause = max(self.pause, now + question.refused)

    def kept(self, question: Question, now: float) -> int:
        """Places that bulk leaves free, if it is not its turn."""
        turn = self.in_a_row >= IN_A_ROW
        return question.reserve if now < self.seen + question.per and not turn else 0

    def hand_out(self, question: Question, free: int, now: float) -> int:
        """How many places the process gets."""
        if now < self.pause:
            return 0
        reserve = question.reserve if now < self.seen + question.per else 0
        turn = self.in_a_row >= IN_A_ROW
        first = max(min(question.bulk, free, 1), 0) if turn else 0
        interactive = max(min(question.interactive, free - first), 0)
        spare = free - interactive - first - reserve
        bulk = first + max(min(question.bulk - first, spare), 0)
        self.in_a_row = (0 if bulk else self.in_a_row) + interactive
        return interactive + bulk


class _Transaction:
    """One at a time over all processes, from its beginning."""

    def __init__(self, sql: Any) -> None:
        self._sql = sql

    def __enter__(self) -> None:
        self._sql.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._sql.execute("COMMIT" if kind is None else "ROLLBACK")
