"""The emulator's lists, held against what is known of the API's: filters, parents, faults, size."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.facts import load

if TYPE_CHECKING:
    from cliniko_async.emulator.facts import Operation
    from cliniko_async.emulator.faults import Fault

pytestmark = pytest.mark.anyio

MORNING = "2026-01-05T09:00:00Z"
NOON = "2026-01-05T12:00:00Z"
EVENING = "2026-01-05T18:00:00Z"


def client(emulator: Emulator) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=emulator.transport(),
        base_url="https://api.au1.cliniko.com/v1/",
        auth=("MS0xTEST-au1", ""),
        headers={"User-Agent": AGENT},
    )


@pytest.fixture(scope="module")
def emulator() -> Emulator:
    """A clinic of which everything is known by its name."""
    clinic = Clinic()
    for name, number, day, closed, owner in (
        ("a", 1, "2026-01-31", MORNING, "11"),
        ("b", 2, "2026-05-01", NOON, "12"),
        ("c", 3, "2025-05-31", EVENING, "13"),
        ("none", None, None, None, None),
    ):
        made = clinic.create("invoices", notes=name, closed_at=closed, patient_id=owner)
        # The API's document says that these are never null.
        clinic.spoil("invoices", made["id"], number=number, issue_date=day)
    for name, category, shown, templates in (
        ("a", "Massage", True, ["7", "17"]),
        ("b", "massage 50% off", False, ["17"]),
        ("c", "Physio.", True, []),
        ("empty", "", False, []),
        ("none", None, False, None),
    ):
        clinic.create(
            "appointment_types",
            name=name,
            category=category,
            show_in_online_bookings=shown,
            appointment_reminder_template_ids=templates,
        )
    return Emulator(clinic, limit=100_000)


CONDITIONS = {
    "invoices": {
        # Whole numbers.
        "number:=2": "b",
        "number:=1,3,9": "a c",
        "number:>=2": "b c",
        "number:>2": "c",
        "number:<=2": "a b",
        "number:<2": "a",
        "number:?": "a b c",
        "number:!?": "none",
        # Ids, of which relations show no more than a link.
        "patient_id:=12": "b",
        "patient_id:=11,13": "a c",
        "patient_id:>11": "b c",
        "patient_id:<=11": "a",
        "patient_id:?": "a b c",
        "patient_id:!?": "none",
        # Dates, with stars for digits.
        "issue_date:=2026-05-01": "b",
        "issue_date:=****-05-**": "b c",
        "issue_date:=2026-**-**": "a b",
        "issue_date:=****-**-*1": "a b c",
        "issue_date:>=2026-01-31": "a b",
        "issue_date:>2026-01-31": "b",
        "issue_date:<=2026-01-31": "a c",
        "issue_date:<2026-01-31": "c",
        "issue_date:?": "a b c",
        "issue_date:!?": "none",
        # Moments.
        f"closed_at:>={NOON}": "b c",
        f"closed_at:>{NOON}": "c",
        f"closed_at:<={NOON}": "a b",
        f"closed_at:<{NOON}": "a",
        "closed_at:?": "a b c",
        "closed_at:!?": "none",
        "closed_at:*": "a b c none",
    },
    "appointment_types": {
        # Texts: `~` looks for a part, `~~` takes % for anything.
        "category:=Massage": "a",
        "category:~assage": "a b",
        "category:~50% off": "b",
        "category:~.": "c",
        "category:~~%off": "b",
        "category:~~Phys%": "c",
        "category:~~%s%": "a b c",
        "category:~~assage": "",
        "category:~~M.ssage": "",
        "category:?": "a b c empty",
        "category:!?": "none",
        # Booleans.
        "show_in_online_bookings:=true": "a c",
        "show_in_online_bookings:=false": "b empty none",
        "show_in_online_bookings:!=true": "b empty none",
        # Lists: one of its values, whole.
        "appointment_reminder_template_ids:~7": "a",
        "appointment_reminder_template_ids:~17": "a b",
        "appointment_reminder_template_ids:~1": "",
    },
}
ROWS = {"invoices": "notes", "appointment_types": "name"}


@pytest.mark.parametrize(
    ("resource", "condition", "names"),
    [(r, condition, names) for r, said in CONDITIONS.items() for condition, names in said.items()],
)
async def test_an_operator_means_what_is_documented(
    emulator: Emulator, resource: str, condition: str, names: str
) -> None:
    async with client(emulator) as api:
        answer = (await api.get(resource, params={"q[]": condition})).json()
    assert [row[ROWS[resource]] for row in answer[resource]] == names.split()
    assert answer["total_entries"] == len(names.split())


REFUSED = {
    "invoices": [
        "closed_at:=2026-01-05T12:00:00Z",
        "closed_at:!=2026-01-05T12:00:00Z",
        "closed_at:>2026-01-05",
        "closed_at:>2026-01-05T12:00:00",
        "issue_date:!=2026-05-01",
        "issue_date:*",
        "issue_date:=May",
        "issue_date:~2026",
        "number:*",
        "number:~1",
        "number:=one",
        "number:!=1,2",
        "number:>1,2",
        "patient_id:~11",
        "number:?1",
        "notes:=a",
        "=1",
        "",
    ],
    "appointment_types": [
        "category:>Massage",
        "category:*",
        "show_in_online_bookings:?",
        "show_in_online_bookings:=yes",
        "show_in_online_bookings:~true",
        "appointment_reminder_template_ids:=7",
        "appointment_reminder_template_ids:!?",
        "name:=a",
    ],
}


@pytest.mark.parametrize(
    ("resource", "condition"), [(r, text) for r, texts in REFUSED.items() for text in texts]
)
async def test_what_is_not_documented_is_refused_and_not_passed_over(
    emulator: Emulator, resource: str, condition: str
) -> None:
    async with client(emulator) as api:
        answer = await api.get(resource, params={"q[]": condition})
    assert answer.status_code == 400
    assert isinstance(answer.json()["message"], str)


async def test_percent_and_plus_have_to_be_escaped(emulator: Emulator) -> None:
    early = "2026-01-05T22:00:00%2B10:00"  # noon
    async with client(emulator) as api:
        escaped = await api.get(f"invoices?q[]=closed_at:>={early}")
        plain = await api.get(f"invoices?q[]=closed_at:>={early.replace('%2B', '+')}")
        both_ways = await api.get("invoices?q%5B%5D=number%3A%3D2")
    assert [row["notes"] for row in escaped.json()["invoices"]] == ["b", "c"]
    assert plain.status_code == 400
    assert [row["notes"] for row in both_ways.json()["invoices"]] == ["b"]


LISTS = [o for o in load().operations if o.kind == "list" and not o.path.endswith("_times")]
"""All but free times, which are computed."""


def key_of(operation: Operation) -> str:
    """The member that holds a list's rows: the last segment that is a noun."""
    return [s for s in operation.path.split("/") if s not in ("active", "inactive")][-1]


def path_to(operation: Operation, clinic: Clinic) -> str:
    """A list's path, with parents that are there."""

    def parent(found: re.Match[str]) -> str:
        home = {"appointments": "individual_appointments"}.get(found[1], found[1])
        return f"{found[1]}/{clinic.create(home)['id']}"

    return re.sub(r"(\w+)/\{\w+\}", parent, operation.path)


@pytest.mark.parametrize("operation", LISTS, ids=str)
async def test_every_list_is_there_and_knows_its_parents(operation: Operation) -> None:
    """All lists with filters take ids and the moments of creation and change."""
    clinic = Clinic()
    path = path_to(operation, clinic)
    common = ["id:=1,2", f"created_at:>{MORNING}", f"updated_at:<={NOON}"]
    filtered = {"id", "created_at", "updated_at"} <= set(operation.filters)
    async with client(Emulator(clinic)) as api:
        answer = await api.get(path, params={"q[]": common} if filtered else None)
        unknown = await api.get(re.sub(r"/\d+", "/1", path)) if path != operation.path else None
    assert answer.status_code == 200
    assert list(answer.json()) == [key_of(operation), "total_entries", "links"]
    if unknown:
        assert (unknown.status_code, unknown.json()["status"]) == (404, "404")


def test_only_services_cannot_be_filtered() -> None:
    assert {key_of(operation) for operation in LISTS if not operation.filters} == {"services"}


@pytest.mark.parametrize(
    ("resource", "nested", "field"),
    [
        ("patients", "invoices", "patient"),
        ("practitioners", "invoices", "practitioner"),
        ("individual_appointments", "attendees", "booking"),
    ],
)
async def test_a_nested_list_shows_the_rows_of_its_parent_and_no_others(
    resource: str, nested: str, field: str
) -> None:
    clinic = Clinic.seeded(patients=6, appointments=60)
    async with client(Emulator(clinic)) as api:
        parent = (await api.get(resource)).json()[resource][0]["id"]
        inside = (await api.get(f"{resource}/{parent}/{nested}")).json()[nested]
        everything = (await api.get(nested, params={"per_page": 100})).json()[nested]
    theirs = [row for row in everything if row[field]["links"]["self"].endswith(parent)]
    assert inside == theirs
    assert 0 < len(theirs) < len(everything)


TAKEN_AWAY = [o for o in load().operations if o.kind in ("delete", "archive")]
BROUGHT_BACK = {o.path for o in load().operations if o.kind == "unarchive"}


@pytest.mark.parametrize("operation", TAKEN_AWAY, ids=str)
async def test_what_was_taken_away_is_gone_until_it_is_brought_back(operation: Operation) -> None:
    """Every DELETE and every archive of the API: nothing is left to be seen."""
    resource = operation.path.split("/")[1]
    clinic = Clinic()
    record = clinic.create(resource)
    place = f"{resource}/{record['id']}"
    back = f"{place}/unarchive"
    async with client(Emulator(clinic)) as api:
        assert (await api.get(place)).status_code == 200
        taken = await api.request(operation.method, operation.path.replace("{id}", record["id"]))
        assert (taken.status_code, taken.content) == (204, b"")
        assert (await api.get(place)).status_code == 404
        assert (await api.get(resource)).json()[resource] == []
        again = await api.request(operation.method, operation.path.replace("{id}", record["id"]))
        assert again.status_code == 404
        if operation.kind == "archive" and f"/{resource}/{{id}}/unarchive" in BROUGHT_BACK:
            assert (await api.post(back)).json()["archived_at"] is None
            assert (await api.get(place)).status_code == 200


FAILURES: tuple[Fault, ...] = ("500", "502", "503", "504")


async def test_behind_the_last_page_is_an_empty_one(emulator: Emulator) -> None:
    async with client(emulator) as api:
        answer = (await api.get("invoices", params={"page": 9})).json()
    assert (answer["invoices"], answer["total_entries"]) == ([], 4)
    assert "next" not in answer["links"]


@pytest.mark.parametrize("fault", FAILURES)
async def test_a_failure_of_the_server_is_no_json_and_the_next_request_is_answered(
    emulator: Emulator, fault: Fault
) -> None:
    emulator.faults.next(fault, times=2)
    async with client(emulator) as api:
        answers = [await api.get("invoices") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [int(fault), int(fault), 200]
    assert answers[0].headers["Content-Type"].startswith("text/html")


async def test_a_page_of_html_comes_with_200(emulator: Emulator) -> None:
    emulator.faults.next("html")
    async with client(emulator) as api:
        answer = await api.get("invoices")
    assert answer.status_code == 200
    assert answer.text.startswith("<html>")


UNDONE_AND_DONE: dict[Fault, list[str]] = {"502": [], "refuse": [], "reset": ["GST"]}


async def test_a_reset_comes_after_the_work_was_done_and_a_failure_before() -> None:
    emulator = Emulator()
    async with client(emulator) as api:
        for fault, names in UNDONE_AND_DONE.items():
            emulator.faults.next(fault)
            try:
                assert (await api.post("taxes", json={"name": "GST"})).status_code == 502
            except httpx.TransportError:
                assert fault != "502"
            assert [tax["name"] for tax in emulator.clinic.records("taxes")] == names


class CountedRow(dict[str, Any]):
    """A record that counts how often it is looked at."""

    looks = 0

    def get(self, key: str, default: Any = None, /) -> Any:
        type(self).looks += 1
        return super().get(key, default)


async def test_the_next_page_of_a_large_list_costs_no_look_at_all_of_it() -> None:
    clinic = Clinic()
    count = 300_000
    for number in range(count):
        moment = f"2026-01-{number // 86400 + 1:02}T{number // 3600 % 24:02}:00:00Z"
        clinic.table("taxes").add(
            CountedRow(id=str(number), created_at=moment, updated_at=moment, links={"self": ""})
        )
    CountedRow.looks = 0
    async with client(Emulator(clinic, limit=100_000)) as api:
        first = (await api.get("taxes")).json()
        assert CountedRow.looks >= count, "the rows are counted"
        CountedRow.looks = 0
        for page in (2, 3, 1500, 3000):
            answer = (await api.get("taxes", params={"page": page, "per_page": 100})).json()
            assert answer["taxes"][0]["id"] == str((page - 1) * 100)
    assert first["total_entries"] == count
    assert CountedRow.looks < 1000
