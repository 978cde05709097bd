"""The file that a host's processes share: where it lies, what is in it, and how it may fail."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from cliniko_async.errors import (
    InvalidTypeError,
    InvalidValueError,
    LimiterUnavailableError,
    SessionClosedError,
)
from cliniko_async.limits import HostLimiter, RateLimit, host, host_file
from cliniko_async.limits.host import HostStore
from cliniko_async.limits.store import Question, StoreError

if TYPE_CHECKING:
    from pathlib import Path

RATE = RateLimit(5, per=60)


def question(**more: object) -> Question:
    fields: dict[str, object] = {"interactive": 1, "bulk": 0, "name": "me", "first": 0, **more}
    return Question(limit=5, per=60, lease=110, reserve=0, **fields)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # by name


async def take(limiter: HostLimiter, count: int = 1, user: str = "somebody") -> int:
    """Take places and have them answered; how many are left."""
    allowance = limiter.open(user, RATE)
    for _ in range(count):
        place = await allowance.acquire()
        assert place.sent()
        place.answered()
        place.close()
    free = allowance.snapshot().free
    await allowance.aclose()
    return free


def run(limiter: HostLimiter, count: int = 1) -> int:
    return asyncio.run(take(limiter, count))


def test_limiters_of_one_file_share_a_users_places(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    assert run(HostLimiter(path), 3) == 2
    assert run(HostLimiter(str(path)), 1) == 1
    assert run(HostLimiter(tmp_path / "other.sqlite")) == 4


def test_the_default_file_is_private_and_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    run(HostLimiter())
    run(HostLimiter(), 1)
    (folder,) = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert b"somebody" not in file.read_bytes()


def test_a_folder_that_others_could_read_is_closed_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "cliniko-async"
    folder.mkdir(mode=0o755)
    run(HostLimiter())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_home_the_file_lies_below_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(HostLimiter())
    assert (tmp_path / f"cliniko-async-{os.getuid()}" / "limits.sqlite").exists()


def test_another_accounts_folder_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "none" / "x"))
    (tmp_path / "none").write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"cliniko-async-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LimiterUnavailableError, match="cannot be used"):
        run(HostLimiter())


@pytest.mark.parametrize("content", [b"this is no database " * 100, b"SQLite format 3\0" * 500])
def test_a_damaged_file_is_an_error_at_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "limits.sqlite"
    path.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(LimiterUnavailableError, match=r"limits.sqlite is damaged.* delete it"):
        run(HostLimiter(path, patience=60))
    assert time.monotonic() - began < 30
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE users (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(LimiterUnavailableError, match="no limiter's"):
        run(HostLimiter(path))
    assert path.read_bytes() == before


def test_a_file_that_stays_locked_is_an_error_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    run(HostLimiter(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LimiterUnavailableError, match="locked"):
        run(HostLimiter(path, patience=0.1))
    other.execute("ROLLBACK")
    other.close()
    assert run(HostLimiter(path)) == 3


def test_a_path_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LimiterUnavailableError, match="cannot be used"):
        run(HostLimiter(tmp_path / "file" / "limits.sqlite", patience=60))


def test_a_file_that_is_deleted_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"

    def delete() -> None:
        for file in tmp_path.iterdir():
            file.unlink()

    async def main() -> None:
        allowance = HostLimiter(path).open("somebody", RATE)
        (await allowance.acquire()).unsent()
        delete()
        place = await allowance.acquire()
        assert place.sent()
        place.answered()
        place.close()
        await allowance.aclose()

    asyncio.run(main())
    assert run(HostLimiter(path)) == 3


def test_after_a_restart_of_the_host_as_much_is_left_of_each_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock begins anew, at less or at more than before."""
    for number, begins in enumerate((3.0, 50_000.0)):
        path = tmp_path / f"{number}.sqlite"
        monkeypatch.setattr(host_file, "boot", lambda: "first")
        before = HostStore(path, "somebody")
        before.ask_now(question(interactive=5, now=1000.0))
        before.ask_now(question(interactive=0, back={"me:0": 7.0, "me:1": 30.0}, now=1001.0))
        monkeypatch.setattr(host_file, "boot", lambda: "second")
        monkeypatch.setattr(host, "_files", host._Files())  # pyright: ignore[reportPrivateUsage] # another process's
        after = HostStore(path, "somebody")
        reply = after.ask_now(question(first=9, interactive=1, now=begins))
        assert reply.given == 0
        assert reply.wait == pytest.approx(7)
        assert after.ask_now(question(first=9, interactive=5, now=begins + 7.1)).given == 1
        assert after.ask_now(question(first=10, interactive=5, now=begins + 29)).given == 0
        assert after.ask_now(question(first=10, interactive=5, now=begins + 30.1)).given == 1


def test_a_clock_that_runs_backwards_gives_no_place_too_early(tmp_path: Path) -> None:
    """As after a restart on a system that does not tell one run from the next."""
    store = HostStore(tmp_path / "limits.sqlite", "somebody")
    store.ask_now(question(interactive=5, now=1000.0))
    assert store.ask_now(question(first=5, now=10.0)).given == 0
    assert store.ask_now(question(first=5, now=119.0)).given == 0
    assert store.ask_now(question(first=5, now=120.1)).given == 1


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:30 / /home rw,relatime shared:1 - nfs4 server:/home rw
31 30 8:2 / /home/ann/local\\040disk rw,relatime - xfs /dev/sdb1 rw
32 22 0:32 / /mnt/c rw - 9p C: rw
33 22 0:33 / /data rw - fuse.sshfs me@there: rw
34 22 0:34 / /data rw - tmpfs tmpfs rw
35 22 0:35 / /share rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/app", "ext4"),
        ("/home/ann/.local/state", "nfs4"),
        ("/home/ann/local disk/x", "xfs"),
        ("/homestead", "ext4"),
        ("/mnt/c/Users", "9p"),
        ("/data/x", "tmpfs"),
        ("/share", "cifs"),
        ("/", "ext4"),
    ],
)
def test_the_kind_of_file_system_is_that_of_the_deepest_mount(folder: str, kind: str) -> None:
    assert host_file._kind_of(folder, MOUNTS) == kind  # pyright: ignore[reportPrivateUsage] # no test has such mounts


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def kind(_: Path) -> str:
        return "nfs4"

    monkeypatch.setattr(host_file, "_network_kind", kind)
    path = tmp_path / "limits.sqlite"
    with pytest.raises(StoreError, match="network file system"):
        host_file.prepare(path)
    with pytest.raises(LimiterUnavailableError, match=r"nfs4.*RedisLimiter"):
        run(HostLimiter(path, patience=60))
    assert not path.exists()


def test_arguments_that_cannot_be_right_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match="HostLimiter"):
        HostLimiter(5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point
    with pytest.raises(InvalidValueError, match="HostLimiter"):
        HostLimiter("")
    with pytest.raises(InvalidValueError, match="is a folder"):
        HostLimiter(tmp_path)
    with pytest.raises(InvalidValueError, match="patience"):
        HostLimiter(tmp_path / "x", patience=-1)


def test_two_processes_with_different_rates_are_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "limits.sqlite"
    caplog.set_level(logging.WARNING, logger="cliniko_async.limits")
    HostStore(path, "x")
    run(HostLimiter(path))

    async def other() -> None:
        allowance = HostLimiter(path).open("somebody", RateLimit(7, per=60))
        (await allowance.acquire()).unsent()
        await allowance.aclose()

    assert not caplog.records
    asyncio.run(other())
    (record,) = caplog.records
    assert "5 per 60 s" in record.getMessage()
    assert "7 per 60 s" in record.getMessage()


def test_calls_that_wait_for_a_locked_file_end_with_their_session(tmp_path: Path) -> None:
    path = tmp_path / "limits.sqlite"
    run(HostLimiter(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def main() -> None:
        allowance = HostLimiter(path).open("somebody", RATE)
        waiting = asyncio.create_task(allowance.acquire())
        await asyncio.sleep(0)
        await allowance.aclose()
        with pytest.raises(SessionClosedError):
            await waiting

    asyncio.run(main())
    other.close()


def test_sqlite_is_imported_by_those_alone_who_use_it() -> None:
    program = (
        "import sys, cliniko_async.limits as limits; limits.limiter_from('process');"
        "assert not {'sqlite3', 'cliniko_async.limits.host'} & {*sys.modules}; limits.HostLimiter;"
        "assert not {'redis', 'httpx'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own program
