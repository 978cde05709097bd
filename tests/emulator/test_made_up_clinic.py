"""The made-up clinic: dated around its day, in local hours, and as full of everything as one is."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.facts import load

MELBOURNE: Final = ZoneInfo("Australia/Melbourne")
DAYS: Final = [date(2026, 6, 1), date(2026, 10, 4), date(2028, 2, 29), date(2027, 1, 2)]
"""A Monday, the Sunday on which the clock goes forward, a leap day, and a Saturday."""

MOMENTS: Final = (
    *("created_at", "updated_at", "archived_at", "cancelled_at"),
    *("deleted_at", "closed_at", "merged_at", "finalized_at"),
)


@pytest.fixture(scope="module", params=DAYS, ids=str)
def clinic(request: pytest.FixtureRequest) -> Clinic:
    return Clinic.demo(request.param)


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(MELBOURNE)


def linked(record: dict[str, Any], name: str) -> str | None:
    return record[name]["links"]["self"].rpartition("/")[2] if record.get(name) else None


def test_it_is_the_same_for_a_day_and_another_one_for_another_day() -> None:
    def made(today: date) -> dict[str, list[dict[str, Any]]]:
        clinic = Clinic.seeded(patients=30, appointments=60, today=today)
        return {name: list(table) for name, table in clinic.tables.items()}

    assert made(DAYS[0]) == made(DAYS[0]) != made(DAYS[1])


def test_it_is_of_about_the_size_that_is_told_on_every_day(clinic: Clinic) -> None:
    text = (Path(__file__).parents[2] / "noxfile.py").read_text(encoding="utf-8")
    names = re.findall(r'"(\w+)"', text.split("DEMO = (")[1].split(")")[0])
    assert sum(len(clinic.table(name)) for name in names) == pytest.approx(12_000, rel=0.03)


def test_nothing_was_written_later_than_its_day_and_something_is_to_come(clinic: Clinic) -> None:
    assert clinic.today
    dawn = datetime.combine(clinic.today, time(), MELBOURNE)
    for name, table in clinic.tables.items():
        for row in table:
            written = [row[moment] for moment in MOMENTS if row.get(moment)]
            assert all(local(moment) <= dawn for moment in written), name
            assert row["created_at"] <= row["updated_at"]
    booked = clinic.records("individual_appointments")
    ahead = [row for row in booked if local(row["starts_at"]) >= dawn]
    assert 100 < len(ahead) < len(booked) / 5
    assert not any(row["patient_arrived"] or row["did_not_arrive"] for row in ahead)
    assert any(local(row["starts_at"]).date() != clinic.today for row in ahead)


def test_appointments_are_in_the_hours_of_melbourne_on_both_sides_of_the_change(
    clinic: Clinic,
) -> None:
    offsets: Counter[Any] = Counter()
    hours = {
        (linked(row, "practitioner"), linked(row, "business"), row["day_of_week"]): row
        for row in clinic.records("daily_availabilities")
    }
    for row in clinic.records("individual_appointments"):
        starts, ends = local(row["starts_at"]), local(row["ends_at"])
        day = starts.isoweekday() % 7
        open_ = hours[linked(row, "practitioner"), linked(row, "business"), day]
        assert any(
            span["starts_at"] <= f"{starts:%H:%M}" < f"{ends:%H:%M}" <= span["ends_at"]
            for span in open_["availabilities"]
        )
        offsets[starts.utcoffset()] += 1
    assert len(offsets) == 2
    assert min(offsets.values()) > 300


def test_nobody_is_in_two_places_at_once(clinic: Clinic) -> None:
    booked = [*clinic.records("individual_appointments"), *clinic.records("group_appointments")]
    spans: dict[str | None, list[tuple[str, str]]] = {}
    for row in booked:
        spans.setdefault(linked(row, "practitioner"), []).append((row["starts_at"], row["ends_at"]))
    for own in spans.values():
        own.sort()
        assert all(end <= start for (_, end), (start, _) in pairwise(own))


def test_more_do_not_arrive_on_mondays(clinic: Clinic) -> None:
    shares: dict[int, float] = {}
    for day in range(5):
        own = [
            row
            for row in clinic.records("individual_appointments")
            if (row["patient_arrived"] or row["did_not_arrive"])
            and local(row["starts_at"]).weekday() == day
        ]
        shares[day] = sum(row["did_not_arrive"] for row in own) / len(own)
    assert max(shares, key=lambda day: shares[day]) == 0
    assert min(shares[0], shares[4]) > max(shares[day] for day in (1, 2, 3))


def test_invoices_add_up_and_are_in_all_states(clinic: Clinic) -> None:
    items: dict[str | None, list[dict[str, Any]]] = {}
    for item in clinic.records("invoice_items"):
        items.setdefault(linked(item, "invoice"), []).append(item)
    for invoice in clinic.records("invoices"):
        own = items[invoice["id"]]
        net = sum(Decimal(item["net_price"]) for item in own)
        tax = sum(Decimal(item["tax_amount"]) for item in own)
        assert (Decimal(invoice["net_amount"]), Decimal(invoice["tax_amount"])) == (net, tax)
        assert Decimal(invoice["total_amount"]) == net + tax
        assert (invoice["closed_at"] is None) == (invoice["status"] in (10, 40))
    invoices = clinic.records("invoices")
    assert {i["status_description"] for i in invoices} == {"Open", "Paid", "Closed", "Open credit"}
    assert {i["notes"] is None for i in invoices if i["status"] == 10} == {True, False}
    assert any(Decimal(i["tax_amount"]) > 0 for i in invoices)


def test_it_has_what_a_clinic_has(clinic: Clinic) -> None:
    patients, members = clinic.records("patients"), Counter[str | None]()
    for attendee in clinic.records("attendees"):
        members[linked(attendee, "booking")] += 1
    for group in clinic.records("group_appointments"):
        assert 3 <= members[group["id"]] == len(group["patient_ids"]) <= group["max_attendees"]
    merged = [row for row in patients if row["merged_at"]]
    assert merged
    assert all(row["archived_at"] and linked(row, "merged_with_patient") for row in merged)
    assert any(row["archived_at"] and not row["merged_at"] for row in patients)
    assert {b["time_zone_identifier"] for b in clinic.records("businesses")} == {str(MELBOURNE)}
    assert len(clinic.records("businesses")) == 3
    for name in ("referral_sources", "treatment_notes", "recalls", "patient_cases", "contacts"):
        assert clinic.records(name), name
    note = clinic.records("treatment_notes")[0]
    assert note["content"]["sections"][0]["questions"][0]["answer"]


def test_it_keeps_to_the_facts(clinic: Clinic) -> None:
    """What `create` refuses, nothing of the made-up clinic has."""
    again = Clinic()
    for name, table in clinic.tables.items():
        for row in table:
            again.create(name, **{key: value for key, value in row.items() if key != "links"})
    for name, table in clinic.tables.items():
        # What was sent has no `confidential`; only memos, which have it, can be created.
        more = {"confidential": None} if name == "communications" else {}
        assert again.records(name) == [{**more, **row} for row in table]


def test_custom_fields_answer_what_the_account_asks(clinic: Clinic) -> None:
    asked = clinic.settings["patient_custom_fields_definition"]["sections"][0]
    answered = [row["custom_fields"] for row in clinic.records("patients") if row["custom_fields"]]
    assert len(answered) > 300
    for fields in answered:
        (section,) = fields["sections"]
        assert section["token"] == asked["token"]
        assert [f["token"] for f in section["fields"]] == [f["token"] for f in asked["fields"]]
        assert sum(option["selected"] for option in section["fields"][1]["options"]) == 1


def test_the_stock_is_what_was_bought_less_what_was_sold_and_broken(clinic: Clinic) -> None:
    stock: Counter[str | None] = Counter()
    for row in clinic.records("stock_adjustments"):
        stock[linked(row, "product")] += Decimal(row["quantity"])  # type: ignore[assignment] # it adds up
    assert stock == {row["id"]: Decimal(row["stock_level"]) for row in clinic.records("products")}


@pytest.mark.anyio
async def test_all_of_it_can_be_read_and_its_files_downloaded(tmp_path: Any) -> None:
    emulator = Emulator(Clinic.demo(DAYS[0]), limit=100_000)
    async with AsyncCliniko(
        "MS0xMADEUP-au1",
        user_agent=AGENT,
        transport=emulator.transport(),
        rate_limit=RateLimit(100_000),
    ) as cliniko:
        for operation in load().operations:
            name = operation.path.removeprefix("/")
            if operation.kind == "list" and name == operation.key != "services":
                found = await getattr(cliniko, name).scan().all()
                assert found, name
        attachment = await cliniko.patient_attachments.list().first()
        assert attachment
        await cliniko.patient_attachments.download(attachment.id, tmp_path / "letter.txt")
        settings = await cliniko.request("GET", "/settings/public")
    assert (tmp_path / "letter.txt").read_text().startswith("Referral letter no.")
    assert settings["patient_custom_fields_definition"]["sections"][0]["name"] == "Lifestyle"


@pytest.mark.anyio
async def test_the_first_program_of_the_readme_has_something_to_print() -> None:
    emulator = Emulator(Clinic.demo())
    query = {"q[]": "updated_at:>=2026-01-01T00:00:00Z"}
    async with httpx.AsyncClient(
        transport=emulator.transport(),
        auth=("MS0x-au1", ""),
        headers={"User-Agent": AGENT},
    ) as api:
        answer = await api.get("https://api.au1.cliniko.com/v1/patients", params=query)
    assert answer.json()["total_entries"] > 100
