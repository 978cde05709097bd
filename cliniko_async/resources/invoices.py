"""Invoices. The API shows them and cannot make them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final, Literal, Unpack

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateField, DateTimeField, Filter, Filters, IdField, IntegerField
from cliniko_async._verbs import ArchivedOrDeleted, Gettable, Listable, ListOptions

__all__ = ["Invoice", "InvoiceFilters", "Invoices"]

StatusDescription = Literal["Open", "Paid", "Closed", "Open credit"]
CalculationMethodDescription = Literal["Legacy", "Tax exclusive", "Tax inclusive"]


@model
class Invoice(Record):
    """An invoice. Its items are records of their own; the API does not say what is still owed."""

    number: int | None = None
    issue_date: date | None = None
    status: Literal[10, 20, 30, 40] | int | None = None
    status_description: StatusDescription | str | None = None
    closed_at: Moment | None = None
    patient: Link | None = None
    practitioner: Link | None = None
    business: Link | None = None
    appointment: Link | None = None
    attendee: Link | None = None
    invoice_items: Link | None = None
    net_amount: Decimal | None = None
    tax_amount: Decimal | None = None
    total_amount: Decimal | None = None
    discounted_amount: Decimal | None = None
    calculation_method: Literal[1, 2, 3] | int | None = None
    calculation_method_description: CalculationMethodDescription | str | None = None
    invoice_to: str | None = None
    patient_extra_information: str | None = None
    notes: str | None = None
    online_payment_url: str | None = None
    signature: Link | None = None
    original_invoice: Link | None = None
    reversed_invoices: Link | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class InvoiceFilters(Filters):
    """What invoices can be filtered by."""

    number: IntegerField
    issue_date: DateField
    status: IntegerField
    closed_at: DateTimeField
    patient_id: IdField
    practitioner_id: IdField
    business_id: IdField
    appointment_id: IdField
    attendee_id: IdField
    original_invoice_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


InvoiceOptions = ListOptions[InvoiceFilters, ArchivedOrDeleted]


class Invoices(
    Listable[Invoice, InvoiceFilters, ArchivedOrDeleted], Gettable[Invoice, ArchivedOrDeleted]
):
    """The account's invoices."""

    path = "/invoices"
    model = Invoice
    filters: Final = InvoiceFilters()

    def list_for_appointment(
        self,
        appointment_id: Ref,
        *where: Filter[InvoiceFilters],
        **options: Unpack[InvoiceOptions],
    ) -> Listing[Invoice]:
        """List the invoices of an appointment."""
        template = "/appointments/{appointment_id}/invoices"
        return self._list(template, appointment_id, where, **options)

    def list_for_patient_case(
        self,
        patient_case_id: Ref,
        *where: Filter[InvoiceFilters],
        **options: Unpack[InvoiceOptions],
    ) -> Listing[Invoice]:
        """List the invoices of a patient case."""
        template = "/patient_cases/{patient_case_id}/invoices"
        return self._list(template, patient_case_id, where, **options)

    @deprecated("the API deprecates this: use list(f.attendee_id == id)")
    def list_for_attendee(
        self, attendee_id: Ref, *where: Filter[InvoiceFilters], **options: Unpack[InvoiceOptions]
    ) -> Listing[Invoice]:
        """List the invoices of an attendee. Deprecated by the API."""
        return self._list("/attendees/{attendee_id}/invoices", attendee_id, where, **options)

    @deprecated("the API deprecates this: use list(f.patient_id == id)")
    def list_for_patient(
        self, patient_id: Ref, *where: Filter[InvoiceFilters], **options: Unpack[InvoiceOptions]
    ) -> Listing[Invoice]:
        """List the invoices of a patient. Deprecated by the API."""
        return self._list("/patients/{patient_id}/invoices", patient_id, where, **options)

    @deprecated("the API deprecates this: use list(f.practitioner_id == id)")
    def list_for_practitioner(
        self,
        practitioner_id: Ref,
        *where: Filter[InvoiceFilters],
        **options: Unpack[InvoiceOptions],
    ) -> Listing[Invoice]:
        """List the invoices of a practitioner. Deprecated by the API."""
        template = "/practitioners/{practitioner_id}/invoices"
        return self._list(template, practitioner_id, where, **options)
