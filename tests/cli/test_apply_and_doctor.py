"""`cliniko apply` and `cliniko doctor`, as a person runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from commands import invoked

from cliniko_async.emulator import Clinic, Emulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

ROWS = """\
old_reference_id,first_name,last_name,date_of_birth,accepted_privacy_policy,email
L-1,Ann,Lee,1990-12-31,yes,
L-2,Bo,Ng,,,bo@example.com
L-3,Cy,Ray,31/12/1990,,
L-2,Bo,Other,,,
"""


@pytest.fixture
def anyio_backend() -> str:
    """The command has a loop of its own, and real time."""
    return "asyncio"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file as a spreadsheet writes it."""
    path = tmp_path / "patients.csv"
    path.write_text(ROWS, encoding="utf-8-sig")
    return path


async def test_a_plan_says_which_rows_need_attention_and_writes_nothing(rows: Path) -> None:
    emulator = Emulator(Clinic())
    run = await invoked(
        emulator, "apply", str(rows), "--to", "patients", "--key", "old_reference_id", "--plan"
    )
    assert run.exit_code == 0, run.output
    assert "create 1, doubled 2, invalid 1" in run.output
    assert "row 3: invalid: date_of_birth" in run.output
    assert "1990" not in run.output
    assert "1 request to write" in run.output
    assert not emulator.clinic.records("patients")


async def test_rows_are_written_once_however_often_it_is_run(rows: Path) -> None:
    emulator = Emulator(Clinic())
    arguments = ("apply", str(rows), "--to", "patients", "--key", "old_reference_id")
    first = await invoked(emulator, *arguments)
    second = await invoked(emulator, *arguments, "--format", "json")
    (patient,) = emulator.clinic.records("patients")
    assert patient["date_of_birth"] == "1990-12-31"
    assert patient["accepted_privacy_policy"] is True
    assert "created 1" in first.output
    assert second.exit_code == 1, second.output  # rows are left that nobody has written
    states = [row["state"] for row in json.loads(second.stdout)]
    assert states == ["unchanged", "doubled", "invalid", "doubled"]
    assert rows.with_name("patients.csv.ledger").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.xlsx", b"", ".csv"),
        ("rows.csv", b"\xff\xfe\x00", "UTF-8"),
        ("rows.json", b"{}", ".json"),
        ("rows.csv", b"email,notes\na@example.com,sick,since May\n", "line 2: it has more cells"),
        ("rows.csv", b'email,notes\na@example.com,"sick\nb@example.com,well\n', "holds rows"),
        ("rows.csv", b"email,notes,email\na@example.com,,\n", "two columns named email"),
        ("rows.csv", b"email;notes\na@example.com;well\n", "semicolons"),
    ],
)
async def test_a_file_of_another_kind_is_refused_before_a_request(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    emulator = Emulator(Clinic())
    run = await invoked(emulator, "apply", str(path), "--to", "patients", "--key", "email")
    assert run.exit_code == 1
    assert said in run.output
    assert "sick" not in run.output
    assert emulator.report.requests == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", "last_name , email\r\n\r\n,\r\nLee,a@example.com,\r\n"),
        ("rows.json", '[{"last_name": "Lee", "email": "a@example.com"}]'),
        ("rows.jsonl", '{"last_name": "Lee", "email": "a@example.com"}\r\n\r\n'),
    ],
)
async def test_files_as_other_programs_write_them_are_read(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8-sig", newline="")
    run = await invoked(
        Emulator(Clinic()), "apply", str(path), "--to", "patients", "--key", "email", "--plan"
    )
    assert run.exit_code == 0, run.output
    assert run.output.startswith("create 1\n"), run.output


async def test_the_doctors_report_comes_as_text_and_as_json() -> None:
    emulator = Emulator(Clinic.seeded(patients=5, appointments=5))
    text = await invoked(emulator, "doctor")
    report = json.loads((await invoked(emulator, "doctor", "--format", "json")).stdout)
    assert text.exit_code == 0, text.output
    assert "patients: status 200, " in text.output
    assert report["requests"] <= 80
