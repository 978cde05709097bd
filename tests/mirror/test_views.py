"""The views beside a mirror's tables, in DuckDB and PostgreSQL, and the questions of the docs."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import duckdb
import pytest
from postgres_server import running_postgres
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.mirror import mirror
from cliniko_async.mirror._views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Ask = Callable[[str], Sequence[tuple[Any, ...]]]

pytestmark = pytest.mark.slow

REPORTS: Final = Path(__file__).parents[2] / "docs" / "reports.md"
QUESTION: Final = re.compile(
    r"^## ([^\n]*)\n+```sql\n(.*?)```\n\n((?:\|[^\n]*\n)+)", re.MULTILINE | re.DOTALL
)
QUESTIONS: Final = QUESTION.findall(REPORTS.read_text(encoding="utf-8"))
TABLES: Final = sorted({name for needed in VIEWS.values() for name in needed} - VIEWS.keys())

LATE: Final = timedelta(hours=24)


def by_hand() -> Clinic:
    """Appointments around midnights of three zones, with each outcome."""
    clinic = Clinic()
    who = clinic.create("practitioners", display_name="Hana Staff", active=False)["id"]
    kind = clinic.create("appointment_types", name="Review")["id"]
    patient = clinic.create("patients", first_name="Alba", last_name="Testperson")["id"]
    for zone in ("Australia/Melbourne", "America/Los_Angeles", None):
        business = clinic.create("businesses", display_name=str(zone), time_zone_identifier=zone)
        ids = {"practitioner_id": who, "business_id": business["id"]}
        for hour in range(0, 24 * 62, 5):
            starts = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
            times = {"starts_at": starts, "ends_at": starts + timedelta(minutes=45)}
            more: dict[str, Any] = {"patient_id": patient, "appointment_type_id": kind}
            notice = {1: 23, 2: 25}.get(hour % 7)
            if notice:
                more["cancelled_at"] = starts - timedelta(hours=notice)
            more |= {"did_not_arrive": hour % 7 == 3, "patient_arrived": hour % 7 > 3}
            if hour % 11 == 3:
                more["deleted_at"] = starts
            clinic.create("individual_appointments", **times, **ids, **more)
    group_times: dict[str, Any] = {
        "starts_at": "2026-03-01T00:00:00Z",
        "ends_at": "2026-03-01T01:00:00Z",
    }
    group = clinic.create("group_appointments", **group_times, **ids, appointment_type_id=kind)[
        "id"
    ]
    for arrived in (True, False):
        clinic.create("attendees", booking_id=group, patient_id=patient, arrived=arrived)
    clinic.create("unavailable_blocks", **group_times, **ids)
    return clinic


async def copied(clinic: Clinic, target: str | Path, tables: Sequence[str] = TABLES) -> None:
    async with AsyncCliniko(
        "MS0xVIEWS-au1",
        user_agent=AGENT,
        transport=Emulator(clinic, limit=100_000).transport(),
        rate_limit=RateLimit(100_000),
    ) as cliniko:
        await mirror(cliniko, target, tables)


def duckdb_of(file: Path) -> Ask:
    def ask(query: str) -> Sequence[tuple[Any, ...]]:
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return ask


def postgres_of(url: str) -> Ask:
    psycopg2: Any = import_module("psycopg2")  # it has no types

    def ask(query: str) -> Sequence[tuple[Any, ...]]:
        connection = psycopg2.connect(url, options="-c search_path=cliniko")
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
                return rows
        finally:
            connection.close()

    return ask


@pytest.fixture(scope="module", params=["duckdb", "postgresql"])
def reports(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Ask]:
    """The clinic of the docs."""
    clinic = Clinic.demo(date(2026, 6, 1))
    if request.param == "duckdb":
        file = tmp_path_factory.mktemp("reports") / "clinic.duckdb"
        asyncio.run(copied(clinic, file))
        # A file may be renamed: its views name no file.
        yield duckdb_of(file.rename(file.with_name("renamed.duckdb")))
        return
    with running_postgres() as url:
        asyncio.run(copied(clinic, url))
        yield postgres_of(url)


@pytest.fixture(scope="module")
def both(tmp_path_factory: Any) -> Iterator[tuple[Clinic, Ask, Ask]]:
    """A clinic that was made by hand, in both databases, after a second run."""
    clinic, file = by_hand(), tmp_path_factory.mktemp("hand") / "clinic.duckdb"
    with running_postgres() as url:
        for target in (file, url, file, url):
            asyncio.run(copied(clinic, target))
        yield clinic, duckdb_of(file), postgres_of(url)


def number(text: str) -> Any:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == REPORTS.read_text(encoding="utf-8").count("```sql") == 10


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question[0])
def test_a_question_has_the_answer_that_is_told(question: Sequence[str], reports: Ask) -> None:
    _, query, table = question
    told = [[number(cell.strip()) for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    found = [[number(str(value)) for value in row] for row in reports(query)]
    assert found == told[2:]


@pytest.mark.parametrize("view", VIEWS)
def test_both_databases_show_the_same(view: str, both: tuple[Clinic, Ask, Ask]) -> None:
    _, duck, postgres = both

    def rows(ask: Ask) -> Any:
        found = ask(f"SELECT * FROM {view}")  # noqa: S608 - our own names
        return sorted([[number(str(value)) for value in row] for row in found], key=str)

    assert [[v for v in row if "+00" not in str(v)] for row in rows(duck)] == [
        [v for v in row if "+00" not in str(v)] for row in rows(postgres)
    ]
    if view in ("appointments", "attendance", "retention"):
        assert rows(duck)


def test_days_weekdays_and_outcomes_are_those_of_the_business(
    both: tuple[Clinic, Ask, Ask],
) -> None:
    clinic, duck, _ = both
    zones = {
        business["id"]: ZoneInfo(business["time_zone_identifier"] or "UTC")
        for business in clinic.records("businesses")
    }
    expected: set[tuple[Any, ...]] = set()
    for row in clinic.records("individual_appointments"):
        if row["deleted_at"]:
            continue
        starts = datetime.fromisoformat(row["starts_at"])
        local = starts.astimezone(zones[row["business"]["links"]["self"].rpartition("/")[2]])
        cancelled = row["cancelled_at"] and datetime.fromisoformat(row["cancelled_at"])
        outcome = "kept" if row["patient_arrived"] else "open"
        if cancelled:
            outcome = "late" if starts - cancelled < LATE else "cancelled"
        elif row["did_not_arrive"]:
            outcome = "did not arrive"
        month, day = local.date().replace(day=1), local.date()
        expected.add((row["id"], day, f"{local:%A}", month, local.hour, 45, outcome))
    found = duck(
        "SELECT id, day, weekday, month, hour, minutes, outcome FROM appointments "
        "WHERE kind = 'individual' AND practitioner = 'Hana Staff' AND appointment_type = 'Review'"
        " AND patient = 'Alba Testperson'"
    )
    assert set(found) == expected
    others = duck("SELECT kind, outcome FROM appointments WHERE kind <> 'individual' ORDER BY 1, 2")
    groups = [("group", "did not arrive"), ("group", "kept")]
    assert others == [*groups, ("unavailable", None)]


def test_a_view_appears_when_its_tables_are_there(tmp_path: Path) -> None:
    file = tmp_path / "clinic.duckdb"
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    clinic = Clinic.seeded(patients=5, appointments=10)
    asyncio.run(copied(clinic, file, ["invoices", "practitioners", "businesses"]))
    assert duckdb_of(file)(views) == []
    asyncio.run(copied(clinic, file, ["patients", "invoice_items"]))
    assert duckdb_of(file)(views) == [("revenue",), ("unpaid",)]
