"""Killed anywhere, an export goes on and ends as if it had not been."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from oddserver import OddServer, session

import cliniko_async.export._manifest as manifest
import cliniko_async.export._rows_file as rows_file
from cliniko_async import InvalidValueError
from cliniko_async.export import export, verify

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
    server.rows["practitioners/inactive"] = {}
    return server


def folders_at_kills(
    random: Random, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[Path]]:
    """Keep what a kill would leave at some random moments: in the middle of writes, too."""
    kept: list[Path] = []
    write, save = os.write, manifest.Manifest.save

    def keep() -> None:
        if random.random() < 0.15:
            kept.append(folder.with_name(f"{folder.name}-killed-{len(kept)}"))
            shutil.copytree(folder, kept[-1])

    def write_in_two(descriptor: int, data: bytes) -> int:
        written = write(descriptor, data[: max(len(data) * 2 // 3, 1)])
        keep()
        return written

    def save_and_keep(self: manifest.Manifest, at: Path) -> None:
        keep()
        save(self, at)
        keep()

    monkeypatch.setattr(rows_file.os, "write", write_in_two)
    monkeypatch.setattr(manifest.Manifest, "save", save_and_keep)

    def stop() -> list[Path]:
        monkeypatch.undo()
        return kept

    return stop


def ids(folder: Path, name: str) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / f"{name}.jsonl").open()]


@pytest.mark.parametrize("seed", range(25))
async def test_killed_at_any_moment_it_goes_on_and_ends_with_each_row_once(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    server = clinic(random)
    async with session(server) as cliniko:
        stop = folders_at_kills(random, tmp_path / "copy", monkeypatch)
        await export(cliniko, NAMES, tmp_path / "copy", on_change="ignore")
        kept = stop()
        for folder in random.sample(kept, min(4, len(kept))):
            if random.random() < 0.3 and len(server.rows["taxes"]) > 1:
                server.rows["taxes"].popitem()
            try:
                await export(cliniko, NAMES, folder, on_change="ignore")
            except InvalidValueError:  # killed before it had a manifest
                raise
            for name in NAMES:
                assert Counter(ids(folder, name)) == Counter(list(server.rows[name])), name
            assert verify(folder) == []
