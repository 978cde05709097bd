"""Product suppliers."""

from __future__ import annotations

from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Record, Ref, model
from cliniko_async._query import Filters, StringField
from cliniko_async._verbs import Archivable, DeletionDeprecated, Gettable, Listable

__all__ = ["ProductSupplier", "ProductSupplierFields", "ProductSupplierFilters", "ProductSuppliers"]


@model
class ProductSupplier(Record):
    """Somebody whom the account buys products from."""

    name: str | None = None


class ProductSupplierFields(TypedDict, total=False):
    """What can be set on a product supplier."""

    name: str


class ProductSupplierFilters(Filters):
    """What product suppliers can be filtered by."""

    name: StringField


class ProductSuppliers(
    Listable[ProductSupplier, ProductSupplierFilters, Never],
    Gettable[ProductSupplier, Never],
    Archivable[ProductSupplier],
    DeletionDeprecated[ProductSupplier],
):
    """The suppliers of the account's products. Archived ones can no longer be listed."""

    path = "/product_suppliers"
    model = ProductSupplier
    filters: Final = ProductSupplierFilters()

    async def create(self, **fields: Unpack[ProductSupplierFields]) -> ProductSupplier:
        """Create a product supplier."""
        return await self._create(ProductSupplierFields, fields)

    async def update(self, id: Ref, **fields: Unpack[ProductSupplierFields]) -> ProductSupplier:
        """Change a product supplier. A field that is left out stays as it is."""
        return await self._update(id, ProductSupplierFields, fields)
