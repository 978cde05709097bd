"""Custom fields: what an account records of its patients besides the API's own fields."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import attrs

from cliniko_async._models import NEEDED, TRUE_ALONE, Model, Unknown, model, variants

__all__ = [
    "CustomChoice",
    "CustomDate",
    "CustomField",
    "CustomFields",
    "CustomOption",
    "CustomOther",
    "CustomSection",
    "CustomText",
]


@model
class CustomText(Model):
    """A field that holds a text."""

    token: str | None = attrs.field(default=None, metadata=NEEDED)
    name: str | None = None
    type: Literal["text", "paragraph"] | str | None = None
    value: str | None = None
    archived: bool | None = None


@model
class CustomDate(Model):
    """A field that holds a date."""

    token: str | None = attrs.field(default=None, metadata=NEEDED)
    name: str | None = None
    type: Literal["date"] | str | None = None
    value: date | None = None
    archived: bool | None = None


@model
class CustomOption(Model):
    """One of the answers that can be chosen."""

    token: str | None = attrs.field(default=None, metadata=NEEDED)
    name: str | None = None
    selected: bool | None = attrs.field(default=None, metadata=TRUE_ALONE)
    archived: bool | None = None


@model
class CustomOther(Model):
    """An answer in the patient's own words."""

    enabled: bool | None = None
    selected: bool | None = attrs.field(default=None, metadata=TRUE_ALONE)
    value: str | None = None
    archived: bool | None = None


@model
class CustomChoice(Model):
    """A field with answers to choose from: several of checkboxes, one of radio buttons."""

    token: str | None = attrs.field(default=None, metadata=NEEDED)
    name: str | None = None
    type: Literal["checkboxes", "radiobuttons"] | str | None = None
    options: list[CustomOption] | None = None
    other: CustomOther | None = None
    archived: bool | None = None


KINDS: dict[Any, type[Model]] = {
    "text": CustomText,
    "paragraph": CustomText,
    "date": CustomDate,
    "checkboxes": CustomChoice,
    "radiobuttons": CustomChoice,
}

if TYPE_CHECKING:
    CustomField = CustomText | CustomDate | CustomChoice | Unknown
else:
    CustomField = variants(
        "CustomField",
        lambda field: KINDS.get(field.get("type")),
        KINDS.values(),
        KINDS,
    )


@model
class CustomSection(Model):
    """A section of custom fields."""

    token: str | None = attrs.field(default=None, metadata=NEEDED)
    name: str | None = None
    fields: list[CustomField] | None = attrs.field(default=None, metadata=NEEDED)
    archived: bool | None = None


@model
class CustomFields(Model):
    """A patient's custom fields, section by section.

    Fields are known by their tokens. What the account asks for is in the settings.
    """

    sections: list[CustomSection] | None = None
