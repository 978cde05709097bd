"""Where relations lead, by the names of the fields that hold their ids."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["leads_to"]

LEADS_TO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "appointment": "appointments",
        "appointment_type": "appointment_types",
        "attendee": "attendees",
        "billable_item": "billable_items",
        "booking": "bookings",
        "business": "businesses",
        "concession_type": "concession_types",
        "contact": "contacts",
        "invoice": "invoices",
        "letter": "letters",
        "original_invoice": "invoices",
        "patient": "patients",
        "patient_attachment": "patient_attachments",
        "patient_case": "patient_cases",
        "patient_form_template": "patient_form_templates",
        "practitioner": "practitioners",
        "product": "products",
        "product_supplier": "product_suppliers",
        "recall_type": "recall_types",
        "referral_source_type": "referral_source_types",
        "referrer": "patients or contacts",
        "referring_doctor": "contacts",
        "related_patient": "patients",
        "repeated_from": "bookings",
        "tax": "taxes",
        "treatment_note_template": "treatment_note_templates",
        "unavailable_block_type": "unavailable_block_types",
        "user": "users",
    }
)
"""The resources behind the API's relations, as the example links of its document have them."""


def leads_to(field: str) -> str | None:
    """The resource whose ids a field holds, such as `patients` for `patient_id` or `patient_ids`.

    None if that is not known: of message templates there are ids, and no resource.
    """
    return LEADS_TO.get(field.removesuffix("s").removesuffix("_id"))
