"""Invoice items: the lines of invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Unpack

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateTimeField, Filter, Filters, IdField
from cliniko_async._verbs import ArchivedOrDeleted, Gettable, Listable, ListOptions

__all__ = ["InvoiceItem", "InvoiceItemFilters", "InvoiceItems"]


@model
class InvoiceItem(Record):
    """A line of an invoice."""

    invoice: Link | None = None
    name: str | None = None
    code: str | None = None
    billable_item: Link | None = None
    product: Link | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    net_price: Decimal | None = None
    tax_name: str | None = None
    tax_rate: Decimal | None = None
    tax_amount: Decimal | None = None
    """Deprecated by the API: see `tax_rate`."""
    total_including_tax: Decimal | None = None
    discounted_amount: Decimal | None = None
    discount_percentage: Decimal | None = None
    is_monetary_discount: bool | None = None
    """Whether the discount was given as an amount instead of a percentage."""
    concession_type_name: str | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class InvoiceItemFilters(Filters):
    """What invoice items can be filtered by."""

    invoice_id: IdField
    source_item_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class InvoiceItems(
    Listable[InvoiceItem, InvoiceItemFilters, ArchivedOrDeleted],
    Gettable[InvoiceItem, ArchivedOrDeleted],
):
    """The lines of the account's invoices."""

    path = "/invoice_items"
    model = InvoiceItem
    filters: Final = InvoiceItemFilters()

    @deprecated("the API deprecates this: use list(f.invoice_id == id)")
    def list_for_invoice(
        self,
        invoice_id: Ref,
        *where: Filter[InvoiceItemFilters],
        **options: Unpack[ListOptions[InvoiceItemFilters, ArchivedOrDeleted]],
    ) -> Listing[InvoiceItem]:
        """List the lines of an invoice. Deprecated by the API."""
        return self._list("/invoices/{invoice_id}/invoice_items", invoice_id, where, **options)
