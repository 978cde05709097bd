"""Stock adjustments: how products come and go."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateTimeField, Filters, IdField
from cliniko_async._verbs import Archived, Gettable, Listable

__all__ = [
    "StockAdjustment",
    "StockAdjustmentCreateFields",
    "StockAdjustmentFields",
    "StockAdjustmentFilters",
    "StockAdjustments",
]

AdjustmentType = Literal[
    "Correction", "Damaged", "Item Sold", "Other", "Out of Date", "Returned", "Stock Purchase"
]


@model
class StockAdjustment(Record):
    """A change of a product's stock."""

    product: Link | None = None
    adjustment_type: AdjustmentType | str | None = None
    quantity: Decimal | None = None
    """Negative if the stock got smaller."""
    notes: str | None = None
    comment: str | None = None
    """The older name of `notes`."""
    user: Link | None = None
    archived_at: Moment | None = None


class StockAdjustmentFields(TypedDict, total=False):
    """What can be said of a stock adjustment, besides what it needs."""

    notes: str | None
    comment: str | None
    """Deprecated by the API: see `notes`."""


class StockAdjustmentCreateFields(StockAdjustmentFields):
    """What a new stock adjustment takes."""

    product_id: Ref
    adjustment_type: AdjustmentType
    quantity: Decimal | None
    """Negative for the types that make the stock smaller, positive for the others."""


class StockAdjustmentFilters(Filters):
    """What stock adjustments can be filtered by."""

    product_id: IdField
    archived_at: DateTimeField


class StockAdjustments(
    Listable[StockAdjustment, StockAdjustmentFilters, Archived],
    Gettable[StockAdjustment, Archived],
):
    """The changes of products' stocks. New ones can be added; none can be changed."""

    path = "/stock_adjustments"
    model = StockAdjustment
    filters: Final = StockAdjustmentFilters()

    async def create(self, **fields: Unpack[StockAdjustmentCreateFields]) -> StockAdjustment:
        """Change a product's stock."""
        return await self._create(StockAdjustmentCreateFields, fields)
