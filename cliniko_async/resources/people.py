"""Parts that several models of people share: telephone numbers and pronouns."""

from __future__ import annotations

from typing import Literal

import attrs

from cliniko_async._models.bounds import Text50
from cliniko_async._models.model import NEEDED, READ_ONLY, Model, model

__all__ = ["PhoneNumber", "Pronouns"]


@model
class PhoneNumber(Model):
    """A telephone number of a patient or contact."""

    number: str | None = None
    normalized_number: str | None = attrs.field(default=None, metadata=READ_ONLY)
    phone_type: Literal["Fax", "Home", "Mobile", "Other", "Work"] | str | None = None


@model
class Pronouns(Model):
    """A person's pronouns. The API takes all five or none."""

    nominative: Text50 | None = attrs.field(default=None, metadata=NEEDED)
    accusative: Text50 | None = attrs.field(default=None, metadata=NEEDED)
    pronominal_possessive: Text50 | None = attrs.field(default=None, metadata=NEEDED)
    predicative_possessive: Text50 | None = attrs.field(default=None, metadata=NEEDED)
    reflexive: Text50 | None = attrs.field(default=None, metadata=NEEDED)
