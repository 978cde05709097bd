"""The invoices of a made-up clinic: paid, part-paid, open, written off, and reversed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cliniko_async.emulator.records import link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.emulator.seeds.making import Making, Record, Staff
    from cliniko_async.emulator.seeds.visits import Visit

__all__ = ["bill"]

BILLED: Final = 0.85
"""The share of kept appointments that are invoiced here."""

WITH_PRODUCT: Final = 0.25
RATE: Final = Decimal("0.1")
"""GST. Consultations are free of it, products are not."""

STATUSES: Final = {10: "Open", 20: "Paid", 30: "Closed", 40: "Open credit"}
FIRST_NUMBER: Final = 1000


def bill(making: Making, staff: Staff, visits: Sequence[Visit]) -> None:
    """Invoice what was kept, in the order in which it was."""
    kept = [v for v in visits if v.outcome == "kept" and making.chance(BILLED)]
    kept.sort(key=lambda visit: visit.booking["ends_at"])
    for number, visit in enumerate(kept, FIRST_NUMBER):
        invoice = _invoice(making, staff, visit, number)
        if making.chance(0.02):
            making.tables.mark("invoices", invoice["id"], "archived_at", at=invoice["updated_at"])
    if kept:
        _reverse(making, FIRST_NUMBER + len(kept))


def _status(making: Making, visit: Visit) -> int:
    """What has become of an invoice; the younger it is, the rather it is open."""
    age = (making.calendar.today - visit.issued).days
    if making.chance(0.3 if age < 21 else 0.05):  # noqa: PLR2004 - days in which most pay
        return 10
    return 30 if making.chance(0.02) else 20


def _invoice(making: Making, staff: Staff, visit: Visit, number: int) -> Record:
    calendar = making.calendar
    ends_at, status = visit.booking["ends_at"], _status(making, visit)
    price = staff.prices[visit.type_id]
    items = [_item(price, "1.0", price["price"], None)]
    if making.chance(WITH_PRODUCT):
        product = making.random.choice(staff.products)
        quantity = "2.0" if making.chance(0.2) else "1.0"
        items.append(_item(product, quantity, product["price_ex_tax"], RATE))
    part_paid = status == 10 and making.chance(0.4)  # noqa: PLR2004 - open
    invoice = making.add(
        "invoices",
        ends_at,
        number=number,
        issue_date=visit.issued.isoformat(),
        closed_at=None if status == 10 else calendar.before(ends_at),  # noqa: PLR2004 - open
        # What was paid is in no field of the API.
        notes="Part-paid at the desk: 40.00" if part_paid else None,
        invoice_to=visit.patient["label"],
        patient_id=visit.patient["id"],
        practitioner_id=visit.shift.practitioner["id"],
        business_id=visit.shift.business["id"],
        appointment_id=visit.booking["id"],
        attendee_id=visit.attendee["id"],
        **_totals(items),
        **_said(status),
    )
    for item in items:
        making.add("invoice_items", ends_at, invoice_id=invoice["id"], **item)
    for record in (visit.attendee, visit.booking):
        if "invoice_status" in record:
            record["invoice_status"] = status
    return invoice


def _said(status: int) -> Record:
    return {
        "status": status,
        "status_description": STATUSES[status],
        "calculation_method": 2,
        "calculation_method_description": "Tax exclusive",
        "discounted_amount": "0.0",
    }


def _item(sold: Record, quantity: str, price: str, rate: Decimal | None) -> Record:
    """A line of an invoice: a service or a product, with its tax apart."""
    net = Decimal(price) * Decimal(quantity)
    tax = (net * (rate or 0)).quantize(Decimal("0.01"))
    is_product = "stock_level" in sold
    return {
        ("product_id" if is_product else "billable_item_id"): sold["id"],
        "name": sold["name"],
        "code": sold["item_code"],
        "quantity": quantity,
        "unit_price": price,
        "net_price": str(net.quantize(Decimal("0.01"))),
        "tax_name": "GST" if rate else None,
        "tax_rate": "10.0" if rate else None,
        "tax_amount": str(tax),
        "total_including_tax": float(net + tax),
        "discounted_amount": "0.0",
    }


def _totals(items: Sequence[Record]) -> Record:
    net = sum(Decimal(item["net_price"]) for item in items)
    tax = sum(Decimal(item["tax_amount"]) for item in items)
    return {"net_amount": str(net), "tax_amount": str(tax), "total_amount": str(net + tax)}


def _reverse(making: Making, number: int) -> None:
    """Reverse the last of a hundred invoices each: a credit that is open."""
    paid = [i for i in making.tables.records("invoices") if i["status"] == 20]  # noqa: PLR2004 - paid
    for n, invoice in enumerate(paid[99::100]):
        same = ("issue_date", "invoice_to", "patient", "practitioner", "business", "updated_at")
        credit = making.add(
            "invoices",
            invoice["created_at"],
            number=number + n,
            original_invoice=link(f"invoices/{invoice['id']}"),
            net_amount=f"-{invoice['net_amount']}",
            tax_amount=f"-{invoice['tax_amount']}",
            total_amount=f"-{invoice['total_amount']}",
            **{name: invoice[name] for name in same},
            **_said(40),
        )
        net, tax = Decimal(credit["net_amount"]), Decimal(credit["tax_amount"])
        making.add(
            "invoice_items",
            invoice["created_at"],
            invoice_id=credit["id"],
            name="Reversal",
            quantity="1.0",
            unit_price=str(net),
            net_price=str(net),
            tax_amount=str(tax),
            total_including_tax=float(net + tax),
        )
