"""The first lines that somebody would write with a resource. `tests/test_docs.py` runs them."""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliniko_async.cli.described import Description, Writable

OF_THEIR_OWN: Final = {
    "available_times": (
        'ids = {"business_id": "123", "appointment_type_id": "123"}',
        'times = await cliniko.available_times.find(practitioner_ids=["123"], **ids)',
    ),
    "settings": (
        "settings = await cliniko.settings.get()",
        "print(settings.account and settings.account.country)",
    ),
    "signatures": (
        'form = await cliniko.patient_forms.get("123")',
        "for signature in form.signatures or ():",
        "    record = await cliniko.signatures.get(form.id, signature)",
    ),
}
"""Resources without lists."""

BESIDE: Final = {
    "individual_appointments": (
        "",
        'await cliniko.individual_appointments.cancel("123", reason="Sick")',
    ),
    "patient_attachments": (
        "",
        "record = await cliniko.patient_attachments.upload(",
        '    "123", b"A letter.", filename="letter.txt", wait=30',
        ")",
        'await cliniko.patient_attachments.download(record.id, "letter.txt")',
    ),
    "referral_sources": (
        "",
        'source = await cliniko.referral_sources.get_for_patient("123")',
    ),
}
"""What else is done with a resource first of all."""

GIVEN: Final = {
    "appointment_type_billable_items": "appointment_type_id billable_item_id quantity",
    "appointment_type_products": "appointment_type_id product_id quantity",
    "attendees": "booking_id patient_id",
    "availability_blocks": "starts_at ends_at practitioner_id business_id",
    "billable_items": "name price",
    "businesses": "business_name",
    "concession_prices": "billable_item_id concession_type_id price",
    "concession_types": "name",
    "contacts": "first_name last_name",
    "group_appointments": "starts_at max_attendees practitioner_id business_id appointment_type_id",
    "medical_alerts": "name patient_id",
    "patient_form_templates": "name content",
    "patient_forms": "patient_form_template_id patient_id",
    "patients": "first_name last_name date_of_birth",
    "practitioner_reference_numbers": "name reference_number practitioner_id",
    "product_suppliers": "name",
    "products": "name price",
    "recall_types": "name",
    "relationships": "patient_id related_patient_id relation",
    "taxes": "name rate",
    "treatment_note_templates": "name content",
    "unavailable_block_types": "name",
    "unavailable_blocks": "starts_at ends_at practitioner_id business_id",
}
"""What a new record is given where no field has to be: the fields of an ordinary one."""

VALUES: Final = {
    "color": '"#3366cc"',
    "content": '{"sections": [{"questions": [{"name": "Plan", "type": "text"}]}]}',
    "duration_in_minutes": "30",
    "ends_at": "until",
    "first_name": '"Alba"',
    "last_name": '"Testperson"',
    "max_attendees": "8",
    "recall_at": "date(2026, 5, 31)",
    "related_patient_id": '"124"',
    "starts_at": "since",
}
"""Fields whose type does not say what to write."""

TYPES: Final = {
    "id": '"123"',
    "text": '"Example"',
    "number": "1",
    "decimal": 'Decimal("10")',
    "date": "date(1990, 12, 31)",
    "true or false": "False",
}
"""A value for each type."""

LONGEST: Final = 66
"""Characters of a line that can be read beside the site's two columns."""


def argument(field: Writable) -> str:
    """A field and a value that it takes, as Python writes them."""
    first = field.type.partition(" | ")[0]
    value = TYPES.get(first) or first.replace("'", '"')
    if field.name in VALUES and not (first == "text" and field.name == "content"):
        value = VALUES[field.name]
    return f"{field.name + '_' if iskeyword(field.name) else field.name}={value}"


def call(resource: str, verb: str, *arguments: str) -> Iterator[str]:
    """A call in one line, or with a line for each argument."""
    line = f"record = await cliniko.{resource}.{verb}({', '.join(arguments)})"
    if len(line) <= LONGEST:
        yield line
    else:
        head, _, _ = line.partition("(")
        yield from (f"{head}(", *(f"    {each}," for each in arguments), ")")


def example(resource: Description) -> Iterator[str]:
    """Reading, then writing."""
    name, verbs = resource.name, {verb.name for verb in resource.verbs}
    if name in OF_THEIR_OWN:
        yield from OF_THEIR_OWN[name]
        return
    if "updated_at" in resource.filters:
        yield f"f = cliniko.{name}.filters"
        yield f"async for record in cliniko.{name}.list(f.updated_at >= since):"
        yield "    print(record.id)"
    elif "list" in verbs:
        yield f"records = await cliniko.{name}.list().all()"
    if "get" in verbs:
        yield from ("", f'record = await cliniko.{name}.get("123")')
    given = GIVEN.get(name, "").split()
    taken = [w for w in resource.writable if w.on_create == "required" or w.name in given]
    if taken:
        yield from ("", *call(name, "create", *map(argument, taken)))
    yield from BESIDE.get(name, ())
