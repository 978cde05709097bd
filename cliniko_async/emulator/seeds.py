"""A made-up clinic: names that nobody bears, addresses at example.com, numbers that never ring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cliniko_async.emulator.clinic import Clinic

__all__ = ["fill"]

OPENED: Final = datetime(2021, 3, 1, 9, tzinfo=UTC)
"""When the made-up clinic opened."""

FIRST: Final = (
    "Alba",
    "Bruno",
    "Chloé",
    "Dmitri",
    "Eșref",
    "Fenna",
    "Göran",
    "Hana",
    "Ines",
    "Jörg",
)
LAST: Final = ("Testperson", "Mustermann", "Sampleson", "Exempel", "Demø", "Placeholder", "Ficção")
CITIES: Final = ("Sampleton", "Port Example", "Mock Hill")
MOBILES: Final = (
    "006",
    "110",
    "156",
    "157",
    "158",
    "159",
    "313",
    "737",
)
"""Ends of the numbers under 0491 570 that Australia sets aside for fiction: there is no range."""

TYPES: Final = (("Initial consultation", 60), ("Standard consultation", 30), ("Long review", 45))
BOOKABLE: Final[dict[str, Any]] = {
    "max_attendees": 1,
    "color": "#2a9d8f",
    "show_in_online_bookings": True,
}


class _Calendar:
    """Rising moments of creation; some records share a second."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._now = OPENED

    def next(self) -> str:
        if self._random.random() > 0.1:  # noqa: PLR2004 - one in ten
            self._now += timedelta(seconds=self._random.randrange(1, 7200))
        return text(self._now)


def text(moment: datetime) -> str:
    """A moment as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def fill(clinic: Clinic, *, patients: int, appointments: int, seed: int) -> None:
    """Put records into a clinic, the same for the same numbers."""
    random = Random(seed)  # noqa: S311 - no secrets here
    calendar = _Calendar(random)
    staff = _staff(clinic, calendar)
    known = [_patient(clinic, calendar, random, n) for n in range(patients)]
    for number in range(appointments if known else 0):
        _appointment(clinic, calendar, random, number, {**staff, "patients": known})
    _hide_some(clinic, random)


def _staff(clinic: Clinic, calendar: _Calendar) -> dict[str, list[dict[str, Any]]]:
    """Who works here, where, and what can be booked."""

    def create(resource: str, **values: Any) -> dict[str, Any]:
        return clinic.create(resource, created_at=calendar.next(), **values)

    users = [create("users", **_user(n)) for n in range(8)]
    create("taxes", name="GST", rate="10.0")
    return {
        "businesses": [create("businesses", **_business(city)) for city in CITIES],
        "types": [
            create("appointment_types", name=name, duration_in_minutes=minutes, **BOOKABLE)
            for name, minutes in TYPES
        ],
        "practitioners": [create("practitioners", **_practitioner(user)) for user in users],
    }


def _user(number: int) -> dict[str, Any]:
    return {
        "first_name": FIRST[number],
        "last_name": "Staff",
        "email": f"staff{number}@example.com",
        "active": number < 6,  # noqa: PLR2004 - the last two have left
        "role": "practitioner" if number else "administrator",
    }


def _business(city: str) -> dict[str, Any]:
    return {
        "business_name": f"Example Clinic {city}",
        "display_name": f"Example Clinic {city}",
        "city": city,
        "country_code": "AU",
        "time_zone": "Melbourne",
        "time_zone_identifier": "Australia/Melbourne",
        "show_in_online_bookings": True,
        "appointment_type_ids": [],
    }


def _practitioner(user: dict[str, Any]) -> dict[str, Any]:
    return {
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "display_name": f"{user['first_name']} {user['last_name']}",
        "active": user["active"],
        "show_in_online_bookings": user["active"],
        "user_id": user["id"],
    }


def _patient(clinic: Clinic, calendar: _Calendar, random: Random, number: int) -> dict[str, Any]:
    born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=random.randrange(33_000))
    phone = f"0491 570 {MOBILES[number % len(MOBILES)]}"
    return clinic.create(
        "patients",
        created_at=calendar.next(),
        first_name=random.choice(FIRST),
        last_name=f"{random.choice(LAST)}-{number}",
        email=f"patient{number}@example.com",
        date_of_birth=born.strftime("%Y-%m-%d"),
        city=random.choice(CITIES),
        country_code="AU",
        notes="Prefers mornings. Träumt viel. 🙂" if number % 7 == 0 else None,
        accepted_privacy_policy=number % 3 != 0,
        reminder_type="SMS",
        patient_phone_numbers=[
            {"number": phone, "normalized_number": "61491570" + phone[-3:], "phone_type": "Mobile"}
        ],
        time_zone="Melbourne",
    )


def _appointment(
    clinic: Clinic, calendar: _Calendar, random: Random, number: int, who: dict[str, Any]
) -> None:
    patient, kind = random.choice(who["patients"]), random.choice(who["types"])
    practitioner, business = random.choice(who["practitioners"]), random.choice(who["businesses"])
    starts = OPENED + timedelta(days=number // 40, minutes=15 * (number % 40))
    seen, made = number % 2 == 0, calendar.next()
    where = {"practitioner_id": practitioner["id"], "business_id": business["id"]}
    booked = clinic.create(
        "individual_appointments",
        created_at=made,
        starts_at=text(starts),
        ends_at=text(starts + timedelta(minutes=kind["duration_in_minutes"])),
        patient_name=f"{patient['first_name']} {patient['last_name']}",
        did_not_arrive=False,
        patient_arrived=seen,
        patient_id=patient["id"],
        **where,
        appointment_type_id=kind["id"],
    )
    ids = {"patient_id": patient["id"], "booking_id": booked["id"]}
    attendee = clinic.create("attendees", created_at=made, arrived=seen, **ids)
    if seen:
        ids = {"patient_id": patient["id"], **where, "appointment_id": booked["id"]}
        paid = _paid(number, starts)
        clinic.create(
            "invoices", created_at=calendar.next(), **paid, **ids, attendee_id=attendee["id"]
        )


def _paid(number: int, issued: datetime) -> dict[str, Any]:
    """What an invoice says that was paid."""
    amount = f"{80 + number % 40}.0"
    return {
        "number": 1000 + number,
        "issue_date": text(issued)[:10],
        "status": 20,
        "status_description": "Paid",
        "total_amount": amount,
        "net_amount": amount,
        "tax_amount": "0.0",
        "discounted_amount": "0.0",
    }


def _hide_some(clinic: Clinic, random: Random) -> None:
    """Archive, cancel and delete a few: every clinic has them, and lists hide them."""
    for resource, mark, share in (
        ("patients", "archived_at", 0.05),
        ("individual_appointments", "cancelled_at", 0.06),
        ("individual_appointments", "deleted_at", 0.02),
        ("invoices", "archived_at", 0.02),
    ):
        for record in clinic.records(resource):
            if random.random() < share:
                clinic.mark(resource, record["id"], mark, at=record["updated_at"])
