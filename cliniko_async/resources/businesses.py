"""Businesses: the places where patients are treated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from cliniko_async._models import (
    Id,
    Link,
    LocalDay,
    Moment,
    Record,
    Ref,
    Text5000,
    days_between,
    model,
    zone_of,
)
from cliniko_async._query import ArrayField, BooleanField, DateTimeField, Filters
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    DeletionDeprecated,
    Gettable,
    Listable,
    Unarchivable,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["Business", "BusinessFields", "BusinessFilters", "Businesses"]


@model
class Business(Record):
    """A place where patients are treated."""

    business_name: str | None = None
    display_name: str | None = None
    label: str | None = None
    business_registration_name: str | None = None
    business_registration_value: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country_code: str | None = None
    country: str | None = None
    time_zone: str | None = None
    """The label of a zone, as the web application shows it."""
    time_zone_identifier: str | None = None
    """The zone's IANA name."""
    contact_information: str | None = None
    website_address: str | None = None
    email_reply_to: str | None = None
    additional_information: str | None = None
    additional_invoice_information: str | None = None
    appointment_reminders_enabled: bool | None = None
    show_in_online_bookings: bool | None = None
    appointment_type_ids: list[Id] | None = None
    appointments: Link | None = None
    practitioners: Link | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The business's time zone.

        Raises:
            InvalidValueError: The business shows none, or this machine does not know it.
        """
        return zone_of(self.time_zone_identifier, repr(self))

    def local_day(self, day: date | None = None) -> LocalDay:
        """A day on the business's own clock; today by default.

        Raises:
            InvalidTypeError: It is not a date.
            InvalidValueError: The business shows no time zone.
        """
        own = datetime.now(self.zone).date() if day is None else day
        return days_between(self.zone, own, own)[0]

    def local_days(self, first: date, last: date) -> Sequence[LocalDay]:
        """The days from the first to the last, on the business's own clock.

        Raises:
            InvalidTypeError: One of them is not a date.
            InvalidValueError: The last is before the first, or the business shows no time zone.
        """
        return days_between(self.zone, first, last)


class BusinessFields(TypedDict, total=False):
    """What can be set on a business."""

    business_name: str | None
    display_name: str | None
    business_registration_name: str | None
    business_registration_value: str | None
    address_1: str | None
    address_2: str | None
    city: str | None
    state: str | None
    post_code: str | None
    country_code: str | None
    time_zone: str | None
    """Wins if both it and `time_zone_identifier` are sent. Some accounts refuse either."""
    time_zone_identifier: str | None
    contact_information: str | None
    website_address: str | None
    email_reply_to: str | None
    additional_information: Text5000 | None
    additional_invoice_information: Text5000 | None
    appointment_reminders_enabled: bool | None
    show_in_online_bookings: bool | None
    appointment_type_ids: Sequence[Ref] | None
    logo: str
    """A picture, in base64."""
    logo_height: int
    remove_logo: bool


class BusinessFilters(Filters):
    """What businesses can be filtered by."""

    appointment_type_ids: ArrayField
    show_in_online_bookings: BooleanField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class Businesses(
    Listable[Business, BusinessFilters, ArchivedOrDeleted],
    Gettable[Business, ArchivedOrDeleted],
    Archivable[Business],
    Unarchivable[Business],
    DeletionDeprecated[Business],
):
    """The account's businesses: its locations."""

    path = "/businesses"
    model = Business
    filters: Final = BusinessFilters()

    async def create(self, **fields: Unpack[BusinessFields]) -> Business:
        """Create a business."""
        return await self._create(BusinessFields, fields)

    async def update(self, id: Ref, **fields: Unpack[BusinessFields]) -> Business:
        """Change a business. A field that is left out stays as it is."""
        return await self._update(id, BusinessFields, fields)
