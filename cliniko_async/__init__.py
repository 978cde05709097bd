"""An asyncio client for the Cliniko API: typed, complete, and never over the rate limit.

    from cliniko_async import AsyncCliniko

    async with AsyncCliniko() as cliniko:
        async for patient in cliniko.patients.list():
            print(patient.id)

Whatever is named here is imported when it is first asked for.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko
    from cliniko_async._http.traffic import RequestEvent, Traffic, Wait
    from cliniko_async._lists.changes import Change, Changes
    from cliniko_async._lists.listing import Listing, ListingPage
    from cliniko_async._models.json_fields import fields_from_json
    from cliniko_async._models.links import Link
    from cliniko_async._models.local_days import LocalDay
    from cliniko_async._models.model import Model, Record, Unknown
    from cliniko_async._query.fields import Filter, Sort
    from cliniko_async._query.query_string import DatePattern
    from cliniko_async._watch.change import WatchedChange
    from cliniko_async._watch.watch import Watch
    from cliniko_async.errors import (
        AnswerUnreadableError,
        ApiError,
        AuthenticationError,
        ClinikoError,
        DecodeError,
        ExportError,
        ForbiddenError,
        IncompleteListingError,
        InvalidFieldsError,
        InvalidTypeError,
        InvalidValueError,
        LimiterUnavailableError,
        ListingChangedError,
        MirrorError,
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
    from cliniko_async.resources.appointment_type_billable_items import (
        AppointmentTypeBillableItem,
        AppointmentTypeBillableItemCreateFields,
        AppointmentTypeBillableItemFields,
    )
    from cliniko_async.resources.appointment_type_products import (
        AppointmentTypeProduct,
        AppointmentTypeProductCreateFields,
        AppointmentTypeProductFields,
    )
    from cliniko_async.resources.appointment_types import (
        AppointmentType,
        AppointmentTypeCreateFields,
        AppointmentTypeFields,
        AppointmentTypeUpdateFields,
    )
    from cliniko_async.resources.appointments import (
        CancellationReason,
        InvoiceStatus,
        NoteStatus,
        RepeatRule,
    )
    from cliniko_async.resources.attendees import Attendee, AttendeeCreateFields, AttendeeFields
    from cliniko_async.resources.availability_blocks import (
        AvailabilityBlock,
        AvailabilityBlockFields,
    )
    from cliniko_async.resources.available_times import AvailableTime
    from cliniko_async.resources.billable_items import BillableItem, BillableItemFields
    from cliniko_async.resources.bookings import Booking
    from cliniko_async.resources.businesses import Business, BusinessFields
    from cliniko_async.resources.communications import (
        Communication,
        EmailCommunication,
        MemoCommunication,
        MemoCommunicationCreateFields,
        MemoCommunicationFields,
        MemoCommunicationUpdateFields,
        SmsCommunication,
    )
    from cliniko_async.resources.concession_prices import ConcessionPrice, ConcessionPriceFields
    from cliniko_async.resources.concession_types import ConcessionType, ConcessionTypeFields
    from cliniko_async.resources.contacts import Contact, ContactFields
    from cliniko_async.resources.custom_fields import (
        CustomChoice,
        CustomDate,
        CustomFields,
        CustomOption,
        CustomOther,
        CustomSection,
        CustomText,
    )
    from cliniko_async.resources.daily_availabilities import DailyAvailability, DailyHours
    from cliniko_async.resources.group_appointments import GroupAppointment, GroupAppointmentFields
    from cliniko_async.resources.individual_appointments import (
        IndividualAppointment,
        IndividualAppointmentCreateFields,
        IndividualAppointmentFields,
        IndividualAppointmentUpdateFields,
    )
    from cliniko_async.resources.invoice_items import InvoiceItem
    from cliniko_async.resources.invoices import Invoice
    from cliniko_async.resources.medical_alerts import MedicalAlert, MedicalAlertFields
    from cliniko_async.resources.patient_attachments import (
        PatientAttachment,
        PatientAttachmentCreateFields,
        PatientAttachmentFields,
    )
    from cliniko_async.resources.patient_cases import (
        PatientCase,
        PatientCaseCreateFields,
        PatientCaseFields,
        PatientCaseUpdateFields,
    )
    from cliniko_async.resources.patient_form_templates import (
        PatientFormTemplate,
        PatientFormTemplateFields,
    )
    from cliniko_async.resources.patient_forms import PatientForm, PatientFormFields
    from cliniko_async.resources.patients import Patient, PatientFields
    from cliniko_async.resources.people import PhoneNumber, Pronouns
    from cliniko_async.resources.practitioner_reference_numbers import (
        PractitionerReferenceNumber,
        PractitionerReferenceNumberFields,
    )
    from cliniko_async.resources.practitioners import Practitioner
    from cliniko_async.resources.product_suppliers import ProductSupplier, ProductSupplierFields
    from cliniko_async.resources.products import Product, ProductFields
    from cliniko_async.resources.questions import (
        Address,
        AddressQuestion,
        Answer,
        BodyChartsQuestion,
        ChoiceQuestion,
        Content,
        DateQuestion,
        FullName,
        FullNameOptions,
        FullNameQuestion,
        OtherAnswer,
        PhoneQuestion,
        PronounsQuestion,
        Section,
        SelectOther,
        SelectQuestion,
        SignatureQuestion,
        TextQuestion,
    )
    from cliniko_async.resources.recall_types import RecallType, RecallTypeFields
    from cliniko_async.resources.recalls import (
        Recall,
        RecallCreateFields,
        RecallFields,
        RecallUpdateFields,
    )
    from cliniko_async.resources.referral_source_types import ReferralSourceType
    from cliniko_async.resources.referral_sources import ReferralSource, ReferralSourceFields
    from cliniko_async.resources.relationships import Relationship, RelationshipFields
    from cliniko_async.resources.services import Service
    from cliniko_async.resources.settings import AccountSettings
    from cliniko_async.resources.signatures import Signature
    from cliniko_async.resources.stock_adjustments import (
        StockAdjustment,
        StockAdjustmentCreateFields,
        StockAdjustmentFields,
    )
    from cliniko_async.resources.taxes import Tax, TaxFields
    from cliniko_async.resources.treatment_note_templates import (
        PrintSettings,
        TreatmentNoteTemplate,
        TreatmentNoteTemplateFields,
    )
    from cliniko_async.resources.treatment_notes import (
        TreatmentNote,
        TreatmentNoteCreateFields,
        TreatmentNoteFields,
        TreatmentNoteUpdateFields,
    )
    from cliniko_async.resources.unavailable_block_types import (
        UnavailableBlockType,
        UnavailableBlockTypeFields,
    )
    from cliniko_async.resources.unavailable_blocks import UnavailableBlock, UnavailableBlockFields
    from cliniko_async.resources.users import Role, User
else:
    _CORE = {
        ".*Error": "errors",
        "AsyncCliniko": "_client",
        "Changes?": "_lists.changes",
        "DatePattern": "_query.query_string",
        "Filter|Sort": "_query.fields",
        "Link": "_models.links",
        "Listing(Page)?": "_lists.listing",
        "LocalDay": "_models.local_days",
        "Model|Record|Unknown": "_models.model",
        "RateLimit": "limits",
        "RequestEvent|Traffic|Wait": "_http.traffic",
        "Watch": "_watch.watch",
        "WatchedChange": "_watch.change",
        "fields_from_json": "_models.json_fields",
    }
    """Modules of what is not a resource's. They are imported late, too, for this package holds a
    plugin that pytest imports in every run of whoever has it installed."""

    _ROOMS = ("emulator", "errors", "export", "limits", "mirror", "resources")

    _HOMES = {
        "CancellationReason|InvoiceStatus|NoteStatus|RepeatRule": "appointments",
        ".*Communication((Create|Update)?Fields)?": "communications",
        "Custom.*": "custom_fields",
        "DailyHours": "daily_availabilities",
        "PhoneNumber|Pronouns": "people",
        ".*Question|Address|.*Answer|Content|FullName.*|Section|Select.*": "questions",
        "AccountSettings": "settings",
        "PrintSettings": "treatment_note_templates",
        "Role": "users",
    }
    """Modules that do not follow from the names that are at home there."""

    def _home(name: str) -> str:
        """The module of a name: `PatientFields` is at home in `resources.patients`."""
        for pattern, home in _CORE.items():
            if re.fullmatch(pattern, name):
                return home
        return "resources." + _resource_home(name)

    def _resource_home(name: str) -> str:
        for pattern, home in _HOMES.items():
            if re.fullmatch(pattern, name):
                return home
        base = re.sub("(Create|Update)?Fields$", "", name)
        words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", base).lower()
        return re.sub("(?<=[sx])$", "e", re.sub("(?<=[^aeiou])y$", "ie", words)) + "s"

    def __getattr__(name: str) -> object:
        """Import a name's module when the name is first asked for."""
        if name in _ROOMS:
            return import_module(f"{__name__}.{name}")
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_home(name)}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return [*globals(), *__all__]


__all__ = [
    "AccountSettings",
    "Address",
    "AddressQuestion",
    "Answer",
    "AnswerUnreadableError",
    "ApiError",
    "AppointmentType",
    "AppointmentTypeBillableItem",
    "AppointmentTypeBillableItemCreateFields",
    "AppointmentTypeBillableItemFields",
    "AppointmentTypeCreateFields",
    "AppointmentTypeFields",
    "AppointmentTypeProduct",
    "AppointmentTypeProductCreateFields",
    "AppointmentTypeProductFields",
    "AppointmentTypeUpdateFields",
    "AsyncCliniko",
    "Attendee",
    "AttendeeCreateFields",
    "AttendeeFields",
    "AuthenticationError",
    "AvailabilityBlock",
    "AvailabilityBlockFields",
    "AvailableTime",
    "BillableItem",
    "BillableItemFields",
    "BodyChartsQuestion",
    "Booking",
    "Business",
    "BusinessFields",
    "CancellationReason",
    "Change",
    "Changes",
    "ChoiceQuestion",
    "ClinikoError",
    "Communication",
    "ConcessionPrice",
    "ConcessionPriceFields",
    "ConcessionType",
    "ConcessionTypeFields",
    "Contact",
    "ContactFields",
    "Content",
    "CustomChoice",
    "CustomDate",
    "CustomFields",
    "CustomOption",
    "CustomOther",
    "CustomSection",
    "CustomText",
    "DailyAvailability",
    "DailyHours",
    "DatePattern",
    "DateQuestion",
    "DecodeError",
    "EmailCommunication",
    "ExportError",
    "Filter",
    "ForbiddenError",
    "FullName",
    "FullNameOptions",
    "FullNameQuestion",
    "GroupAppointment",
    "GroupAppointmentFields",
    "IncompleteListingError",
    "IndividualAppointment",
    "IndividualAppointmentCreateFields",
    "IndividualAppointmentFields",
    "IndividualAppointmentUpdateFields",
    "InvalidFieldsError",
    "InvalidTypeError",
    "InvalidValueError",
    "Invoice",
    "InvoiceItem",
    "InvoiceStatus",
    "LimiterUnavailableError",
    "Link",
    "Listing",
    "ListingChangedError",
    "ListingPage",
    "LocalDay",
    "MedicalAlert",
    "MedicalAlertFields",
    "MemoCommunication",
    "MemoCommunicationCreateFields",
    "MemoCommunicationFields",
    "MemoCommunicationUpdateFields",
    "MirrorError",
    "Model",
    "NotBookableError",
    "NotFoundError",
    "NoteStatus",
    "OtherAnswer",
    "OutcomeUnknownError",
    "Patient",
    "PatientAttachment",
    "PatientAttachmentCreateFields",
    "PatientAttachmentFields",
    "PatientCase",
    "PatientCaseCreateFields",
    "PatientCaseFields",
    "PatientCaseUpdateFields",
    "PatientFields",
    "PatientForm",
    "PatientFormFields",
    "PatientFormTemplate",
    "PatientFormTemplateFields",
    "PhoneNumber",
    "PhoneQuestion",
    "Practitioner",
    "PractitionerReferenceNumber",
    "PractitionerReferenceNumberFields",
    "PrintSettings",
    "Product",
    "ProductFields",
    "ProductSupplier",
    "ProductSupplierFields",
    "Pronouns",
    "PronounsQuestion",
    "RateLimit",
    "RateLimitError",
    "ReadOnlyError",
    "Recall",
    "RecallCreateFields",
    "RecallFields",
    "RecallType",
    "RecallTypeFields",
    "RecallUpdateFields",
    "Record",
    "ReferralSource",
    "ReferralSourceFields",
    "ReferralSourceType",
    "Relationship",
    "RelationshipFields",
    "RepeatRule",
    "RequestBudgetError",
    "RequestEvent",
    "Role",
    "Section",
    "SelectOther",
    "SelectQuestion",
    "ServerError",
    "Service",
    "SessionClosedError",
    "Signature",
    "SignatureQuestion",
    "SmsCommunication",
    "Sort",
    "StockAdjustment",
    "StockAdjustmentCreateFields",
    "StockAdjustmentFields",
    "Tax",
    "TaxFields",
    "TextQuestion",
    "Traffic",
    "TransportError",
    "TransportTimeoutError",
    "TreatmentNote",
    "TreatmentNoteCreateFields",
    "TreatmentNoteFields",
    "TreatmentNoteTemplate",
    "TreatmentNoteTemplateFields",
    "TreatmentNoteUpdateFields",
    "UnavailableBlock",
    "UnavailableBlockFields",
    "UnavailableBlockType",
    "UnavailableBlockTypeFields",
    "Unknown",
    "User",
    "ValidationError",
    "Wait",
    "Watch",
    "WatchedChange",
    "fields_from_json",
]
