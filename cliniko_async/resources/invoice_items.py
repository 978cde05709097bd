"""Invoice items: the lines of invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, Unpack

from typing_extensions import deprecated

from cliniko_async._lists.listing import Listing
from cliniko_async._models.links import Link, Ref
from cliniko_async._models.model import Id, Model, Moment, model
from cliniko_async._query.filters import DateTimeField, Filter, Filters, IdField
from cliniko_async._verbs.many_records import Listable, ListOptions
from cliniko_async._verbs.one_record import Gettable

__all__ = ["InvoiceItem", "InvoiceItemFilters", "InvoiceItems"]

Hidden = Literal["archived", "deleted"]
"""What lists and `get` leave out unless `include=` names it."""


@model
class InvoiceItem(Model):
    """A line of an invoice."""

    id: Id
    created_at: Moment
    updated_at: Moment
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
    links: Link | None = None


class InvoiceItemFilters(Filters):
    """What invoice items can be filtered by."""

    invoice_id: IdField
    source_item_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class InvoiceItems(
    Listable[InvoiceItem, InvoiceItemFilters, Hidden], Gettable[InvoiceItem, Hidden]
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
        **options: Unpack[ListOptions[InvoiceItemFilters, Hidden]],
    ) -> Listing[InvoiceItem]:
        """List the lines of an invoice. Deprecated by the API."""
        return self._list("/invoices/{invoice_id}/invoice_items", invoice_id, where, **options)
