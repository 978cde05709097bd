"""`cliniko describe`, held against the table of facts, and the shell's completion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from cliniko_async.cli import cliniko
from cliniko_async.cli.catalogue import resource_names, with_verb
from cliniko_async.emulator.facts import load

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = {"CLINIKO_API_KEY": None, "CLINIKO_USER_AGENT": None, "CLINIKO_BASE_URL": None}

UNSAID = {"conflicts", "cancel", "archive", "unarchive", "delete"}
"""Verbs whose body or answer has no fields of a record."""


def described(resource: str) -> dict[str, Any]:
    run = CliRunner().invoke(cliniko, ["describe", resource, "--format", "json"], env=NOWHERE)
    assert run.exit_code == 0, run.output
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_it_names_every_verb_writable_field_and_filter_of_the_facts() -> None:
    facts = load()
    for name in with_verb("get"):
        said = described(name)
        verbs = {verb["name"] for verb in said["verbs"]}
        writable = {field["name"] for field in said["writable"]}
        for operation in facts.operations:
            if operation.path not in (f"/{name}", f"/{name}/{{id}}"):
                continue
            assert operation.kind in {*verbs, "other"}, operation
            if operation.kind == "list":
                assert said["filters"].keys() == operation.filters.keys(), operation
            if operation.body and operation.kind not in UNSAID:
                assert facts.bodies[operation.body].properties.keys() <= writable, operation


def test_what_a_create_needs_is_said() -> None:
    writable = {field["name"]: field for field in described("individual_appointments")["writable"]}
    assert writable["starts_at"]["on_create"] == "required"
    assert writable["starts_at"]["type"] == "date-time"
    assert writable["patient_id"]["type"] == "id"
    assert writable["notes"]["on_create"] == "optional"
    assert writable["notes"]["type"] == "text | null"


@pytest.mark.parametrize("columns", [38, 80, 200])
def test_every_page_fits_the_terminal(columns: int) -> None:
    for resource in resource_names():
        run = CliRunner().invoke(cliniko, ["describe", resource], env={"COLUMNS": str(columns)})
        assert run.exit_code == 0, run.output
        assert run.stdout.startswith(f"{resource}\n")
        longest = max(run.stdout.splitlines(), key=len)
        assert len(longest) <= columns, longest


def test_a_page_says_what_can_be_asked_and_included() -> None:
    run = CliRunner().invoke(cliniko, ["describe", "patients"], env=NOWHERE)
    lines = [line.split() for line in run.stdout.splitlines()]
    assert ["last_name", "=", "!=", "~", "~~", "?", "!?"] in lines
    assert ["archived", "archived", "records,", "which", "lists", "hide"] in lines


def test_without_a_name_it_says_what_there_is() -> None:
    run = CliRunner().invoke(cliniko, ["describe"], env=NOWHERE)
    said = [line.split()[0] for line in run.stdout.splitlines() if line.startswith("  ")]
    assert set(resource_names()) <= set(said)


def completed(*words: str) -> set[str]:
    """What a shell offers for the last word."""
    env = {
        "_CLINIKO_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["cliniko", *words]),
        "COMP_CWORD": str(len(words)),
    }
    run = CliRunner().invoke(cliniko, [], env=env, prog_name="cliniko", catch_exceptions=False)
    return {line.partition(",")[2] for line in run.output.splitlines() if line}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("li", "list"),
        ("list practitioner_", "practitioner_reference_numbers"),
        ("list patients -f id,em", "id,email id,emergency_contact"),
        ("list patients --include arch", "archived"),
        ("list patients --sort created", "created_at"),
        ("list patients accepted_p", "accepted_privacy_policy= accepted_privacy_policy!="),
        ("list patients --form", "--format"),
        ("list patients --format json", "jsonl json"),
        ("get sett", "settings"),
        ("list sett", ""),
        ("export --include archived,in", "archived,inactive"),
    ],
)
def test_names_complete(line: str, offered: str) -> None:
    assert completed(*line.split()) == set(offered.split())


ASKS = {
    "bash": """eval "$(cliniko completion bash)"
COMP_WORDS=({line}); COMP_CWORD={last}
_cliniko_completion cliniko
printf '%s\\n' "${{COMPREPLY[@]}}" """,
    "fish": "cliniko completion fish | source; complete -C '{line}'",
}
"""How a shell that is installed is asked what it would offer."""

LINES = [
    ("cliniko list pati", {"patients", "patient_cases", "patient_forms"}),
    ("cliniko list patients -f id,em", {"id,email", "id,emergency_contact"}),
]


@pytest.mark.slow
@pytest.mark.parametrize("shell", [shell for shell in ASKS if shutil.which(shell)])
@pytest.mark.parametrize(("line", "wanted"), LINES, ids=[line for line, _ in LINES])
def test_a_shell_completes(shell: str, line: str, wanted: set[str], tmp_path: Path) -> None:
    program = tmp_path / "cliniko"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cliniko_async "$@"\n')
    program.chmod(0o700)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = ASKS[shell].format(line=line, last=len(line.split()) - 1)
    asked = subprocess.run(  # noqa: S603 - our own lines
        [shutil.which(shell) or shell, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=env,
        timeout=60,
    )
    offered = {offer.split()[0] for offer in asked.stdout.splitlines() if offer.strip()}
    assert wanted <= offered, asked


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    run = CliRunner().invoke(cliniko, ["completion", shell])
    assert run.exit_code == 0, run.output
    assert f"_CLINIKO_COMPLETE={shell}_complete" in run.stdout
