"""Killed anywhere, an export goes on and ends as if it had not been."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import anyio.from_thread
import pytest
from oddserver import OddServer, session

from cliniko_async.errors import ExportError
from cliniko_async.export import export, verify
from cliniko_async.export._manifest import Manifest, sha256_of
from cliniko_async.export._rows_file import RowsFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio

NAMES = ("taxes", "products", "practitioners")


def clinic(random: Random) -> OddServer:
    """A clinic whose lists are in one of several orders."""
    order = random.choice(("created_at", "created_at", "name", "id"))
    server = OddServer(order=order, stable=random.random() < 0.7)
    for name in NAMES:
        seconds = random.choice((1, 60, 100_000))  # many rows in a second, or few
        for id in range(1, random.choice((3, 120, 450))):
            undated = random.random() < 0.005
            server.add(name, id, None if undated else random.randrange(seconds), notes="x" * 50)
    for id in range(1000, 1150):
        server.add("practitioners/inactive", id, id)
    return server


def folders_at_kills(
    random: Random, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[Path]]:
    """Keep what a kill would leave at some random moments: in the middle of writes, too."""
    kept: list[Path] = []
    write, save = RowsFile.write, Manifest.save

    def keep() -> None:
        if random.random() < 0.15:
            kept.append(folder.with_name(f"{folder.name}-killed-{len(kept)}"))
            shutil.copytree(folder, kept[-1])

    def write_in_two(self: RowsFile, data: bytes) -> None:
        first = len(data) * 2 // 3
        write(self, data[:first])
        anyio.from_thread.run_sync(keep)
        write(self, data[first:])

    def save_and_keep(self: Manifest, at: Path) -> None:
        keep()
        save(self, at)
        keep()

    monkeypatch.setattr(RowsFile, "write", write_in_two)
    monkeypatch.setattr(Manifest, "save", save_and_keep)

    def stop() -> list[Path]:
        monkeypatch.undo()
        return kept

    return stop


def ids(folder: Path, name: str) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("seed", range(25))
async def test_killed_at_any_moment_it_goes_on_and_ends_with_each_row_once(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    server = clinic(random)
    async with session(server) as cliniko:
        stop = folders_at_kills(random, tmp_path / "copy", monkeypatch)
        await export(cliniko, NAMES, tmp_path / "copy")
        kept = stop()
        for folder in random.sample(kept, min(4, len(kept))):
            if random.random() < 0.3 and len(server.rows["taxes"]) > 1:
                server.rows["taxes"].popitem()
            await export(cliniko, NAMES, folder)
            for name in NAMES:
                found = Counter(ids(folder, name))
                assert found.keys() >= {
                    *server.rows[name],
                    *server.rows.get(f"{name}/inactive", ()),
                }
                assert max(found.values(), default=1) == 1
            assert verify(folder) == []


async def test_a_full_disk_is_told_and_what_was_written_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = OddServer()
    for name in NAMES[:2]:
        for id in range(1, 1000):
            server.add(name, id, id, notes="x" * 50)
    write, room = RowsFile.write, 200_000

    def write_while_there_is_room(self: RowsFile, data: bytes) -> None:
        nonlocal room
        write(self, data[:room])
        room -= len(data)
        if room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with session(server) as cliniko:
        monkeypatch.setattr(RowsFile, "write", write_while_there_is_room)
        with pytest.raises(ExportError, match=r"No space left .* run it again") as caught:
            await export(cliniko, NAMES[:2], tmp_path)
        assert caught.value.errno == errno.ENOSPC
        monkeypatch.undo()
        before = len(server.requests)
        await export(cliniko, NAMES[:2], tmp_path)
    assert len(server.requests) - before < 20  # of 21 when it is begun anew
    for name in NAMES[:2]:
        assert ids(tmp_path, name) == [str(id) for id in range(1, 1000)]
    assert verify(tmp_path) == []


async def test_verify_counts_records_and_ids(tmp_path: Path) -> None:
    server = OddServer()
    for id in range(1, 6):
        server.add("taxes", id, id)
    async with session(server) as cliniko:
        await export(cliniko, ["taxes"], tmp_path)
    file = tmp_path / "taxes.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for changed, problem in ((lines[:4], "4 records"), ([*lines[:4], lines[0]], "twice")):
        file.write_bytes(b"".join(changed))
        manifest = Manifest.load(tmp_path)
        assert manifest
        manifest.files["taxes"].sha256 = sha256_of(file)
        manifest.save(tmp_path)
        (found,) = verify(tmp_path)
        assert problem in found
