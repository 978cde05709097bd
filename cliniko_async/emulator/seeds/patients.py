"""The patients of a made-up clinic, and what is known of them."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator.seeds.calendar import ZONE
from cliniko_async.emulator.seeds.names import CITIES, FIRST, LAST, MOBILES
from cliniko_async.emulator.seeds.staff import CUSTOM_FIELDS
from cliniko_async.emulator.tables import processed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.emulator.seeds.making import Making, Record, Staff

__all__ = ["add_patients"]

SPORTS: Final = ("swimming", "bouldering", "chess", "rowing")
ALERTS: Final = ("Allergic to latex", "Takes blood thinners", "Has a pacemaker")
RELATIONS: Final = ((20, "Child"), (40, "Spouse"), (30, "Sibling"))


def add_patients(making: Making, staff: Staff, number: int) -> Sequence[Record]:
    """Add patients, in the order in which they came."""
    moments = making.calendar.moments(number)
    known = [_patient(making, staff, n, moment) for n, moment in enumerate(moments)]
    for n, patient in enumerate(known):
        _refer(making, staff, known, n, patient)
        _remember(making, known, n, patient)
    _hide(making, known)
    return known


def _patient(making: Making, staff: Staff, number: int, created_at: str) -> Record:
    random, calendar = making.random, making.calendar
    first, last = random.choice(FIRST), f"{random.choice(LAST)}-{number}"
    born = date(1930, 1, 1) + timedelta(days=random.randrange(33_000))
    phone = f"0491 570 {MOBILES[number % len(MOBILES)]}"
    updated_at = calendar.since(created_at, random.random()) if number % 4 == 0 else created_at
    doctor = random.choice(staff.contacts)["id"] if number % 5 == 0 else None
    return making.add(
        "patients",
        created_at,
        updated_at=updated_at,
        first_name=first,
        last_name=last,
        label=f"{first} {last}",
        email=f"patient{number}@example.com",
        date_of_birth=born.isoformat(),
        city=random.choice(CITIES),
        state="VIC",
        country_code="AU",
        notes="Prefers mornings. Träumt viel. 🙂" if number % 7 == 0 else None,
        accepted_privacy_policy=number % 3 != 0,
        reminder_type="SMS",
        patient_phone_numbers=[
            {"number": phone, "normalized_number": "61491570" + phone[-3:], "phone_type": "Mobile"}
        ],
        time_zone=ZONE,
        custom_fields=_custom_fields(making, number) if number % 3 == 1 else None,
        referring_doctor_id=doctor,
    )


def _custom_fields(making: Making, number: int) -> Record:
    """What a patient has answered to what the account asks."""
    answers: Record = deepcopy(CUSTOM_FIELDS)
    sport, works, checked = answers["sections"][0]["fields"]
    sport["value"] = SPORTS[number % len(SPORTS)]
    chosen = making.random.randrange(len(works["options"]))
    for n, option in enumerate(works["options"]):
        option["selected"] = n == chosen
    works["other"].update(selected=False, value="")
    checked["value"] = (making.calendar.opened + timedelta(days=number % 300)).isoformat()
    return answers


def _refer(
    making: Making, staff: Staff, known: Sequence[Record], number: int, patient: Record
) -> None:
    """Note who or what has sent a patient."""
    if not making.chance(0.4):
        return
    kinds = making.tables.records("referral_source_types")
    kind = kinds[number % len(kinds)]
    source: Record = {"patient_id": patient["id"], "referral_source_type_id": kind["id"]}
    if kind["referrer_type"] == "Patient" and number:
        source.update(referrer_type="Patient", referrer_id=known[number // 2]["id"])
    elif kind["referrer_type"] == "Contact":
        doctor = making.random.choice(staff.contacts)
        source.update(referrer_type="Contact", referrer={"links": dict(doctor["links"])})
    else:
        source["subcategory"] = making.random.choice(["Maps", "Website"])
    making.add("referral_sources", patient["created_at"], **source)


def _remember(making: Making, known: Sequence[Record], number: int, patient: Record) -> None:
    """Alerts, relatives, recalls, cases and files of some patients."""
    own: dict[str, Any] = {"created_at": patient["created_at"], "patient_id": patient["id"]}
    if number % 20 == 3:  # noqa: PLR2004 - some
        making.add("medical_alerts", **own, name=ALERTS[number % len(ALERTS)])
    if number % 25 == 4:  # noqa: PLR2004 - some
        code, name = RELATIONS[number % len(RELATIONS)]
        relative = known[number - 1]["id"]
        about: Record = {
            "relation": code,
            "relation_description": name,
            "related_patient_id": relative,
        }
        making.add("relationships", **own, **about)
    if number % 10 == 5:  # noqa: PLR2004 - some
        kind = making.tables.records("recall_types")[0]["id"]
        due = making.calendar.today + timedelta(days=number % 120 - 60)
        making.add("recalls", **own, recall_type_id=kind, recall_at=due.isoformat())
    if number % 15 == 6:  # noqa: PLR2004 - some
        issued = patient["created_at"][:10]
        case: Record = {"name": "Knee, left", "issue_date": issued, "max_sessions": 6}
        making.add("patient_cases", **own, **case)
    if number % 12 == 7:  # noqa: PLR2004 - some
        _attach(making, own, number)


def _attach(making: Making, own: Record, number: int) -> None:
    """Attach a file: a letter that says nothing of anybody."""
    content = f"Referral letter no. {number}, made up.\n".encode()
    made = making.add("patient_attachments", **own, description="Referral letter")
    about = processed(made["id"], f"referral-{number}.txt", content, own["created_at"])
    making.tables.change(
        "patient_attachments", made["id"], {**about, "updated_at": own["created_at"]}
    )
    making.tables.files[made["id"]] = content


def _hide(making: Making, known: Sequence[Record]) -> None:
    """Archive some, and merge some with another: every clinic has them, and lists hide them."""
    for number, patient in enumerate(known):
        if number % 90 == 8:  # noqa: PLR2004 - some
            twin = known[number - 1]["links"]["self"]
            patient["merged_at"] = patient["updated_at"]
            patient["merged_with_patient"] = {"links": {"self": twin}}
            making.tables.mark("patients", patient["id"], "archived_at", at=patient["updated_at"])
        elif making.chance(0.05):
            making.tables.mark("patients", patient["id"], "archived_at", at=patient["updated_at"])
