"""The page about the command line says what `--help` says: options, choices, defaults."""

from __future__ import annotations

import html
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cliniko_async.cli import cliniko

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
PICTURES = sorted(PAGE.with_name("terminals").glob("*.svg"))

EVERYWHERE = {option for param in cliniko.params for option in param.opts} | {"--all-profiles"}
"""Options of the connection, which the page says once for all commands."""


def sections() -> Mapping[str, str]:
    """What the page says of each command."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    said = {part.partition("\n")[0].strip("`"): part for part in parts}
    return {title.split()[1]: text for title, text in said.items() if title.startswith("cliniko ")}


def rows(text: str) -> Mapping[str, str]:
    """The options that a section's table has, and what it says of each."""
    found = re.findall(r"^\| (`-.*?) \| (.*) \|$", text, flags=re.MULTILINE)
    return {re.findall(r"--[\w-]+", names)[0]: f"{names} {said}" for names, said in found}


def own_options(command: click.Command) -> Mapping[str, click.Option]:
    """A command's options by their long names, without those that all have."""
    options = [param for param in command.params if isinstance(param, click.Option)]
    named = {option.opts[-1]: option for option in options}
    return {name: option for name, option in named.items() if name not in EVERYWHERE}


@pytest.mark.parametrize("name", sorted(cliniko.commands))
def test_a_commands_table_has_its_options_and_no_other(name: str) -> None:
    options = own_options(cliniko.commands[name])
    text = sections().get(name, "")
    assert text or name in ("completion", "profiles"), "the page says nothing of it"
    assert set(rows(text)) == set(options)


@pytest.mark.parametrize("name", sorted(cliniko.commands))
def test_choices_and_defaults_are_those_of_the_command(name: str) -> None:
    said = rows(sections().get(name, ""))
    for long, option in own_options(cliniko.commands[name]).items():
        text = said[long]
        if isinstance(option.type, click.Choice):
            for choice in option.type.choices:
                assert f"`{choice}`" in text
        if option.show_default and not option.is_flag:
            assert f"{option.default} by default" in text.replace("`", ""), long
        for short in option.opts[:-1]:
            assert re.search(rf"`{short}\b", text)
        for value in re.findall(r"(\S+) by default", text):
            assert option.default is not None, (long, value)
        assert ("required" in text) is option.required


def test_arguments_are_those_of_the_command() -> None:
    for title in re.findall(r"^## `cliniko (.*)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        name, *words = re.sub(r"--\w+ \S+", "", title).split()
        arguments = [p for p in cliniko.commands[name].params if isinstance(p, click.Argument)]
        assert len(words) == len(arguments), title
        for word, argument in zip(words, arguments, strict=True):
            assert word.startswith("[") is not argument.required, title
            assert ("..." in word) is (argument.nargs == -1), title


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_recorded_terminal_shows_a_command_and_nothing_of_the_machine(picture: Path) -> None:
    """`scripts/record_terminals.py` makes them."""
    text = html.unescape(picture.read_text(encoding="utf-8")).replace("\xa0", " ")
    shown = re.findall(r"<text [^>]*>([^<]*)", text)
    prompt = next(line for line in shown if line.startswith("$ cliniko "))
    name, *arguments = shlex.split(prompt)[2:]
    if picture.stem != "typo":
        cliniko.commands[name].make_context(name, arguments)
    assert re.findall(r"https?://[^ \"]+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"/(tmp|root|home|Users|usr)\b", text)
    assert f"(terminals/{picture.name})" in PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_recorded_terminals_show_what_commands_say_now(tmp_path: Path) -> None:
    names = [picture.stem for picture in PICTURES if picture.stem != "export"]
    program = PAGE.parents[1] / "scripts" / "record_terminals.py"
    subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(program), str(tmp_path), *names],
        check=True,
        timeout=110,
        stdout=subprocess.DEVNULL,
    )
    for name in names:
        made = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        assert made == PAGE.with_name("terminals").joinpath(f"{name}.svg").read_text(
            encoding="utf-8"
        ), f"run scripts/record_terminals.py: {name} shows something else now"
