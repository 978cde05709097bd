"""Contacts: people and organisations who are not patients, such as doctors who refer them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models import Moment, Record, Ref, Text2, Text255, model
from cliniko_async._query import DateTimeField, Filters, IntegerField, StringField
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    DeletionDeprecated,
    Gettable,
    Listable,
)
from cliniko_async.resources.people import PhoneNumber

__all__ = ["Contact", "ContactFields", "ContactFilters", "Contacts"]

DoctorType = Literal["general_practitioner", "specialist"]
TypeCode = Literal[0, 1, 2]


@model
class Contact(Record):
    """A person or an organisation. What it lacks may be an empty text instead of None."""

    type: Literal["Doctor", "3rd Party Payer", "Standard"] | str | None = None
    type_code: TypeCode | int | None = None
    doctor_type: DoctorType | str | None = None
    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    preferred_name: str | None = None
    company_name: str | None = None
    occupation: str | None = None
    provider_number: str | None = None
    email: str | None = None
    phone_numbers: list[PhoneNumber] | None = None
    address_1: str | None = None
    address_2: str | None = None
    address_3: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country_code: str | None = None
    country: str | None = None
    notes: str | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class ContactFields(TypedDict, total=False):
    """What can be set on a contact."""

    type_code: TypeCode | None
    doctor_type: DoctorType | None
    title: str | None
    first_name: Text255 | None
    last_name: Text255 | None
    preferred_name: str | None
    company_name: Text255 | None
    occupation: Text255 | None
    provider_number: Text255 | None
    email: Text255 | None
    phone_numbers: Sequence[PhoneNumber]
    address_1: Text255 | None
    address_2: Text255 | None
    address_3: Text255 | None
    city: Text255 | None
    state: Text255 | None
    post_code: Text255 | None
    country_code: Text2 | None
    notes: str | None


class ContactFilters(Filters):
    """What contacts can be filtered by."""

    type_code: IntegerField
    first_name: StringField
    last_name: StringField
    company_name: StringField
    occupation: StringField
    email: StringField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class Contacts(
    Listable[Contact, ContactFilters, ArchivedOrDeleted],
    Gettable[Contact, ArchivedOrDeleted],
    Archivable[Contact],
    DeletionDeprecated[Contact],
):
    """The account's contacts."""

    path = "/contacts"
    model = Contact
    filters: Final = ContactFilters()

    async def create(self, **fields: Unpack[ContactFields]) -> Contact:
        """Create a contact."""
        return await self._create(ContactFields, fields)

    async def update(self, id: Ref, **fields: Unpack[ContactFields]) -> Contact:
        """Change a contact. A field that is left out stays as it is."""
        return await self._update(id, ContactFields, fields)
