"""Parts that several models of people share: telephone numbers and pronouns."""

from __future__ import annotations

from typing import Literal

import attrs

from cliniko_async._models.model import Model, model

__all__ = ["PhoneNumber", "Pronouns"]


@model
class PhoneNumber(Model):
    """A telephone number of a patient or contact."""

    number: str | None = None
    normalized_number: str | None = attrs.field(default=None, metadata={"read_only": True})
    phone_type: Literal["Fax", "Home", "Mobile", "Other", "Work"] | str | None = None


@model
class Pronouns(Model):
    """A person's pronouns. The API takes all five or none."""

    nominative: str | None = None
    accusative: str | None = None
    pronominal_possessive: str | None = None
    predicative_possessive: str | None = None
    reflexive: str | None = None
