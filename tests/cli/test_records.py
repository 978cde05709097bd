"""`cliniko list`, `get`, `count`, `request`, `free-times`: records at a terminal and in pipes."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from commands import invoked, objects

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.records import linked_id

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=230, appointments=150), limit=100_000)


def patients(emulator: Emulator, *, hidden: bool = False) -> list[dict[str, Any]]:
    records = emulator.clinic.records("patients")
    return [r for r in records if hidden or not (r.get("archived_at") or r.get("deleted_at"))]


async def test_in_a_pipe_records_are_lines_as_the_api_sent_them(emulator: Emulator) -> None:
    run = await invoked(emulator, "list", "patients")
    shown = {row["id"]: row for row in objects(run)}
    assert list(shown) == [record["id"] for record in patients(emulator)]
    for record in patients(emulator):
        sent = shown[record["id"]]
        assert sent.keys() >= record.keys()
        assert sent["notes"] == record["notes"]
        assert sent["invoices"]["links"]["self"].endswith(f"/patients/{record['id']}/invoices")


async def test_fields_are_those_that_were_asked_for(emulator: Emulator) -> None:
    run = await invoked(
        emulator, "list", "individual_appointments", "-f", "id,patient_id", "-f", "starts_at"
    )
    rows = objects(run)
    assert rows
    for row in rows:
        record = emulator.clinic.find("individual_appointments", row["id"])
        assert record
        assert list(row) == ["id", "patient_id", "starts_at"]
        assert row["patient_id"] == linked_id(record["patient"])
        assert row["starts_at"] == record["starts_at"]


async def test_conditions_sort_and_limit(emulator: Emulator) -> None:
    run = await invoked(
        emulator,
        *("list", "patients", "last_name~Test", "created_at>=2021-03-04"),
        *("-f", "id", "--sort", "-created_at", "-n", "5"),
    )
    found = [
        r
        for r in patients(emulator)
        if "Test" in r["last_name"] and r["created_at"] >= "2021-03-04"
    ]
    newest = sorted((r["created_at"] for r in found), reverse=True)[:5]
    by_id = {r["id"]: r["created_at"] for r in found}
    assert [by_id[row["id"]] for row in objects(run)] == newest


async def test_hidden_records_appear_when_they_are_included(emulator: Emulator) -> None:
    every = {r["id"] for r in emulator.clinic.records("patients")}
    run = await invoked(emulator, "list", "patients", "--include", "archived", "-f", "id")
    assert {row["id"] for row in objects(run)} == every
    count = await invoked(emulator, "count", "patients", "--include", "all")
    assert count.stdout == f"{len(every)}\n"
    count = await invoked(emulator, "count", "patients")
    assert count.stdout == f"{len(patients(emulator))}\n"


async def test_a_table_shows_ids_and_times_and_nobodys_name(emulator: Emulator) -> None:
    run = await invoked(emulator, "list", "patients", "--format", "table", "-n", "150")
    assert run.exit_code == 0
    lines = run.stdout.splitlines()
    assert lines[0].split() == ["id", "created_at", "updated_at"]
    assert [line.split()[0] for line in lines[1:]] == [r["id"] for r in patients(emulator)[:150]]
    for record in patients(emulator):
        assert record["last_name"] not in run.stdout
        assert record["email"] not in run.stdout


async def test_a_table_shows_names_when_they_are_asked_for(emulator: Emulator) -> None:
    fields = ("-f", "id,first_name,accepted_privacy_policy")
    run = await invoked(emulator, "list", "patients", "--format", "table", *fields)
    lines = run.stdout.splitlines()
    assert lines[0].split() == ["id", "first_name", "accepted_privacy_policy"]
    first = patients(emulator)[0]
    policy = str(first["accepted_privacy_policy"]).lower()
    assert lines[1].split() == [first["id"], first["first_name"], policy]


async def test_where_a_table_is_too_wide_each_record_is_a_block(emulator: Emulator) -> None:
    narrow = {"COLUMNS": "38"}
    run = await invoked(emulator, "list", "patients", "--format", "table", "-n", "2", env=narrow)
    first = patients(emulator)[0]
    expected = [f"id          {first['id']}", f"created_at  {first['created_at']}"]
    assert run.stdout.splitlines()[:2] == expected
    assert max(map(len, run.stdout.splitlines())) <= 38


async def test_a_value_cannot_write_to_the_terminal(emulator: Emulator) -> None:
    name = "\x1b]0;pwned\x07[red]\u202eA\nB"
    one = emulator.clinic.create("patients", first_name=name, last_name="Testperson")
    fields = ("-f", "id,first_name", "--format", "table")
    run = await invoked(emulator, "list", "patients", f"id={one['id']}", *fields)
    assert "]0;pwned[red]A⏎B" in run.stdout
    assert "\x1b" not in run.stdout
    assert "\u202e" not in run.stdout


async def test_csv_can_be_read_back(emulator: Emulator) -> None:
    emulator.clinic.create("patients", first_name='A "quoted", name', last_name="Line\nend")
    run = await invoked(emulator, "list", "patients", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(run.stdout, newline="")))
    assert [row["id"] for row in rows] == [r["id"] for r in patients(emulator)]
    assert rows[-1]["first_name"] == 'A "quoted", name'
    assert rows[-1]["last_name"] == "Line\nend"
    assert "appointments" not in rows[0]
    assert "referring_doctor_id" in rows[0]


@pytest.mark.parametrize("conditions", [[], ["last_name=Nobody"]], ids=["all", "none"])
async def test_json_is_one_array(emulator: Emulator, conditions: list[str]) -> None:
    run = await invoked(emulator, "list", "patients", *conditions, "--format", "json", "-f", "id")
    ids = [] if conditions else [r["id"] for r in patients(emulator)]
    assert json.loads(run.stdout) == [{"id": id} for id in ids]


async def test_csv_of_nothing_has_its_names(emulator: Emulator) -> None:
    arguments = ("list", "patients", "last_name=Nobody", "-f", "id,email", "--format", "csv")
    assert (await invoked(emulator, *arguments)).stdout == "id,email\n"


async def test_few_records_cost_few_requests(emulator: Emulator) -> None:
    await invoked(emulator, "list", "patients", "-n", "5")
    assert emulator.report.requests <= 3


async def test_get_keeps_the_order_asked(emulator: Emulator) -> None:
    ids = [r["id"] for r in patients(emulator)[:150]][::-1]
    run = await invoked(emulator, "get", "patients", *ids, "-f", "id,email")
    assert [row["id"] for row in objects(run)] == ids
    assert emulator.report.requests == 2


async def test_get_says_how_many_were_not_found_and_shows_the_others(emulator: Emulator) -> None:
    one = patients(emulator)[0]["id"]
    run = await invoked(emulator, "get", "patients", "999", one, "-f", "id")
    assert run.exit_code == 1
    assert json.loads(run.stdout) == {"id": one}
    assert "1 of these patients was not found" in run.stderr
    assert "--include" in run.stderr


async def test_get_finds_hidden_records(emulator: Emulator) -> None:
    hidden = next(r for r in emulator.clinic.records("patients") if r.get("archived_at"))
    run = await invoked(emulator, "get", "patients", hidden["id"], "--include", "archived")
    assert objects(run)[0]["id"] == hidden["id"]


async def test_settings_are_one_record(emulator: Emulator) -> None:
    run = await invoked(emulator, "get", "settings", "-f", "terminology")
    assert json.loads(run.stdout)[0]["terminology"]["patient"] == "patient"


async def test_request_shows_json(emulator: Emulator) -> None:
    run = await invoked(emulator, "request", "GET", "/taxes", "-p", "per_page=1")
    assert json.loads(run.stdout)["taxes"][0]["name"] == "GST"


async def test_request_writes_only_when_it_is_told_twice(emulator: Emulator) -> None:
    tax = emulator.clinic.records("taxes")[0]["id"]
    body = b'{"name": "VAT"}'
    arguments = ("request", "PATCH", f"/taxes/{tax}", "--body", "-")
    refused = await invoked(emulator, *arguments, stdin=body)
    assert (refused.exit_code, emulator.report.requests) == (2, 0)
    assert "--write" in refused.stderr
    done = await invoked(emulator, *arguments, "--write", stdin=body)
    assert json.loads(done.stdout)["name"] == "VAT"
    assert emulator.clinic.records("taxes")[0]["name"] == "VAT"


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["list", "patiens"], "did you mean patients?"),
        (["count", "patiens"], "did you mean patients?"),
        (["get", "patiens", "1"], "did you mean patients?"),
        (["describe", "patiens"], "did you mean patients?"),
        (["export", "patiens", "--to", "never"], "did you mean patients?"),
        (["export", "--to", "never", "--include", "archivd"], "did you mean archived?"),
        (["mirror", "never.duckdb", "patiens"], "did you mean patients?"),
        (["list", "settings"], "cliniko describe settings"),
        (["list", "patients", "-f", "emial"], "did you mean email?"),
        (["list", "patients", "--sort", "-createdat"], "did you mean created_at?"),
        (["list", "patients", "--sort", "custom_fields"], "there is no field 'custom_fields'"),
        (["list", "patients", "--include", "archive"], "did you mean archived?"),
        (["list", "patients", "emial?"], "did you mean email?"),
        (["list", "patients", "--format", "xml"], "'table', 'jsonl', 'json', 'csv'"),
        (["get", "patients", "abc"], "string of digits"),
        (["list"], "RESOURCE is missing: `cliniko describe`"),
        (["request"], "METHOD is missing: write"),
        (["free-times", "--business", "1"], "--practitioner is missing. Id of a practitioner"),
        (["list", "patients", "last_name~"], "write what last_name contains"),
        (["list", "patients", "-n", "0"], "write a whole number from 1 on"),
        (["doctor", "--reads", "many"], "write a whole number from 1 on"),
        (["watch", "patients", "--state", "x", "--since", "now"], "write a day, 2026-05-31, or"),
        (["emulator", "--requests", "0"], "write a whole number from 1 on"),
        (["request", "GET", "taxes"], "a path begins with a slash"),
        (["patients"], "did you mean `cliniko list patients`?"),
        (["help"], "write `cliniko --help`"),
        (["get", "patients"], "at least one id"),
        (["get", "settings", "1"], "leave out the id"),
        (["request", "GET", "/taxes", "-p", "q"], "NAME=VALUE"),
        (["lits", "patients"], "did you mean list?"),
        (["list", "patients", "--fomat", "csv"], "--format"),
    ],
    ids=str,
)
async def test_what_cannot_be_ends_with_2_and_advice_before_a_request(
    emulator: Emulator, arguments: list[str], advice: str
) -> None:
    run = await invoked(emulator, *arguments)
    assert run.exit_code == 2, run.output
    assert advice in run.stderr
    assert emulator.report.requests == 0


async def test_what_the_api_refuses_ends_with_1(emulator: Emulator) -> None:
    run = await invoked(emulator, "request", "GET", "/taxes/999")
    assert run.exit_code == 1
    assert run.stderr.startswith("Error: ")
    assert "404" in run.stderr
    assert "--include" not in run.stderr  # which this command has not


@pytest.mark.slow
async def test_a_server_that_is_not_there_is_asked_about(emulator: Emulator) -> None:
    env = {"CLINIKO_BASE_URL": "http://127.0.0.1:9/v1"}
    run = await invoked(emulator, "whoami", env=env)
    assert run.exit_code == 1
    assert "is there a server at http://127.0.0.1:9/v1?" in run.stderr


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ("CLINIKO_API_KEY", "set CLINIKO_API_KEY, or name a --profile"),
        ("CLINIKO_USER_AGENT", "set CLINIKO_USER_AGENT to"),
    ],
)
async def test_what_is_not_set_is_named(emulator: Emulator, missing: str, advice: str) -> None:
    run = await invoked(emulator, "count", "patients", env={missing: None})
    assert (run.exit_code, emulator.report.requests) == (1, 0)
    assert advice in run.stderr


async def test_free_times_are_those_of_the_library(emulator: Emulator) -> None:
    clinic = emulator.clinic
    business, kind = (clinic.records(name)[0]["id"] for name in ("businesses", "appointment_types"))
    practitioner = clinic.records("practitioners")[0]["id"]
    run = await invoked(
        emulator,
        *("free-times", "--business", business, "--practitioner", practitioner, "--type", kind),
        *("--from", "2099-01-05", "--to", "2099-01-08"),
    )
    rows = objects(run)
    # This practitioner is here on Mondays and Wednesdays from 9 o'clock, in Melbourne's summer.
    assert rows[0] == {
        "appointment_start": "2099-01-04T22:00:00Z",
        "practitioner_id": practitioner,
    }
    zone = ZoneInfo("Australia/Melbourne")
    local = [datetime.fromisoformat(row["appointment_start"]).astimezone(zone) for row in rows]
    assert {f"{start:%a %d}" for start in local} == {"Mon 05", "Wed 07"}


@pytest.mark.parametrize("order", [(), ("--sort", "-created_at"), ("--include", "archived")])
async def test_a_few_records_cost_one_request(emulator: Emulator, order: tuple[str, ...]) -> None:
    run = await invoked(emulator, "list", "patients", "-f", "id", "-n", "5", *order)
    assert len(objects(run)) == 5
    assert emulator.report.requests == 1
