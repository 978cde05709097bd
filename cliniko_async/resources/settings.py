"""The account's settings."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from cliniko_async._http import Request
from cliniko_async._models import Id, Link, Model, model
from cliniko_async._verbs import Resource
from cliniko_async.resources.custom_fields import CustomFields

__all__ = [
    "Account",
    "AccountSettings",
    "Adroll",
    "Calendar",
    "Compliance",
    "DocumentsAndPrinting",
    "GoogleAnalytics",
    "GoogleTagManager",
    "Integration",
    "Integrations",
    "OnlineBookings",
    "OnlinePayments",
    "PatientPrivacy",
    "Reminders",
    "Settings",
    "Sms",
    "Terminology",
    "WaitList",
]

NameFormat = Literal["first_name", "full_name", "initials", "anonymous", "semi_anonymous"]


@model
class Compliance(Model):
    """What prevents compliance with HIPAA."""

    has_hipaa_compliance_conflicts: bool | None = None
    hipaa_compliance_conflict_messages: list[str] | None = attrs.field(
        default=None, metadata={"name": "hipaa_compliance-conflict_messages"}
    )


@model
class Account(Model):
    """The account itself."""

    id: Id | None = None
    name: str | None = None
    subdomain: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email_from: str | None = None
    country: str | None = None
    country_code: str | None = None
    currency_symbol: str | None = None
    invoice_calculation_method: Literal[1, 2, 3] | int | None = None
    """1 is legacy, 2 without tax, 3 with tax."""
    invoice_calculation_method_description: str | None = None
    time_zone: str | None = None
    """As its neighbour, it was seen in one source alone."""
    admin: Any = None
    """JSON, whose form is not documented."""
    time_zone_support: bool | None = None
    """Whether businesses can have time zones of their own."""
    has_time_travelers: bool | None = None
    compliance: Compliance | None = None


@model
class Calendar(Model):
    """How the calendar looks."""

    start_hour: int | None = None
    end_hour: int | None = None
    timeslot_size_in_minutes: int | None = None
    timeslot_height_in_pixels: int | None = None
    multiple_appointments_gap: bool | None = None
    show_current_time_indicator: bool | None = None


@model
class DocumentsAndPrinting(Model):
    """What letters and invoices show."""

    logo_url: str | None = None
    logo_height: int | None = None


@model
class Integration(Model):
    """Another service that the account is connected with, or not."""

    enabled: bool | None = None


@model
class Integrations(Model):
    """Other services that the account is connected with."""

    mail_chimp: Integration | None = None
    medipass: Integration | None = None
    xero: Integration | None = None


@model
class Adroll(Model):
    """Where AdRoll counts online bookings."""

    advertiser_id: str | None = None
    pixel_id: str | None = None


@model
class GoogleAnalytics(Model):
    """Where Google Analytics counts online bookings."""

    tracking_id: str | None = None


@model
class GoogleTagManager(Model):
    """Where Google Tag Manager counts online bookings."""

    container_id: str | None = None


@model
class OnlineBookings(Model):
    """What patients can book online, and what they are shown."""

    enabled: bool | None = None
    disabled_title: str | None = None
    disabled_text: str | None = None
    allow_bookings_days_in_advance: int | None = None
    min_hours_advance_required_to_book: int | None = None
    min_hours_notice_for_patient_cancellation: int | None = None
    daily_bookings_limit: int | None = None
    max_appointments_per_day_segment: int | None = None
    """Of morning, afternoon and evening each."""
    booking_reservation_minutes: int | None = None
    allow_online_bookings_time_zone_choice: bool | None = None
    practitioner_order: list[Id] | None = None
    notify_practitioner_by_email: bool | None = None
    notify_practitioner_by_sms: bool | None = None
    require_patient_address: bool | None = None
    show_appointment_duration: bool | None = None
    show_prices: bool | None = None
    calendar_info: str | None = None
    policy: str | None = None
    privacy_policy_url: str | None = None
    notice_enabled: bool | None = None
    notice_title: str | None = None
    notice_text: str | None = None
    logo_url: str | None = None
    adroll: Adroll | None = None
    google_analytics: GoogleAnalytics | None = None
    google_tag_manager: GoogleTagManager | None = None


@model
class OnlinePayments(Model):
    """Payments by card."""

    activated: bool | None = None


@model
class PatientPrivacy(Model):
    """What is shown of patients, and where."""

    browser_title_name_format: NameFormat | str | None = None
    ical_patient_name_option: NameFormat | str | None = None
    prevent_sending_financial_data_by_email: bool | None = None
    prevent_sending_treatment_notes_by_email: bool | None = None
    anonymise_booking_notifications: bool | None = None
    anonymise_appointments_on_deletion: bool | None = None
    anonymise_invoices_and_payments_on_deletion: bool | None = None
    requires_hipaa_compliance: bool | None = None
    baa_requested: bool | None = None


@model
class Reminders(Model):
    """Reminders of appointments."""

    default_reminder_type: Literal["None", "SMS", "Email", "SMS & Email"] | str | None = None
    default_reminders_communication_channels: list[Literal[1, 2] | int] | None = None
    """1 is SMS, 2 e-mail."""
    default_reminders_communication_channels_description: str | None = None


@model
class Sms(Model):
    """What an SMS can be."""

    max_message_length: int | None = None
    number_of_usable_characters_per_message: int | None = None
    replies_supported: bool | None = None
    alphanumeric_source_number_required: bool | None = None
    default_alphanumeric_source_number: str | None = None


@model
class Terminology(Model):
    """What the account calls its patients."""

    patient: Literal["patient", "client"] | str | None = None
    titles: list[str] | None = None


@model
class WaitList(Model):
    """The wait list."""

    default_wait_list_expiry_period: int | None = None


@model
class AccountSettings(Model):
    """The account's settings, group by group."""

    account: Account | None = None
    calendar: Calendar | None = None
    documents_and_printing: DocumentsAndPrinting | None = None
    integrations: Integrations | None = None
    online_bookings: OnlineBookings | None = None
    online_payments: OnlinePayments | None = None
    patient_custom_fields_definition: CustomFields | None = None
    """What is asked of patients. Answers have the same tokens."""
    patient_privacy: PatientPrivacy | None = None
    reminders: Reminders | None = None
    sms: Sms | None = None
    terminology: Terminology | None = None
    wait_list: WaitList | None = None
    links: Link | None = None


class Settings(Resource[AccountSettings]):
    """The account's settings. The API shows them and cannot change them."""

    path = "/settings"
    model = AccountSettings

    async def get(self) -> AccountSettings:
        """Fetch all settings.

        Raises:
            ForbiddenError: The user's role does not allow it: see `public`.
        """
        return await self._view.call(Request.get(self.path, self.path, self._record()))

    async def public(self) -> AccountSettings:
        """Fetch the settings that every user may see. What is kept back is None."""
        path = "/settings/public"
        return await self._view.call(Request.get(path, path, self._record()))
