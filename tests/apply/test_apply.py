"""Bulk writes: what was planned is what happens, whatever is killed, lost or refused on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections import Counter
from contextlib import asynccontextmanager
from random import Random
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from sessions import AGENT

from cliniko_async import (
    AsyncCliniko,
    AuthenticationError,
    InvalidTypeError,
    InvalidValueError,
    RateLimit,
)
from cliniko_async.apply import Action, Apply, ApplySummary
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from pathlib import Path

pytestmark = pytest.mark.anyio

SLOW = pytest.mark.slow

Rows = list[dict[str, Any]]


@asynccontextmanager
async def session(
    transport: httpx.AsyncBaseTransport, **options: Any
) -> AsyncGenerator[AsyncCliniko]:
    async with AsyncCliniko(
        "MS0xAPPLY-au1",
        user_agent=AGENT,
        transport=transport,
        rate_limit=RateLimit(200, per=1, user="apply"),
        **options,
    ) as cliniko:
        yield cliniko


def clinic_with(*patients: Mapping[str, Any]) -> Clinic:
    clinic = Clinic(seed=1)
    for fields in patients:
        clinic.create("patients", **fields)
    return clinic


def references(clinic: Clinic) -> Counter[str]:
    return Counter(row["old_reference_id"] for row in clinic.records("patients"))


class Unsteady(httpx.AsyncBaseTransport):
    """Loses writes, or their answers, or lets them arrive late."""

    def __init__(self, emulator: Emulator, share: float, seed: int) -> None:
        self._inner = emulator.transport()
        self._share = share
        self._random = Random(seed)
        self.late: set[asyncio.Task[Any]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" or self._random.random() > self._share:
            return await self._inner.handle_async_request(request)
        fate = self._random.choice(("lost", "done", "late"))
        if fate == "done":
            await (await self._inner.handle_async_request(request)).aread()
        if fate == "late":
            self.late.add(asyncio.ensure_future(self._later(request)))
        raise httpx.ReadTimeout("no answer", request=request)

    async def _later(self, request: httpx.Request) -> None:
        await anyio.sleep(25)  # the server would cut it off at 30
        await self._inner.handle_async_request(request)


def messy(count: int, seed: int) -> tuple[Clinic, Rows]:
    """Rows as a practice's old system gives them, and a clinic that has some of them already."""
    random = Random(seed)
    rows: Rows = []
    there: list[dict[str, Any]] = []
    for number in range(count):
        row: dict[str, Any] = {
            "old_reference_id": f"L-{number:05}",
            "first_name": random.choice(("Ann", "Bo", "Cy")),
            "last_name": random.choice(("Lee", "Ng", "Ray")),
        }
        rows.append(row)
        kind = random.random()
        if kind < 0.1:
            there.append(row)  # nothing to do
        elif kind < 0.2:
            there.append({**row, "last_name": "Before"})  # to update
        elif kind < 0.25:
            rows.append({**row, "first_name": "Other"})  # doubled
        elif kind < 0.3:
            rows.append(dict(row))  # the same once more
        elif kind < 0.35:
            there += [row, row]  # ambiguous
        elif kind < 0.4:
            row["nickname"] = "no such field"  # invalid
        elif kind < 0.45:
            del row["old_reference_id"]  # without a key
    random.shuffle(rows)
    return clinic_with(*there), rows


async def test_a_plan_says_what_becomes_of_each_row_and_writes_nothing() -> None:
    archived = {"old_reference_id": "A", "first_name": "Al", "last_name": "Lee"}
    clinic = clinic_with(
        {"old_reference_id": "S", "first_name": "Same", "last_name": "Lee"},
        {"old_reference_id": "U", "first_name": "Before", "last_name": "Lee"},
        {"old_reference_id": "T", "first_name": "Two", "last_name": "Lee"},
        {"old_reference_id": "t", "first_name": "Two", "last_name": "Lee"},
        {**archived, "archived_at": "2026-01-01T00:00:00Z"},
    )
    emulator = Emulator(clinic)
    rows: Rows = [
        {"old_reference_id": "S", "first_name": "Same"},
        {"old_reference_id": "U", "first_name": "After"},
        {"old_reference_id": "N", "first_name": "New", "last_name": "Ng"},
        {"old_reference_id": "T", "first_name": "Two"},
        {"old_reference_id": "A", "first_name": "Al"},
        {"old_reference_id": "D", "first_name": "One"},
        {"old_reference_id": "D", "first_name": "Other"},
        {"old_reference_id": "X", "frist_name": "Typo"},
        {"first_name": "Keyless"},
    ]
    async with session(emulator.transport()) as cliniko:
        plan = await Apply(cliniko, "patients", rows, key="old_reference_id").plan()
    assert [outcome.state for outcome in plan.outcomes] == [
        *("unchanged", "update", "create", "ambiguous", "hidden"),
        *("doubled", "doubled", "invalid", "invalid"),
    ]
    assert plan.requests == 2
    assert "frist_name" in str(plan.outcomes[7].problems)
    assert "old_reference_id" in str(plan.outcomes[8].problems)
    assert {arrival.method for arrival in emulator.report.arrivals} == {"GET"}
    assert "Same" not in repr(plan) + repr(plan.outcomes)


@pytest.mark.parametrize("action", ["upsert", "update", "create"])
async def test_a_row_whose_record_is_hidden_is_not_taken_for_written(
    action: Action, tmp_path: Path
) -> None:
    clinic = clinic_with({"old_reference_id": "A", "first_name": "Old", "last_name": "Lee"})
    (record,) = clinic.records("patients")
    clinic.archive("patients", record["id"])
    rows: Rows = [{"old_reference_id": "A", "first_name": "New", "last_name": "Lee"}]
    async with session(Emulator(clinic).transport()) as cliniko:
        ledger = tmp_path / "ledger"
        job = Apply(cliniko, "patients", rows, key="old_reference_id", action=action, ledger=ledger)
        (outcome,) = (await job.run()).outcomes
    assert (outcome.state, outcome.id) == ("hidden", record["id"])
    assert "archived" in outcome.problems[0]
    assert [row["first_name"] for row in clinic.records("patients")] == ["Old"]


@pytest.mark.parametrize(
    ("count", "share", "seed"),
    [(150, 0.2, 0), (150, 0.2, 1), (150, 0.2, 2), pytest.param(3000, 0.05, 3, marks=SLOW)],
)
async def test_a_run_ends_as_planned_whatever_is_lost_on_the_way(
    tmp_path: Path, count: int, share: float, seed: int
) -> None:
    clinic, rows = messy(count, seed)
    emulator = Emulator(clinic, latency=0.05, jitter=0.04)
    transport = Unsteady(emulator, share, seed)
    async with session(transport) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=tmp_path / "l")
        plan = await job.plan()
        done = await job.run()
        again = await job.plan()
        await asyncio.gather(*transport.late)
    as_planned = {"create": "created", "update": "updated"}
    assert [as_planned.get(o.state, o.state) for o in plan.outcomes] == [
        outcome.state for outcome in done.outcomes
    ]
    assert again.requests == 0
    assert plan.requests > count / 3
    expected = references(clinic_with(*messy_before(count, seed)))
    for row, outcome in zip(rows, plan.outcomes, strict=True):
        if outcome.state == "create":
            expected[row["old_reference_id"]] += 1
    assert references(clinic) == expected


def messy_before(count: int, seed: int) -> Sequence[Mapping[str, Any]]:
    return [
        {name: row[name] for name in ("old_reference_id", "first_name", "last_name")}
        for row in messy(count, seed)[0].records("patients")
    ]


@pytest.mark.parametrize("seed", range(20))
async def test_a_run_killed_again_and_again_doubles_and_forgets_nothing(
    tmp_path: Path, seed: int
) -> None:
    clinic, rows = messy(60, seed)
    emulator = Emulator(clinic, latency=0.05, jitter=0.04)
    random = Random(seed)
    async with session(emulator.transport()) as cliniko:
        plan = await Apply(cliniko, "patients", rows, key="old_reference_id").plan()
    before = references(clinic)
    done: ApplySummary | None = None
    for _ in range(50):
        async with session(Unsteady(emulator, 0.1, seed)) as cliniko:
            job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=tmp_path / "l")
            with anyio.move_on_after(random.uniform(0.05, 45)):
                done = await job.run()
        if done:
            break
    assert done is not None
    assert plan.requests > 25
    created = {rows[o.row]["old_reference_id"] for o in plan.outcomes if o.state == "create"}
    assert references(clinic) == before + Counter(created)
    assert {o.state for o in done.outcomes} <= {
        *("created", "updated", "unchanged", "doubled", "ambiguous", "invalid"),
    }


async def test_what_the_api_refuses_is_told_by_field_and_stops_nobody(tmp_path: Path) -> None:
    emulator = Emulator(Clinic())
    rows: Rows = [
        {"old_reference_id": "1", "first_name": "Ann", "last_name": "Lee"},
        {"old_reference_id": "2", "first_name": "Ann"},
        {"old_reference_id": "3", "first_name": "Bo", "last_name": "Ng"},
    ]
    async with session(emulator.transport()) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=tmp_path / "l")
        done = await job.run()
    assert [outcome.state for outcome in done.outcomes] == ["created", "refused", "created"]
    assert "last_name" in done.outcomes[1].fields


async def test_a_key_that_is_not_valid_any_more_stops_the_run_and_it_goes_on_later(
    tmp_path: Path,
) -> None:
    clinic = Clinic()
    keys = {"MS0xAPPLY-au1": "ann"}
    emulator = Emulator(clinic, keys=keys)
    rows: Rows = [
        {"old_reference_id": str(n), "first_name": "Ann", "last_name": "Lee"} for n in range(40)
    ]

    def withdraw(method: str, _path: str) -> None:
        if method == "POST" and len(clinic.records("patients")) == 10:
            keys.clear()

    emulator.on_request(withdraw)
    async with session(emulator.transport()) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=tmp_path / "l")
        with pytest.raises(AuthenticationError):
            await job.run()
        emulator.watch_no_more()
        keys["MS0xAPPLY-au1"] = "ann"
        await job.run()
    assert references(clinic) == Counter(str(n) for n in range(40))


async def test_records_are_archived_in_bulk_by_id(tmp_path: Path) -> None:
    clinic = Clinic.seeded(patients=30, appointments=0)
    emulator = Emulator(clinic)
    ids = [row["id"] for row in clinic.records("patients") if not row["archived_at"]]
    gone = ids[3]
    rows = [{"id": id} for id in ids[:20]]
    async with session(emulator.transport()) as cliniko:
        await cliniko.patients.archive(gone)
        job = Apply(
            cliniko, "patients", rows, key="id", action="archive", ledger=tmp_path / "ledger"
        )
        done = await job.run()
    assert Counter(outcome.state for outcome in done.outcomes) == {"archived": 19, "unchanged": 1}
    hidden = [row["id"] for row in clinic.records("patients") if row["archived_at"]]
    assert set(ids[:20]) <= set(hidden)


async def test_a_ledger_holds_no_values_and_is_nobody_elses(tmp_path: Path) -> None:
    emulator = Emulator(Clinic())
    rows = [{"old_reference_id": "SECRET-1", "first_name": "Ann", "last_name": "SECRETLEE"}]
    ledger = tmp_path / "ledger"
    async with session(emulator.transport()) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=ledger)
        await job.run()
        content = ledger.read_text()
        assert "SECRET" not in content.upper()
        assert stat.S_IMODE(ledger.stat().st_mode) == 0o600
        other = Apply(cliniko, "contacts", [], key="id", action="archive", ledger=ledger)
        with pytest.raises(InvalidValueError, match="another job"):
            await other.run()


async def test_texts_of_a_file_become_fields_and_all_problems_are_told_at_once() -> None:
    emulator = Emulator(clinic_with({"old_reference_id": "1", "date_of_birth": "1990-12-31"}))
    rows: Rows = [
        {"old_reference_id": "1", "date_of_birth": "1990-12-31"},
        {
            "old_reference_id": "2",
            "date_of_birth": "31/12/1990",
            "accepted_privacy_policy": "SECRET",
        },
    ]
    async with session(emulator.transport()) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", texts=True)
        plan = await job.plan()
    assert [outcome.state for outcome in plan.outcomes] == ["unchanged", "invalid"]
    said = str(plan.outcomes[1].problems)
    assert "date_of_birth" in said
    assert "accepted_privacy_policy" in said
    assert "1990" not in said + repr(plan.outcomes)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"key": "last_nam"}, "last_name"),
        ({"key": "notes"}, "is not a field to find records by"),
        ({"key": ()}, "names the fields"),
        ({"key": "id", "action": "delete"}, "upsert"),
        ({"resource": "settings", "key": "id"}, "settings cannot be written so"),
    ],
)
async def test_what_cannot_be_is_said_before_a_request_is_spent(
    wrong: dict[str, Any], said: str
) -> None:
    emulator = Emulator(Clinic())
    async with session(emulator.transport()) as cliniko:
        with pytest.raises(InvalidValueError, match=said):
            Apply(cliniko, wrong.pop("resource", "patients"), [], **wrong)
    assert emulator.report.requests == 0


PROGRAM = """
import asyncio, json, sys
from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.apply import Apply, _run

_run.SETTLED = 3  # this server answers within milliseconds

async def main():
    rows = json.load(open(sys.argv[1]))
    limit = RateLimit(200, per=1)
    async with AsyncCliniko("MS0xAPPLY-au1", user_agent="Tests (tests@example.com)",
                            base_url=sys.argv[3], rate_limit=limit) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=sys.argv[2])
        print((await job.run()).counts)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_processes_that_are_killed_leave_a_ledger_to_go_on_from(tmp_path: Path) -> None:
    clinic = Clinic()
    emulator = Emulator(clinic, limit=200, per=1, latency=0.02)
    rows = [
        {"old_reference_id": str(n), "first_name": "Ann", "last_name": "Lee"} for n in range(300)
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "apply.py").write_text(PROGRAM)
    async with running(emulator) as base_url:
        program = [sys.executable, str(tmp_path / "apply.py")]
        arguments = [str(tmp_path / "rows.json"), str(tmp_path / "ledger"), base_url]
        with anyio.fail_after(100):
            async with await anyio.open_process([*program, *arguments]) as process:
                while len(clinic.records("patients")) < 60:  # noqa: ASYNC110 - records have no events
                    await anyio.sleep(0.005)
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()  # which holds the ledger until then
            said = await anyio.run_process([*program, *arguments])
    assert references(clinic) == Counter(str(n) for n in range(300))
    assert b"'created'" in said.stdout


ANN: Mapping[str, Any] = {"first_name": "Ann", "last_name": "Lee"}


@pytest.mark.parametrize("others", [0, 250])
@pytest.mark.parametrize(
    ("there", "given"),
    [
        ("l-00001", " L-00001 "),
        ("Ze\u0301", "Z\u00e9"),
        ("L%1", "l%1"),
        ("a\\b_c", "A\\b_c"),
        ("Ō", "ō"),
    ],
)
async def test_a_key_finds_its_record_however_many_there_are(
    there: str, given: str, others: int
) -> None:
    # With many records each key is asked for, with few the whole list is: both compare alike.
    more = ({**ANN, "old_reference_id": f"other {n}"} for n in range(others))
    clinic = clinic_with({**ANN, "old_reference_id": there}, *more)
    rows = [{**ANN, "old_reference_id": given}, {**ANN, "old_reference_id": "not there"}]
    async with session(Emulator(clinic).transport()) as cliniko:
        plan = await Apply(cliniko, "patients", rows, key="old_reference_id").plan()
    assert [outcome.state for outcome in plan.outcomes] == ["update", "create"]


async def test_rows_with_similar_keys_are_not_taken_for_several_records(tmp_path: Path) -> None:
    rows = [{**ANN, "old_reference_id": f"L-000{n}"} for n in ("1", "11", "111")]
    clinic = clinic_with(*rows, *({**ANN, "old_reference_id": f"x{n}"} for n in range(400)))
    async with session(Emulator(clinic).transport()) as cliniko:
        summary = await Apply(
            cliniko, "patients", rows, key="old_reference_id", ledger=tmp_path / "ledger"
        ).run()
    assert summary.counts == {"unchanged": 3}


@pytest.mark.parametrize("key", ["id", "old_reference_id"])
async def test_a_row_with_an_id_is_never_created_nor_written_to_another_record(
    key: str, tmp_path: Path
) -> None:
    clinic = clinic_with({**ANN, "old_reference_id": "L-1"})
    rows = [
        {**ANN, "id": "999", "old_reference_id": "L-1"},
        {**ANN, "id": "998", "old_reference_id": "L-2"},
    ]
    async with session(Emulator(clinic).transport()) as cliniko:
        summary = await Apply(cliniko, "patients", rows, key=key, ledger=tmp_path / "l").run()
    expected = {"missing": 2} if key == "id" else {"invalid": 1, "missing": 1}
    assert summary.counts == expected
    assert references(clinic) == {"L-1": 1}


async def test_a_wrong_id_is_told_by_its_row_and_the_others_go_on() -> None:
    clinic = clinic_with(ANN)
    (patient,) = clinic.records("patients")
    rows = [{"id": "x", **ANN}, {"id": None, **ANN}, {"id": int(patient["id"]), **ANN}]
    async with session(Emulator(clinic).transport()) as cliniko:
        plan = await Apply(cliniko, "patients", rows, key="id").plan()
        with pytest.raises(InvalidTypeError, match="row 1 is not a mapping") as caught:
            Apply(cliniko, "patients", [ANN, "first_name"], key="id")  # type: ignore[list-item]
    # As crash reporters do, which show the `Apply` that could not be made.
    assert TracebackException.from_exception(caught.value, capture_locals=True)
    assert [outcome.state for outcome in plan.outcomes] == ["invalid", "invalid", "unchanged"]


async def test_a_new_run_puts_right_what_was_changed_since_the_last_one(tmp_path: Path) -> None:
    clinic, rows = Clinic(seed=1), [{**ANN, "old_reference_id": "L-1"}]
    async with session(Emulator(clinic).transport()) as cliniko:

        async def run() -> Mapping[str, int]:
            job = Apply(
                cliniko, "patients", rows, key="old_reference_id", ledger=tmp_path / "ledger"
            )
            plan = await job.plan()
            summary = await job.run()
            assert len(plan.outcomes) == len(summary.outcomes)
            return summary.counts

        assert await run() == {"created": 1}
        clinic.update("patients", clinic.records("patients")[0]["id"], first_name="Bo")
        assert await run() == {"updated": 1}
        assert await run() == {"unchanged": 1}
    assert clinic.records("patients")[0]["first_name"] == "Ann"


@pytest.mark.parametrize(
    "content", [b'[{"first_name": "Ann"}]', b"notes of mine", b"first_name\nAnn\n", b"{}\n"]
)
async def test_a_file_that_is_not_a_ledger_stays_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(content)
    async with session(Emulator(Clinic()).transport()) as cliniko:
        for ledger in (path, tmp_path):
            job = Apply(cliniko, "patients", [{"id": "1", **ANN}], key="id", ledger=ledger)
            with pytest.raises(InvalidValueError, match="ledger"):
                await job.run()
    assert path.read_bytes() == content


async def test_a_damaged_ledger_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path, rows = tmp_path / "ledger", [{**ANN, "old_reference_id": "L-1"}]
    async with session(Emulator(Clinic()).transport()) as cliniko:
        job = Apply(cliniko, "patients", rows, key="old_reference_id", ledger=path)
        await job.run()
        head, first, *others = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join([head, first[:9], *others]))
        with pytest.raises(InvalidValueError, match="damaged: name another file"):
            await job.run()
