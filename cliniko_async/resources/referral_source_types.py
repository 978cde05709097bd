"""Referral source types: the ways in which patients find the account."""

from __future__ import annotations

from typing import Final, Literal

from cliniko_async._models import Link, Moment, Record, model
from cliniko_async._query import DateTimeField, Filters
from cliniko_async._verbs import Archived, Gettable, Listable

__all__ = ["ReferralSourceType", "ReferralSourceTypeFilters", "ReferralSourceTypes"]


@model
class ReferralSourceType(Record):
    """A way in which patients find the account."""

    name: str | None = None
    subcategories: list[str] | None = None
    referrer_type: Literal["Contact", "Patient"] | str | None = None
    referrers: Link | None = None
    """All contacts or all patients, from whom the referrer can be chosen."""
    archived_at: Moment | None = None


class ReferralSourceTypeFilters(Filters):
    """What referral source types can be filtered by."""

    archived_at: DateTimeField


class ReferralSourceTypes(
    Listable[ReferralSourceType, ReferralSourceTypeFilters, Archived],
    Gettable[ReferralSourceType, Archived],
):
    """The ways in which patients find the account. The API shows them and cannot change them."""

    path = "/referral_source_types"
    model = ReferralSourceType
    filters: Final = ReferralSourceTypeFilters()
