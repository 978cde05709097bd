"""Products: things that the account sells and keeps in stock."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, TypedDict, Unpack

from cliniko_async._models import (
    LARGEST,
    Amount,
    Id,
    JsonNumber,
    Link,
    Moment,
    Record,
    Ref,
    SignedAmount,
    Text100,
    Text255,
    Within,
    model,
)
from cliniko_async._query import DateTimeField, Filters, IdField, StringField
from cliniko_async._verbs import Archivable, Archived, DeletionDeprecated, Gettable, Listable

__all__ = ["Product", "ProductFields", "ProductFilters", "Products"]


@model
class Product(Record):
    """Something that is sold and kept in stock."""

    name: str | None = None
    item_code: str | None = None
    serial_number: str | None = None
    price_ex_tax: Decimal | None = None
    price_including_tax: Decimal | None = None
    tax: Link | None = None
    cost_price: Decimal | None = None
    stock_level: Decimal | None = None
    stock_adjustments: Link | None = None
    product_supplier: Link | None = None
    product_supplier_id: Id | None = None
    product_supplier_name: str | None = None
    """Deprecated by the API: see `product_supplier`."""
    notes: str | None = None
    archived_at: Moment | None = None


class ProductFields(TypedDict, total=False):
    """What can be set on a product."""

    name: Text255
    item_code: Text100 | None
    serial_number: Text255 | None
    price: JsonNumber
    price_includes_tax: bool | None
    tax_id: Ref
    cost_price: Amount | None
    stock_level: Annotated[SignedAmount, Within(above=-LARGEST)] | None
    """For a new product only: later, make a stock adjustment."""
    product_supplier_id: Ref
    product_supplier_name: str
    """Deprecated by the API: see `product_supplier_id`."""
    notes: str | None


class ProductFilters(Filters):
    """What products can be filtered by."""

    name: StringField
    tax_id: IdField
    archived_at: DateTimeField


class Products(
    Listable[Product, ProductFilters, Archived],
    Gettable[Product, Archived],
    Archivable[Product],
    DeletionDeprecated[Product],
):
    """What the account sells and keeps in stock."""

    path = "/products"
    model = Product
    filters: Final = ProductFilters()

    async def create(self, **fields: Unpack[ProductFields]) -> Product:
        """Create a product."""
        return await self._create(ProductFields, fields)

    async def update(self, id: Ref, **fields: Unpack[ProductFields]) -> Product:
        """Change a product. A field that is left out stays as it is."""
        return await self._update(id, ProductFields, fields)
