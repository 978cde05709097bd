"""What treatment notes and patient forms ask, and what was answered, section by section.

Templates ask the same questions without answers. Answers to paragraphs are HTML with few tags.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import attrs

from cliniko_async._models import (
    NEEDED,
    NOT_EMPTY,
    TRUE_ALONE,
    Id,
    Model,
    Text255,
    Unknown,
    model,
    variants,
)
from cliniko_async.resources.people import PhoneNumber, Pronouns

__all__ = [
    "Address",
    "AddressQuestion",
    "Answer",
    "BodyChartsQuestion",
    "ChoiceQuestion",
    "Content",
    "DateQuestion",
    "FullName",
    "FullNameOptions",
    "FullNameQuestion",
    "OtherAnswer",
    "PhoneQuestion",
    "PronounsQuestion",
    "Question",
    "Section",
    "SelectOther",
    "SelectQuestion",
    "SignatureQuestion",
    "TextQuestion",
]


@model
class TextQuestion(Model):
    """A question answered by a text."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["text", "paragraph"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    answer: str | None = None


@model
class DateQuestion(Model):
    """A question answered by a date."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["date"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    answer: date | None = None


@model
class Answer(Model):
    """An answer that can be chosen."""

    value: str | None = None
    selected: bool | None = attrs.field(default=None, metadata=TRUE_ALONE)


@model
class OtherAnswer(Model):
    """An answer in one's own words."""

    enabled: bool | None = None
    selected: bool | None = attrs.field(default=None, metadata=TRUE_ALONE)
    value: str | None = None


@model
class ChoiceQuestion(Model):
    """A question with answers to choose from: several of checkboxes, one of radio buttons."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["checkboxes", "radiobuttons"] | str | None = attrs.field(
        default=None, metadata=NEEDED
    )
    required: bool | None = None
    answers: list[Answer] | None = None
    other: OtherAnswer | None = None


@model
class BodyChartsQuestion(Model):
    """A place for drawings, in treatment notes."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["bodycharts"] | str | None = attrs.field(default=None, metadata=NEEDED)
    body_chart_ids: list[Id] | None = None


@model
class SignatureQuestion(Model):
    """A place for a signature, in patient forms."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["signature"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    signature_id: Id | None = None
    """What `signatures.get` takes."""
    signature: str | None = None
    """What is sent: an SVG picture of up to 500 by 500, as a data URI. It is never read back."""


@model
class Address(Model):
    """A postal address."""

    address_1: str | None = None
    address_2: str | None = None
    address_3: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country_code: str | None = None


@model
class AddressQuestion(Model):
    """A question for the patient's address."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["address"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    patient_field_connection: Literal["address"] | str | None = None
    answer: Address | None = None


@model
class FullName(Model):
    """A patient's name."""

    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    preferred_first_name: str | None = None


@model
class FullNameOptions(Model):
    """What is asked besides first and last name."""

    title_enabled: bool | None = None
    preferred_first_name_enabled: bool | None = None


@model
class FullNameQuestion(Model):
    """A question for the patient's name."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["full_name"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    patient_field_connection: Literal["full_name"] | str | None = None
    options: FullNameOptions | None = None
    answer: FullName | None = None


@model
class PhoneQuestion(Model):
    """A question for the patient's telephone numbers."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["phone"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    patient_field_connection: Literal["phone"] | str | None = None
    answer: list[PhoneNumber] | None = None


@model
class PronounsQuestion(Model):
    """A question for the patient's pronouns."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["pronouns"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    patient_field_connection: Literal["pronouns"] | str | None = None
    answer: Pronouns | None = None


@model
class SelectOther(Model):
    """An answer that is not among the options."""

    enabled: bool | None = None
    label: str | None = None


@model
class SelectQuestion(Model):
    """A question for one of the patient's fields, with options."""

    name: str | None = attrs.field(default=None, metadata=NEEDED)
    type: Literal["select"] | str | None = attrs.field(default=None, metadata=NEEDED)
    required: bool | None = None
    patient_field_connection: Literal["gender_identity", "sex"] | str | None = None
    options: list[str] | None = None
    other: SelectOther | None = None
    answer: str | None = None


KINDS: dict[Any, type[Model]] = {
    "text": TextQuestion,
    "paragraph": TextQuestion,
    "date": DateQuestion,
    "checkboxes": ChoiceQuestion,
    "radiobuttons": ChoiceQuestion,
    "bodycharts": BodyChartsQuestion,
    "signature": SignatureQuestion,
    "address": AddressQuestion,
    "full_name": FullNameQuestion,
    "phone": PhoneQuestion,
    "pronouns": PronounsQuestion,
    "select": SelectQuestion,
}

if TYPE_CHECKING:
    Question = (
        TextQuestion
        | DateQuestion
        | ChoiceQuestion
        | BodyChartsQuestion
        | SignatureQuestion
        | AddressQuestion
        | FullNameQuestion
        | PhoneQuestion
        | PronounsQuestion
        | SelectQuestion
        | Unknown
    )
else:
    Question = variants(
        "Question",
        lambda question: KINDS.get(question.get("type")),
        KINDS.values(),
        KINDS,
    )


@model
class Section(Model):
    """Some questions under one heading."""

    name: Text255 | None = None
    description: str | None = None
    questions: list[Question] | None = None


@model
class Content(Model):
    """All questions, and their answers."""

    sections: list[Section] | None = attrs.field(default=None, metadata=NOT_EMPTY)
