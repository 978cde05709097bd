"""An asyncio client for the Cliniko API: typed, complete, and never over the rate limit.

    from cliniko_async import AsyncCliniko

    async with AsyncCliniko() as cliniko:
        async for patient in cliniko.patients.list():
            print(patient.id)

Models are imported when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from cliniko_async._client import AsyncCliniko
from cliniko_async._http.traffic import RequestEvent, Traffic, Wait
from cliniko_async._lists.changes import Change
from cliniko_async._models.fields import fields_from_json
from cliniko_async._models.links import Link
from cliniko_async._models.local_days import LocalDay
from cliniko_async._models.model import Unknown
from cliniko_async._query.query_string import DatePattern
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    AuthenticationError,
    ClinikoError,
    DecodeError,
    ForbiddenError,
    IncompleteListingError,
    InvalidFieldsError,
    InvalidTypeError,
    InvalidValueError,
    LimiterUnavailableError,
    ListingChangedError,
    NotBookableError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    ReadOnlyError,
    RequestBudgetError,
    ServerError,
    SessionClosedError,
    TransportError,
    TransportTimeoutError,
    ValidationError,
)
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from cliniko_async.resources.appointment_type_billable_items import AppointmentTypeBillableItem
    from cliniko_async.resources.appointment_type_products import AppointmentTypeProduct
    from cliniko_async.resources.appointment_types import AppointmentType
    from cliniko_async.resources.attendees import Attendee
    from cliniko_async.resources.availability_blocks import AvailabilityBlock
    from cliniko_async.resources.available_times import AvailableTime
    from cliniko_async.resources.billable_items import BillableItem
    from cliniko_async.resources.businesses import Business
    from cliniko_async.resources.communications import (
        EmailCommunication,
        MemoCommunication,
        SmsCommunication,
    )
    from cliniko_async.resources.concession_prices import ConcessionPrice
    from cliniko_async.resources.concession_types import ConcessionType
    from cliniko_async.resources.contacts import Contact
    from cliniko_async.resources.daily_availabilities import DailyAvailability
    from cliniko_async.resources.group_appointments import GroupAppointment
    from cliniko_async.resources.individual_appointments import IndividualAppointment
    from cliniko_async.resources.invoice_items import InvoiceItem
    from cliniko_async.resources.invoices import Invoice
    from cliniko_async.resources.medical_alerts import MedicalAlert
    from cliniko_async.resources.patient_attachments import PatientAttachment
    from cliniko_async.resources.patient_cases import PatientCase
    from cliniko_async.resources.patient_form_templates import PatientFormTemplate
    from cliniko_async.resources.patient_forms import PatientForm
    from cliniko_async.resources.patients import Patient
    from cliniko_async.resources.people import PhoneNumber, Pronouns
    from cliniko_async.resources.practitioner_reference_numbers import PractitionerReferenceNumber
    from cliniko_async.resources.practitioners import Practitioner
    from cliniko_async.resources.product_suppliers import ProductSupplier
    from cliniko_async.resources.products import Product
    from cliniko_async.resources.recall_types import RecallType
    from cliniko_async.resources.recalls import Recall
    from cliniko_async.resources.referral_source_types import ReferralSourceType
    from cliniko_async.resources.referral_sources import ReferralSource
    from cliniko_async.resources.relationships import Relationship
    from cliniko_async.resources.services import Service
    from cliniko_async.resources.settings import AccountSettings
    from cliniko_async.resources.signatures import Signature
    from cliniko_async.resources.stock_adjustments import StockAdjustment
    from cliniko_async.resources.taxes import Tax
    from cliniko_async.resources.treatment_note_templates import TreatmentNoteTemplate
    from cliniko_async.resources.treatment_notes import TreatmentNote
    from cliniko_async.resources.unavailable_block_types import UnavailableBlockType
    from cliniko_async.resources.unavailable_blocks import UnavailableBlock
    from cliniko_async.resources.users import User
else:
    _HOMES = {
        "AppointmentTypeBillableItem": "appointment_type_billable_items",
        "AppointmentTypeProduct": "appointment_type_products",
        "AppointmentType": "appointment_types",
        "Attendee": "attendees",
        "AvailabilityBlock": "availability_blocks",
        "AvailableTime": "available_times",
        "BillableItem": "billable_items",
        "Business": "businesses",
        "EmailCommunication": "communications",
        "MemoCommunication": "communications",
        "SmsCommunication": "communications",
        "ConcessionPrice": "concession_prices",
        "ConcessionType": "concession_types",
        "Contact": "contacts",
        "DailyAvailability": "daily_availabilities",
        "GroupAppointment": "group_appointments",
        "IndividualAppointment": "individual_appointments",
        "InvoiceItem": "invoice_items",
        "Invoice": "invoices",
        "MedicalAlert": "medical_alerts",
        "PatientAttachment": "patient_attachments",
        "PatientCase": "patient_cases",
        "PatientFormTemplate": "patient_form_templates",
        "PatientForm": "patient_forms",
        "Patient": "patients",
        "PhoneNumber": "people",
        "Pronouns": "people",
        "PractitionerReferenceNumber": "practitioner_reference_numbers",
        "Practitioner": "practitioners",
        "ProductSupplier": "product_suppliers",
        "Product": "products",
        "RecallType": "recall_types",
        "Recall": "recalls",
        "ReferralSourceType": "referral_source_types",
        "ReferralSource": "referral_sources",
        "Relationship": "relationships",
        "Service": "services",
        "AccountSettings": "settings",
        "Signature": "signatures",
        "StockAdjustment": "stock_adjustments",
        "Tax": "taxes",
        "TreatmentNoteTemplate": "treatment_note_templates",
        "TreatmentNote": "treatment_notes",
        "UnavailableBlockType": "unavailable_block_types",
        "UnavailableBlock": "unavailable_blocks",
        "User": "users",
    }

    def __getattr__(name: str) -> type:
        """Import a model's module when the model is first asked for."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        model = getattr(import_module(f"{__name__}.resources.{_HOMES[name]}"), name)
        globals()[name] = model
        return model


__all__ = [
    "AccountSettings",
    "AnswerUnreadableError",
    "ApiError",
    "AppointmentType",
    "AppointmentTypeBillableItem",
    "AppointmentTypeProduct",
    "AsyncCliniko",
    "Attendee",
    "AuthenticationError",
    "AvailabilityBlock",
    "AvailableTime",
    "BillableItem",
    "Business",
    "Change",
    "ClinikoError",
    "ConcessionPrice",
    "ConcessionType",
    "Contact",
    "DailyAvailability",
    "DatePattern",
    "DecodeError",
    "EmailCommunication",
    "ForbiddenError",
    "GroupAppointment",
    "IncompleteListingError",
    "IndividualAppointment",
    "InvalidFieldsError",
    "InvalidTypeError",
    "InvalidValueError",
    "Invoice",
    "InvoiceItem",
    "LimiterUnavailableError",
    "Link",
    "ListingChangedError",
    "LocalDay",
    "MedicalAlert",
    "MemoCommunication",
    "NotBookableError",
    "NotFoundError",
    "OutcomeUnknownError",
    "Patient",
    "PatientAttachment",
    "PatientCase",
    "PatientForm",
    "PatientFormTemplate",
    "PhoneNumber",
    "Practitioner",
    "PractitionerReferenceNumber",
    "Product",
    "ProductSupplier",
    "Pronouns",
    "RateLimit",
    "RateLimitError",
    "ReadOnlyError",
    "Recall",
    "RecallType",
    "ReferralSource",
    "ReferralSourceType",
    "Relationship",
    "RequestBudgetError",
    "RequestEvent",
    "ServerError",
    "Service",
    "SessionClosedError",
    "Signature",
    "SmsCommunication",
    "StockAdjustment",
    "Tax",
    "Traffic",
    "TransportError",
    "TransportTimeoutError",
    "TreatmentNote",
    "TreatmentNoteTemplate",
    "UnavailableBlock",
    "UnavailableBlockType",
    "Unknown",
    "User",
    "ValidationError",
    "Wait",
    "fields_from_json",
]
