"""Patients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Literal, TypedDict, Unpack

from cliniko_async._models import Email, Like, Link, Longest, Moment, Record, Ref, Text255, model
from cliniko_async._query import BooleanField, DateField, DateTimeField, Filters, StringField
from cliniko_async._verbs import (
    Archivable,
    Archived,
    DeletionDeprecated,
    Gettable,
    Listable,
    Unarchivable,
)
from cliniko_async.resources.custom_fields import CustomFields
from cliniko_async.resources.people import PhoneNumber, Pronouns

__all__ = ["Patient", "PatientFields", "PatientFilters", "Patients"]

Channel = Literal[1, 2]
"""1 is SMS, 2 e-mail. Three users of the API saw them in 2026; its document lacks them."""

DvaCardNumber = Annotated[
    str,
    Like(
        "|[NVQSWT]([A-Z ][0-9]{1,6}|[A-Z]{2}[0-9]{1,5}|[A-Z]{3}[0-9]{1,4})[A-Z]?",
        "a file number of the Department of Veterans' Affairs, such as NX123456",
    ),
]

ReminderType = Literal["None", "SMS", "Email", "SMS & Email"]


@model
class Patient(Record):
    """A patient."""

    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    preferred_first_name: str | None = None
    label: str | None = None
    """The full name."""
    date_of_birth: date | None = None
    sex: str | None = None
    gender_identity: str | None = None
    gender: str | None = None
    """Deprecated by the API: see `gender_identity` and `sex`."""
    pronouns: Pronouns | None = None
    occupation: str | None = None
    email: str | None = None
    patient_phone_numbers: list[PhoneNumber] | None = None
    address_1: str | None = None
    address_2: str | None = None
    address_3: str | None = None
    city: str | None = None
    state: str | None = None
    post_code: str | None = None
    country_code: str | None = None
    country: str | None = None
    """Deprecated by the API: see `country_code`."""
    time_zone: str | None = None
    """An IANA name."""
    emergency_contact: str | None = None
    notes: str | None = None
    appointment_notes: str | None = None
    custom_fields: CustomFields | None = None
    medicare: str | None = None
    medicare_reference_number: str | None = None
    dva_card_number: str | None = None
    old_reference_id: str | None = None
    """The patient's number in the system before Cliniko."""
    referral_source: str | None = None
    referring_doctor: Link | None = None
    concession_type: Link | None = None
    invoice_default_to: str | None = None
    invoice_email: str | None = None
    invoice_extra_information: str | None = None
    reminders_communication_channels: list[Channel | int] | None = None
    """How the patient is reminded of appointments: 1 by SMS, 2 by e-mail."""
    reminders_communication_channels_description: str | None = None
    follow_ups_communication_channels: list[Channel | int] | None = None
    """Likewise of what follows them."""
    follow_ups_communication_channels_description: str | None = None
    reminder_type: ReminderType | str | None = None
    """Deprecated by the API: see `reminders_communication_channels`."""
    receives_confirmation_emails: bool | None = None
    receives_cancellation_emails: bool | None = None
    accepted_privacy_policy: bool | None = None
    """None until the patient has been asked."""
    accepted_email_marketing: bool | None = None
    accepted_sms_marketing: bool | None = None
    """Written as `unsubscribe_sms_marketing`, which is the opposite."""
    appointments: Link | None = None
    attendees: Link | None = None
    latest_booking: Link | None = None
    invoices: Link | None = None
    medical_alerts: Link | None = None
    patient_attachments: Link | None = None
    relationships: Link | None = None
    merged_at: Moment | None = None
    merged_with_patient: Link | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class PatientFields(TypedDict, total=False):
    """What can be set on a patient."""

    title: Text255 | None
    first_name: Text255
    last_name: Text255
    preferred_first_name: Text255 | None
    date_of_birth: date | None
    sex: str | None
    gender_identity: str | None
    pronouns: Pronouns | None
    occupation: Text255 | None
    email: Annotated[Email, Longest(255)] | None
    patient_phone_numbers: Sequence[PhoneNumber]
    address_1: Text255 | None
    address_2: Text255 | None
    address_3: Text255 | None
    city: Text255 | None
    state: str | None
    post_code: str | None
    country_code: str | None
    country: str | None
    time_zone: str | None
    emergency_contact: Text255 | None
    notes: str | None
    appointment_notes: str | None
    custom_fields: CustomFields | None
    medicare: Text255 | None
    medicare_reference_number: Text255 | None
    dva_card_number: DvaCardNumber | None
    old_reference_id: Text255 | None
    referral_source: Text255 | None
    referring_doctor_id: Ref
    concession_type_id: Ref
    invoice_default_to: str | None
    invoice_email: Email | None
    invoice_extra_information: str | None
    reminders_communication_channels: Sequence[Channel] | None
    follow_ups_communication_channels: Sequence[Channel] | None
    reminder_type: ReminderType | None
    """Deprecated by the API: see `reminders_communication_channels`."""
    receives_confirmation_emails: bool | None
    receives_cancellation_emails: bool | None
    accepted_privacy_policy: bool | None
    accepted_email_marketing: bool | None
    unsubscribe_sms_marketing: bool


class PatientFilters(Filters):
    """What patients can be filtered by."""

    first_name: StringField
    last_name: StringField
    preferred_first_name: StringField
    date_of_birth: DateField
    email: StringField
    old_reference_id: StringField
    accepted_privacy_policy: BooleanField
    archived_at: DateTimeField


class Patients(
    Listable[Patient, PatientFilters, Archived],
    Gettable[Patient, Archived],
    Archivable[Patient],
    Unarchivable[Patient],
    DeletionDeprecated[Patient],
):
    """The account's patients."""

    path = "/patients"
    model = Patient
    filters: Final = PatientFilters()

    async def create(self, **fields: Unpack[PatientFields]) -> Patient:
        """Create a patient."""
        return await self._create(PatientFields, fields)

    async def update(self, id: Ref, **fields: Unpack[PatientFields]) -> Patient:
        """Change a patient. A field that is left out stays as it is."""
        return await self._update(id, PatientFields, fields)
