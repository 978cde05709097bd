"""What commands look like on a terminal: whole words at any width, and waits that are told."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from click.testing import CliRunner, Result

from cliniko_async.cli import cliniko
from cliniko_async.cli.terminal import tell
from cliniko_async.cli.waits import waits_told

NARROW, WIDE = 38, 200
COMMANDS = sorted(cliniko.commands)


def helped(*arguments: str, columns: int) -> Result:
    return CliRunner().invoke(cliniko, [*arguments, "--help"], env={"COLUMNS": str(columns)})


@pytest.mark.parametrize("columns", [NARROW, 80, WIDE])
@pytest.mark.parametrize("command", [None, *COMMANDS], ids=str)
def test_help_ends_its_lines_between_words(command: str | None, columns: int) -> None:
    run = helped(*([command] if command else []), columns=columns)
    assert run.exit_code == 0
    too_long = [line for line in run.stdout.splitlines() if len(line) > columns]
    # What a shell has to read as one word cannot be broken.
    unbroken = re.compile(r"\S+|(-\S+ \[\S+\])|.*['\"].*")
    assert all(unbroken.fullmatch(line.strip()) for line in too_long), too_long


@pytest.mark.parametrize("columns", [NARROW, 80])
def test_every_command_is_described_by_a_whole_sentence(columns: int) -> None:
    run = helped(columns=columns)
    commands = run.stdout.partition("Commands:\n")[2]
    said = re.split(r"\n  (?=\S)", "\n" + commands)[1:]
    assert [text.split()[0] for text in said] == COMMANDS
    assert all(text.rstrip().endswith(".") for text in said)
    assert "..." not in commands


@pytest.mark.parametrize("command", COMMANDS)
def test_help_speaks_of_no_classes_and_formats(command: str) -> None:
    """`INTEGER RANGE`, `[x>=1]` and `%Y-%m-%d` are for programmers."""
    said = helped(command, columns=WIDE).stdout
    assert not re.search(r"RANGE|x[<>]=|%Y|\\b|\bTEXT\b|\bFLOAT\b|\bINTEGER\b", said)
    options = re.split(r"\n  (?=-)", "\n" + said.partition("Options:\n")[2])[1:]
    assert all(re.search(r"\S\s{2,}\w", text) for text in options), "an option without a word"


def test_examples_can_be_copied_from_a_narrow_terminal() -> None:
    said = helped("list", columns=NARROW).stdout
    example = said[said.index("  cliniko list patients") :].partition("\n\n")[0]
    assert len(example.splitlines()) > 1
    joined = " ".join(example.replace("\\\n", " ").split())
    assert joined == (
        "cliniko list patients 'updated_at>=2026-01-01' 'last_name~son' -f id,email -n 50"
    )


def test_what_is_wrong_is_said_in_lines_as_wide_as_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(NARROW))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pytest.raises(SystemExit) as ended:
        cliniko(["list", "patients", "last_name"], prog_name="cliniko")
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert max(map(len, said.splitlines())) <= NARROW
    assert "a condition is a field, an operator and a value" in said.replace("\n", " ")


def test_a_text_without_a_terminal_stays_one_line(capfdbinary: Any) -> None:
    tell("word " * 60)
    assert capfdbinary.readouterr().out.count(b"\n") == 1


class _Session:
    """A session whose limit stands as the test says."""

    def __init__(self) -> None:
        self.limiter = SimpleNamespace(free=5, waiting={"interactive": 0}, next_place=0)

    def wait(self, seconds: float | None) -> None:
        self.limiter = SimpleNamespace(free=0, waiting={"interactive": 1}, next_place=seconds)

    def go_on(self) -> None:
        self.limiter = SimpleNamespace(free=1, waiting={"interactive": 0}, next_place=0)


@pytest.mark.anyio
async def test_a_wait_for_the_limit_is_told_once_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    session: Any = _Session()
    async with waits_told(session):
        session.wait(0.5)  # a moment is not worth a line
        await anyio.sleep(0.6)
        session.go_on()
        await anyio.sleep(2)
        assert capsys.readouterr().err == ""
        session.wait(12.4)
        await anyio.sleep(5)
        assert capsys.readouterr().err == "waiting 12 s for the rate limit\n"
        session.go_on()
        await anyio.sleep(2)
        session.wait(None)
        await anyio.sleep(5)
        assert capsys.readouterr().err == "waiting for the rate limit\n"
    assert capsys.readouterr().out == ""


@pytest.mark.anyio
async def test_a_wait_is_not_told_to_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    session: Any = _Session()
    async with waits_told(session):
        session.wait(12)
        await anyio.sleep(5)
    assert capsys.readouterr().err == ""
