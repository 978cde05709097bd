"""Every block of code in the README and in the documentation does what a reader would expect.

Blocks run as programs of their own against a served emulator. Those that are no whole programs
stand in an open session, with a few names that their page has told of.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import sys
import textwrap
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import attrs
import pytest
from redis_server import Server, emptied, started

from cliniko_async.cli.profiles import FILE, FOLDER
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

shared_server = pytest.fixture(started, scope="module")
server = pytest.fixture(emptied)

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PRELUDE: Final = """
import asyncio, os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from cliniko_async import AsyncCliniko

since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
redis_url, another_key, patient_id = os.environ["REDIS_URL"], "MS0xANOTHER-au1", "123"

async def page(cliniko):
    f = cliniko.patients.filters
    ids = [patient.id async for patient in cliniko.patients.list()]
    before = cliniko.patients.changes(since=since)
    await before.all()
    last = before.cursor
{block}

async def main():
    async with AsyncCliniko() as cliniko:
        await page(cliniko)

asyncio.run(main())
"""
"""What surrounds a block that is no whole program."""

PATIENCE: Final = 90
"""Seconds after which a block that has not ended is taken for one that hangs."""

MIRRORED: Final = ("patients", "practitioners", "individual_appointments")


ROWS: Final = "old_reference_id,first_name,last_name\nA-3,Ada,Testperson\n"
"""A file that pages tell of."""


@attrs.frozen
class Block:
    """A block of code on a page."""

    page: str
    line: int
    language: str
    code: str

    @property
    def is_program(self) -> bool:
        """Whether it brings a loop of its own, or is a test."""
        return "asyncio.run(" in self.code or "asyncio.Runner(" in self.code

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(page.name, line, found[1], found[2])


def of(language: str, *but: str) -> pytest.MarkDecorator:
    found = [block for block in blocks() if block.language == language and block.page not in but]
    return pytest.mark.parametrize("block", found, ids=str)


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the blocks of a page leave their files for those behind them."""
    made = {page.name: tmp_path_factory.mktemp(page.stem) for page in PAGES}
    for folder in made.values():
        (folder / "patients.csv").write_text(ROWS)
    return made


@pytest.fixture
def emulator() -> Emulator:
    clinic = Clinic.seeded(patients=230, appointments=150)
    clinic.create("patients", id="123", first_name="Alba", last_name="Testperson")
    times = dict.fromkeys(("starts_at", "ends_at"), "2026-03-04T05:06:07Z")
    clinic.create("individual_appointments", id="456", patient_id="123", **times)
    return Emulator(clinic, limit=100_000)


async def ran(folder: Path, emulator: Emulator, *arguments: str, **more: str) -> str:
    """What a Python program prints, which has to end well."""
    async with running(emulator) as base_url:
        env = {
            **os.environ,
            "CLINIKO_API_KEY": "MS0xDOCS-au1",
            "CLINIKO_USER_AGENT": "Docs (docs@example.com)",
            "CLINIKO_BASE_URL": base_url,
            **more,
        }
        program = [sys.executable, *arguments]
        with anyio.fail_after(60):
            with anyio.fail_after(PATIENCE):
                done = await anyio.run_process(program, env=env, cwd=folder, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_there_are_languages_that_are_run_and_no_others() -> None:
    assert {block.language for block in blocks()} == {"python", "console", "sql", "toml"}


@of("python")
async def test_python(
    block: Block, emulator: Emulator, server: Server, folders: dict[str, Path]
) -> None:
    folder = folders[block.page]
    if "def test_" in block.code:
        (folder / "test_block.py").write_text(block.code)
        said = await ran(folder, emulator, "-m", "pytest", "-q", "-p", "no:asyncio")
        assert "1 passed" in said
        return
    code = block.code
    if not block.is_program:
        code = PRELUDE.replace("{block}", textwrap.indent(code, "    "))
    (folder / "block.py").write_text(code)
    said = await ran(folder, emulator, "block.py", REDIS_URL=server.url)
    # Comments say what is printed, where they begin with what it is.
    for line in code.splitlines():
        if line.lstrip().startswith("print(") and "  # " in line:
            told = re.split(r"\.\.\.|: ", line.partition("  # ")[2])[0].strip()
            if told.startswith(("<", "404")):
                assert told in said


@of("console")
async def test_console(block: Block, emulator: Emulator, folders: dict[str, Path]) -> None:
    folder = folders[block.page]
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for line in block.code.splitlines():
        for name in re.findall(r"nox -s ([a-z]+)", line):
            assert f"\ndef {name}(session" in (ROOT / "noxfile.py").read_text()
        for extras in re.findall(r"(?:cliniko-async|\"\.)\[([a-z,]+)\]", line):
            assert set(extras.split(",")) <= known["project"]["optional-dependencies"].keys()
        words = shlex.split(line)
        if words[0] != "cliniko":
            assert words[0] in ("pip", "python", "export"), "a command that is not run"
        elif words[1] == "emulator":
            await assert_serves(words[1:], folder)
        else:
            await ran(folder, emulator, "-m", "cliniko_async", *words[1:])


async def assert_serves(arguments: list[str], folder: Path) -> None:
    """The emulator's command serves on the port it is given: a free one, as blocks run together."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        arguments[arguments.index("--port") + 1] = str(free.getsockname()[1])
    program = [sys.executable, "-m", "cliniko_async", *arguments]
    async with await anyio.open_process(program, cwd=folder) as process:
        assert process.stdout
        with anyio.fail_after(60):
            said = await process.stdout.receive()
        process.terminate()
    port = arguments[arguments.index("--port") + 1]
    assert said.decode().startswith(f"http://127.0.0.1:{port}/v1 takes any key")


@pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
async def test_a_release_has_absolute_links(tmp_path: Path) -> None:
    (line,) = re.findall(r"^perl .*$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    shutil.copy(ROOT / "README.md", tmp_path)
    for name in ("host", "owner", "repository", "version"):
        line = line.replace(f"<{name}>", f"{name}.example")
    with anyio.fail_after(PATIENCE):
        await anyio.run_process(shlex.split(line), cwd=tmp_path)
    home = "https://host.example/owner.example/repository.example"
    links = re.findall(r"(!?)\[[^]]+\]\(([^)]+)\)", (tmp_path / "README.md").read_text())
    written = re.findall(r"!?\[[^]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert len(links) == len(written) > 10
    for (image, link), before in zip(links, written, strict=True):
        kind = "raw" if image else "blob"
        assert link == f"{home}/{kind}/vversion.example/{before}"
        assert (ROOT / before).exists()


@of("toml")
async def test_toml(block: Block, emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / FOLDER / FILE
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_text(block.code)
    said = await ran(
        tmp_path, emulator, "-m", "cliniko_async", "profiles", XDG_CONFIG_HOME=str(tmp_path)
    )
    for name, settings in tomllib.loads(block.code).items():
        assert f"{name}  key in " in said
        assert settings["user_agent"] in said


@of("sql", "reports.md")  # whose answers are tested with the views
async def test_sql(block: Block, emulator: Emulator, tmp_path: Path) -> None:
    mirror = ["-m", "cliniko_async", "mirror", "clinic.duckdb", *MIRRORED]
    told = re.search(r"-- (\w+ \w+), (\d+), (\d+): in the made-up clinic of (\S+)", block.code)
    clinic = Clinic.demo(date.fromisoformat(told[4])) if told else emulator.clinic
    await ran(tmp_path, Emulator(clinic, limit=100_000), *mirror)
    query = (
        f"import duckdb; print(duckdb.connect('clinic.duckdb').execute({block.code!r}).fetchall())"
    )
    said = await ran(tmp_path, emulator, "-c", query)
    assert "Staff" in said
    if told:
        assert said.strip() == f"[('{told[1]}', {told[2]}, {told[3]})]"
