"""What an export's folder holds: files changed by hand, and several exports one after the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest
from oddserver import OddServer, session

from cliniko_async.errors import InvalidValueError
from cliniko_async.export import Export, Progress, export, verify
from cliniko_async.export import _names as names
from cliniko_async.export._manifest import open_privately

if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from pathlib import Path

    import httpx

pytestmark = pytest.mark.anyio


class _KilledError(Exception):
    """Stands for the end of the process."""


class SlowTaxes(OddServer):
    """Answers for the taxes behind their first page when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = anyio.Event()
        self.goes_on.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/taxes") and request.url.params.get("page", "1") != "1":
            await self.goes_on.wait()
        return await super().handle_async_request(request)


@pytest.fixture
def server() -> SlowTaxes:
    server = SlowTaxes()
    for id in range(1, 1001):
        server.add("taxes", id, id)
    for name in ("businesses", "products"):
        for id in range(1, 4):
            server.add(name, id, id)
    return server


def ids(folder: Path, name: str) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / f"{name}.jsonl").read_text().splitlines()]


async def interrupted(server: SlowTaxes, folder: Path) -> None:
    """Export businesses, and most of the taxes, and end as a kill would."""

    def kill(_: Progress) -> None:
        if job.progress["businesses"].done:
            server.goes_on.set()
        if job.progress["taxes"].records >= 700:
            raise _KilledError

    server.goes_on = anyio.Event()
    async with session(server) as cliniko:
        job = Export(cliniko, ["businesses", "taxes"], folder, on_progress=kill)
        with pytest.raises(_KilledError):
            await job.run()
    assert ids(folder, "businesses") == ["1", "2", "3"]
    assert not (folder / "taxes.jsonl").exists()


def delete(file: Path) -> None:
    file.unlink()


def shorten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def change(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"1"', b'"9"'))


@pytest.mark.parametrize("by_hand", [delete, shorten, change])
async def test_a_finished_file_that_was_changed_is_read_again_when_an_export_goes_on(
    by_hand: Callable[[Path], None], server: SlowTaxes, tmp_path: Path
) -> None:
    await interrupted(server, tmp_path)
    by_hand(tmp_path / "businesses.jsonl")
    async with session(server) as cliniko:
        cost = await Export(cliniko, ["businesses", "taxes"], tmp_path).plan()
        summary = await export(cliniko, ["businesses", "taxes"], tmp_path)
    assert cost.resources["businesses"] == 3
    assert summary.records == {"businesses": 3, "taxes": 1000}
    assert ids(tmp_path, "businesses") == ["1", "2", "3"]
    assert verify(tmp_path) == []


async def test_a_finished_file_that_is_as_it_was_is_not_read_again(
    server: SlowTaxes, tmp_path: Path
) -> None:
    await interrupted(server, tmp_path)
    before = len(server.requests)
    async with session(server) as cliniko:
        await export(cliniko, ["businesses", "taxes"], tmp_path)
    assert "businesses" not in [path for path, _ in server.requests[before:]]


async def test_verify_checks_the_files_of_all_exports_into_a_folder(
    server: SlowTaxes, tmp_path: Path
) -> None:
    async with session(server) as cliniko:
        await export(cliniko, ["taxes", "products"], tmp_path)
        await export(cliniko, ["businesses"], tmp_path)
        assert verify(tmp_path) == []
        delete(tmp_path / "taxes.jsonl")
        shorten(tmp_path / "products.jsonl")
        found = [problem.partition(":")[0] for problem in verify(tmp_path)]
        assert sorted(found) == ["products", "taxes"]
        await export(cliniko, ["taxes", "products"], tmp_path)
    assert verify(tmp_path) == []


async def test_an_export_that_ended_is_made_anew_whatever_was_interrupted_since(
    server: SlowTaxes, tmp_path: Path
) -> None:
    async with session(server) as cliniko:
        await export(cliniko, ["products"], tmp_path)
        server.add("products", 4, 4)
        await interrupted(server, tmp_path)
        await export(cliniko, ["products", "businesses", "taxes"], tmp_path)
        assert ids(tmp_path, "products") == ["1", "2", "3", "4"]
        server.add("businesses", 4, 4)
        await export(cliniko, ["businesses"], tmp_path)
    assert ids(tmp_path, "businesses") == ["1", "2", "3", "4"]
    assert verify(tmp_path) == []


async def test_what_was_interrupted_goes_on_though_others_were_exported_in_between(
    server: SlowTaxes, tmp_path: Path
) -> None:
    await interrupted(server, tmp_path)
    async with session(server) as cliniko:
        await export(cliniko, ["products"], tmp_path)
        assert [problem.partition(":")[0] for problem in verify(tmp_path)] == ["taxes"]
        before = len(server.requests)
        await export(cliniko, ["taxes"], tmp_path)
    assert len(server.requests) - before < 11  # when it begins again, 12
    assert ids(tmp_path, "taxes") == [str(id) for id in range(1, 1001)]
    assert verify(tmp_path) == []


async def test_what_an_interrupted_export_replaces_is_checked_until_then(
    server: SlowTaxes, tmp_path: Path
) -> None:
    async with session(server) as cliniko:
        await export(cliniko, ["taxes"], tmp_path)
        delete(tmp_path / "taxes.jsonl")
    await interrupted(server, tmp_path)
    assert [problem.partition(":")[0] for problem in verify(tmp_path)] == ["taxes", "taxes"]


async def test_two_exports_that_start_at_once_do_not_take_the_folder_for_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_while_another_starts(path: Path, flags: int = 0) -> io.BufferedWriter:
        file = open_privately(path, flags)
        path.unlink()  # the other one has finished its trial
        return file

    monkeypatch.setattr(names, "open_privately", open_while_another_starts)
    try:
        names.private_folder(tmp_path)
    except InvalidValueError as error:
        pytest.fail(str(error))


async def test_a_file_that_no_export_has_written_is_not_replaced(
    server: SlowTaxes, tmp_path: Path
) -> None:
    file = tmp_path / "taxes.jsonl"
    file.write_text("precious")
    async with session(server) as cliniko:
        await export(cliniko, ["businesses"], tmp_path)
        sent = len(server.requests)
        with pytest.raises(InvalidValueError, match=r"taxes\.jsonl is there"):
            await export(cliniko, ["taxes"], tmp_path)
        assert (file.read_text(), len(server.requests)) == ("precious", sent)
        file.unlink()
        for _ in range(2):
            await export(cliniko, ["taxes"], tmp_path)
    assert len(ids(tmp_path, "taxes")) == 1000
