"""Referral source types: the ways in which patients find the account."""

from __future__ import annotations

from typing import Final, Literal

from cliniko_async._models.links import Link
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import DateTimeField, Filters
from cliniko_async._verbs.many_records import Listable
from cliniko_async._verbs.one_record import Gettable

__all__ = ["ReferralSourceType", "ReferralSourceTypeFilters", "ReferralSourceTypes"]

Hidden = Literal["archived"]
"""What lists and `get` leave out unless `include=` names it."""


@model
class ReferralSourceType(Model):
    """A way in which patients find the account."""

    id: Id
    created_at: Moment
    updated_at: Moment
    name: str | None = None
    subcategories: list[str] | None = None
    referrer_type: Literal["Contact", "Patient"] | str | None = None
    referrers: Link | None = None
    """All contacts or all patients, from whom the referrer can be chosen."""
    archived_at: Moment | None = None
    links: Link | None = None


class ReferralSourceTypeFilters(Filters):
    """What referral source types can be filtered by."""

    archived_at: DateTimeField


class ReferralSourceTypes(
    Listable[ReferralSourceType, ReferralSourceTypeFilters, Hidden],
    Gettable[ReferralSourceType, Hidden],
):
    """The ways in which patients find the account. The API shows them and cannot change them."""

    path = "/referral_source_types"
    model = ReferralSourceType
    filters: Final = ReferralSourceTypeFilters()
