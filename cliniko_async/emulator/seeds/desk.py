"""What the desk of a made-up clinic sends, asks patients to fill in, and keeps in stock."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from cliniko_async.emulator.records import linked_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.emulator.seeds.making import Making, Record, Staff
    from cliniko_async.emulator.seeds.visits import Visit

__all__ = ["add_desk"]

DAY: Final = 86_400
REMINDED: Final = 6
"""One of so many appointments is reminded of by an SMS."""

SENT, RECEIVED = (1, "Sent"), (2, "Received")
SMS, EMAIL, CALL = (1, "SMS"), (2, "Email"), (3, "Phone call")
REMINDER, INVOICE, MEMO = (1, "Appointment Reminder"), (3, "Invoice"), (12, "Memo")

QUESTIONS: Final = ("What brings you here?", "Do you take any medicine?")
ANSWERS: Final = (("My knee, after running.", "None."), ("A stiff neck.", "Now and then."))


def add_desk(making: Making, staff: Staff, visits: Sequence[Visit]) -> None:
    """Add what none of the other parts has."""
    _add_numbers(making, staff)
    _add_times(making, staff)
    _add_stock(making, staff)
    _send(making, visits)
    _ask(making, visits)


def _add_numbers(making: Making, staff: Staff) -> None:
    """The numbers by which practitioners are known where they work."""
    places = {(s.practitioner["id"], s.business["id"]): s for s in staff.shifts}
    for number, shift in enumerate(places.values()):
        making.add(
            "practitioner_reference_numbers",
            shift.practitioner["created_at"],
            name="Provider number",
            reference_number=f"000{number:04}X",
            practitioner_id=shift.practitioner["id"],
            business_id=shift.business["id"],
        )


def _add_times(making: Making, staff: Staff) -> None:
    """Afternoons of the last weeks that somebody worked besides the usual hours."""
    calendar = making.calendar
    for week in range(1, 7):
        shift = staff.shifts[week % len(staff.shifts)]
        day = calendar.today.fromordinal(
            calendar.today.toordinal() - calendar.today.weekday() - 7 * week + 5
        )
        starts_at = calendar.at(day, 14 * 60)
        making.add(
            "availability_blocks",
            calendar.later(starts_at, -14 * DAY),
            starts_at=starts_at,
            ends_at=calendar.at(day, 16 * 60),
            practitioner_id=shift.practitioner["id"],
            business_id=shift.business["id"],
        )


def _add_stock(making: Making, staff: Staff) -> None:
    """What was bought, broken and sold: its sum is what is there."""
    user_id = staff.users[0]["id"]

    def adjust(product: Record, moment: str, kind: str, quantity: Decimal) -> None:
        values = {"adjustment_type": kind, "quantity": str(quantity)}
        making.add("stock_adjustments", moment, product_id=product["id"], user_id=user_id, **values)

    sold: dict[str | None, list[Record]] = {}
    for item in making.tables.records("invoice_items"):
        sold.setdefault(linked_id(item.get("product")), []).append(item)
    for product in staff.products:
        own = sold.get(product["id"], [])
        left = Decimal(product["stock_level"])
        bought = left + 1 + sum(Decimal(item["quantity"]) for item in own)
        adjust(product, product["created_at"], "Stock Purchase", bought)
        adjust(product, making.calendar.start(1000), "Damaged", Decimal(-1))
        for item in own:
            adjust(product, item["created_at"], "Item Sold", -Decimal(item["quantity"]))
    making.add(
        "appointment_type_products",
        making.calendar.later(making.calendar.now, -DAY // 2),
        appointment_type_id=staff.types[-1]["id"],
        product_id=staff.products[-1]["id"],
        quantity="1.0",
        is_monetary_discount=False,
    )


def _send(making: Making, visits: Sequence[Visit]) -> None:
    """Reminders, invoices by e-mail, and memos of calls."""
    calendar = making.calendar
    seen = [visit for visit in visits if visit.outcome in ("kept", "missed")]
    for number, visit in enumerate(seen[::REMINDED]):
        sent_at = calendar.later(visit.booking["starts_at"], -DAY)
        about: Record = {
            "patient_id": visit.patient["id"],
            "booking_id": visit.booking["id"],
            "attendee_id": visit.attendee["id"],
        }
        if sent_at > visit.booking["created_at"]:
            words = "See you tomorrow at the Example Clinic. Reply Y to confirm."
            to = visit.patient["patient_phone_numbers"][0]["number"]
            _write(making, sent_at, SMS, SENT, REMINDER, **about, to=to, content=words)
        if number % 4 == 0:
            _email(making, visit.booking["ends_at"], visit.patient, about)
        if number % 8 == 1:
            called_at = calendar.before(calendar.later(visit.booking["ends_at"], 3600))
            memo = {"content": "Asked for a later time. Called back.", "confidential": False}
            _write(making, called_at, CALL, RECEIVED, MEMO, patient_id=visit.patient["id"], **memo)


def _email(making: Making, ends_at: str, patient: Record, about: Record) -> None:
    sent_at = making.calendar.before(ends_at)
    words = {"content_subject": "Your invoice", "content": "Thank you for your visit."}
    own = {**about, "from": "desk@example.com", "to": patient["email"]}
    _write(making, sent_at, EMAIL, SENT, INVOICE, **own, **words)


def _write(
    making: Making,
    moment: str,
    type: tuple[int, str],
    direction: tuple[int, str],
    category: tuple[int, str],
    **values: Any,
) -> None:
    """Add a communication. Those that were sent have no `confidential`, which is the memos'."""
    record = making.add(
        "communications",
        moment,
        **dict(zip(("type_code", "type"), type, strict=True)),
        **dict(zip(("direction_code", "direction_description"), direction, strict=True)),
        **dict(zip(("category_code", "category"), category, strict=True)),
        **values,
    )
    if category != MEMO:
        del record["confidential"]


def _ask(making: Making, visits: Sequence[Visit]) -> None:
    """Forms that patients fill in before they come; some have not yet."""
    create = making.add
    questions = [{"name": name, "type": "paragraph", "required": False} for name in QUESTIONS]
    section = {"name": "About you", "description": None}
    template = create(
        "patient_form_templates",
        making.calendar.start(1010),
        name="Before your first visit",
        content={"sections": [{**section, "questions": questions}]},
    )
    for number, visit in enumerate(visits[::25]):
        answers = ANSWERS[number % len(ANSWERS)]
        told = [
            {**question, "answer": answer}
            for question, answer in zip(questions, answers, strict=True)
        ]
        is_done = number % 5 != 4  # noqa: PLR2004 - some have not
        moment = visit.booking["created_at"]
        create(
            "patient_forms",
            moment,
            name=template["name"],
            content={"sections": [{**section, "questions": told if is_done else questions}]},
            completed_at=moment if is_done else None,
            patient_id=visit.patient["id"],
            attendee_id=visit.attendee["id"],
            booking_id=visit.booking["id"],
            business_id=visit.shift.business["id"],
            url=f"https://forms.example.com/made-up/{number}",
        )
