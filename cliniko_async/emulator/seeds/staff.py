"""Who works in a made-up clinic, where, when, and what can be booked and bought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator.seeds.calendar import ZONE
from cliniko_async.emulator.seeds.making import Shift, Staff
from cliniko_async.emulator.seeds.names import CITIES, FIRST, LAST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cliniko_async.emulator.seeds.making import Making, Record

__all__ = ["CUSTOM_FIELDS", "STARTS_PER_WEEK", "add_staff"]

USERS: Final = 8
ACTIVE: Final = 6
"""The last two have left."""

WEEKDAYS: Final = ((0, 1, 2, 3), (0, 2, 4), (1, 3, 4), (0, 1, 3, 5), (1, 2, 4), (0, 2, 3, 4))
"""The days of the week on which each practitioner works; 5 is Saturday."""

LONG_DAY: Final = (9, 10, 11, 13, 14, 15, 16)
SATURDAY: Final = (9, 10, 11)
HOURS: Final[dict[Sequence[int], Sequence[tuple[str, str]]]] = {
    LONG_DAY: (("09:00", "12:00"), ("13:00", "17:00")),
    SATURDAY: (("09:00", "12:00"),),
}

STARTS_PER_WEEK: Final = sum(
    len(SATURDAY if day == 5 else LONG_DAY)  # noqa: PLR2004 - see above
    for days in WEEKDAYS
    for day in days
)

TYPES: Final = (
    ("Initial consultation", 60, "120.0"),
    ("Standard consultation", 30, "85.0"),
    ("Long review", 45, "105.0"),
)
GROUP: Final = ("Pilates class", 60, "30.0")
PRODUCTS: Final = (("Resistance band", "20.0"), ("Foam roller", "45.0"), ("Heat pack", "18.5"))
BOOKABLE: Final[Record] = {
    "max_attendees": 1,
    "color": "#2a9d8f",
    "show_in_online_bookings": True,
}
GST: Final = "10.0"

QUESTIONS: Final = ("Presenting complaint", "Assessment", "Plan")

CUSTOM_FIELDS: Final[Record] = {
    "sections": [
        {
            "token": "5b1f3a52-7c1b-4a55-9d0e-0c7f1f1d2a01",
            "name": "Lifestyle",
            "archived": False,
            "fields": [
                {
                    "token": "5b1f3a52-7c1b-4a55-9d0e-0c7f1f1d2a02",
                    "name": "Sport",
                    "type": "text",
                    "archived": False,
                },
                {
                    "token": "5b1f3a52-7c1b-4a55-9d0e-0c7f1f1d2a03",
                    "name": "Works mostly",
                    "type": "radiobuttons",
                    "archived": False,
                    "options": [
                        {
                            "token": f"5b1f3a52-7c1b-4a55-9d0e-0c7f1f1d2a1{number}",
                            "name": name,
                            "archived": False,
                        }
                        for number, name in enumerate(("sitting", "standing", "lifting"))
                    ],
                    "other": {"enabled": True, "archived": False},
                },
                {
                    "token": "5b1f3a52-7c1b-4a55-9d0e-0c7f1f1d2a04",
                    "name": "Last check-up",
                    "type": "date",
                    "archived": False,
                },
            ],
        }
    ]
}
"""What the account asks its patients besides the API's own fields."""


def add_staff(making: Making) -> Staff:
    """Add users, practitioners, businesses, and what can be booked and bought."""
    minutes = iter(range(540, 1000))

    def create(resource: str, **values: Any) -> Record:
        return making.add(resource, making.calendar.start(next(minutes)), **values)

    making.tables.settings.update(_settings())
    users = [create("users", **_user(n)) for n in range(USERS)]
    gst = create("taxes", name="GST", rate=GST, amount=GST)
    prices = [create("billable_items", **_item(t)) for t in (*TYPES, GROUP)]
    types = [create("appointment_types", **_type(t)) for t in TYPES]
    group = create("appointment_types", **{**_type(GROUP), "max_attendees": 8})
    for type, price in zip((*types, group), prices, strict=True):
        ids = {"appointment_type_id": type["id"], "billable_item_id": price["id"]}
        create("appointment_type_billable_items", quantity="1.0", **ids)
    offered = [type["id"] for type in types]
    businesses = [create("businesses", **_business(city, offered)) for city in CITIES]
    practitioners = [create("practitioners", **_practitioner(user)) for user in users]
    for practitioner in practitioners:
        practitioner["default_appointment_type"] = {"links": {"self": types[1]["links"]["self"]}}
    shifts = list(_shifts(practitioners, businesses))
    for shift in shifts:
        create("daily_availabilities", **_availability(shift))
    contacts = [create("contacts", **_doctor(n)) for n in range(8)]
    template = create("treatment_note_templates", name="Progress note", content=_content())
    supplier = create("product_suppliers", name="Sample Supplies")
    ids = {"tax_id": gst["id"], "product_supplier_id": supplier["id"]}
    products = [create("products", **_product(*p), **ids) for p in PRODUCTS]
    _add_kinds(create, prices[1]["id"])
    by_type = {t["id"]: price for t, price in zip((*types, group), prices, strict=True)}
    return Staff(
        businesses,
        practitioners,
        shifts,
        types,
        group,
        by_type,
        products,
        users,
        contacts,
        template,
    )


def _add_kinds(create: Any, price_id: str) -> None:
    """Add the types that recalls, referrals, blocks and concessions have."""
    create("referral_source_types", name="Word of mouth", referrer_type="Patient")
    create("referral_source_types", name="Doctor", referrer_type="Contact")
    create("referral_source_types", name="Search engine", subcategories=["Maps", "Website"])
    create("recall_types", name="Six-month check")
    create("unavailable_block_types", name="Leave", color="#999999", duration_in_minutes=60)
    pensioner = create("concession_types", name="Pensioner")
    ids = {"concession_type_id": pensioner["id"], "billable_item_id": price_id}
    create("concession_prices", price="70.0", **ids)


def _settings() -> Record:
    return {"patient_custom_fields_definition": CUSTOM_FIELDS}


def _user(number: int) -> Record:
    return {
        "first_name": FIRST[number],
        "last_name": "Staff",
        "email": f"staff{number}@example.com",
        "active": number < ACTIVE,
        "user_active": number < ACTIVE,
        "role": "practitioner" if number else "administrator",
        "time_zone": "Melbourne",
        "time_zone_identifier": ZONE,
    }


def _item(type: tuple[str, int, str]) -> Record:
    name, minutes, price = type
    return {"name": name, "price": price, "item_type": "Service", "item_code": f"C{minutes}"}


def _type(type: tuple[str, int, str]) -> Record:
    name, minutes, _ = type
    return {"name": name, "duration_in_minutes": minutes, **BOOKABLE}


def _product(name: str, price: str) -> Record:
    return {
        "name": name,
        "item_code": name.rsplit(maxsplit=1)[-1].upper(),
        "price_ex_tax": price,
        "price_including_tax": f"{float(price) * 1.1:.2f}",
        "stock_level": "40.0",
    }


def _business(city: str, offered: Sequence[str]) -> Record:
    return {
        "business_name": f"Example Clinic {city}",
        "display_name": f"Example Clinic {city}",
        "label": f"Example Clinic {city}",
        "city": city,
        "state": "VIC",
        "country_code": "AU",
        "time_zone": "Melbourne",
        "time_zone_identifier": ZONE,
        "show_in_online_bookings": True,
        "appointment_type_ids": list(offered),
    }


def _practitioner(user: Record) -> Record:
    name = f"{user['first_name']} {user['last_name']}"
    return {
        "first_name": user["first_name"],
        "last_name": user["last_name"],
        "display_name": name,
        "label": name,
        "designation": "Physiotherapist",
        "active": user["active"],
        "show_in_online_bookings": user["active"],
        "user_id": user["id"],
    }


def _shifts(practitioners: Sequence[Record], businesses: Sequence[Record]) -> Iterator[Shift]:
    """Each practitioner works at two businesses, on days of their own."""
    for number, days in enumerate(WEEKDAYS):
        for turn, weekday in enumerate(days):
            business = businesses[(number + turn % 2) % len(businesses)]
            starts = SATURDAY if weekday == 5 else LONG_DAY  # noqa: PLR2004 - see WEEKDAYS
            yield Shift(practitioners[number], business, weekday, starts)


def _availability(shift: Shift) -> Record:
    return {
        "practitioner_id": shift.practitioner["id"],
        "business_id": shift.business["id"],
        "day_of_week": (shift.weekday + 1) % 7,
        "availabilities": [
            {"starts_at": start, "ends_at": end} for start, end in HOURS[tuple(shift.starts)]
        ],
        "time_zone": "Melbourne",
        "time_zone_identifier": ZONE,
    }


def _doctor(number: int) -> Record:
    return {
        "title": "Dr",
        "first_name": FIRST[-1 - number],
        "last_name": LAST[number % len(LAST)],
        "type": "Doctor",
        "type_code": 0,
        "doctor_type": "specialist" if number % 3 == 0 else "general_practitioner",
        "email": f"doctor{number}@example.com",
        "country_code": "AU",
    }


def _content() -> Record:
    questions = [{"name": name, "type": "paragraph", "answer": ""} for name in QUESTIONS]
    return {"sections": [{"name": "Notes", "description": None, "questions": questions}]}
