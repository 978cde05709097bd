"""Daily availabilities: a practitioner's usual hours at a business on one day of the week."""

from __future__ import annotations

from typing import Final, Never, Unpack

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Model, Record, Ref, model
from cliniko_async._query import Filter, Filters, IdField
from cliniko_async._verbs import Gettable, Listable, ListOptions

__all__ = [
    "DailyAvailabilities",
    "DailyAvailability",
    "DailyAvailabilityFilters",
    "DailyHours",
]


@model
class DailyHours(Model):
    """A span of a day, in the time zone of the record, as `HH:MM`."""

    starts_at: str | None = None
    ends_at: str | None = None


@model
class DailyAvailability(Record):
    """A practitioner's usual hours at a business on one day of the week."""

    day_of_week: int | None = None
    """As the API sends it. Its documents disagree on which day is which: 0 to 6, or 1 to 7."""
    availabilities: list[DailyHours] | None = None
    practitioner: Link | None = None
    business: Link | None = None
    time_zone: str | None = None
    """The label of a zone, as the web application shows it."""
    time_zone_identifier: str | None = None
    """The zone's IANA name."""


class DailyAvailabilityFilters(Filters):
    """What daily availabilities can be filtered by."""

    practitioner_id: IdField
    business_id: IdField


DailyAvailabilityOptions = ListOptions[DailyAvailabilityFilters, Never]


class DailyAvailabilities(
    Listable[DailyAvailability, DailyAvailabilityFilters, Never],
    Gettable[DailyAvailability, Never],
):
    """Practitioners' usual hours. The API shows them and cannot change them."""

    path = "/daily_availabilities"
    model = DailyAvailability
    filters: Final = DailyAvailabilityFilters()

    def list_for_business(
        self,
        business_id: Ref,
        *where: Filter[DailyAvailabilityFilters],
        **options: Unpack[DailyAvailabilityOptions],
    ) -> Listing[DailyAvailability]:
        """List the usual hours at a business."""
        template = "/businesses/{business_id}/daily_availabilities"
        return self._list(template, business_id, where, **options)

    def list_for_practitioner(
        self,
        practitioner_id: Ref,
        *where: Filter[DailyAvailabilityFilters],
        **options: Unpack[DailyAvailabilityOptions],
    ) -> Listing[DailyAvailability]:
        """List the usual hours of a practitioner."""
        template = "/practitioners/{practitioner_id}/daily_availabilities"
        return self._list(template, practitioner_id, where, **options)
