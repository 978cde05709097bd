"""Recalls: when a patient should come back.

The API has had them since 2026; no public document names their fields yet. What is here has been
seen in answers, or follows from the rest of the API.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Never, TypedDict, Unpack

from cliniko_async._models import Id, Link, Model, Moment, Ref, model
from cliniko_async._query import Filters, IdField
from cliniko_async._verbs import Archivable, Gettable, Listable

__all__ = [
    "Recall",
    "RecallCreateFields",
    "RecallFields",
    "RecallFilters",
    "RecallUpdateFields",
    "Recalls",
]


@model
class Recall(Model):
    """A patient to be called back. `list().raw()` shows what else the API sends."""

    id: Id
    created_at: Moment | None = None
    updated_at: Moment | None = None
    recall_at: date | None = None
    patient: Link | None = None
    recall_type: Link | None = None
    notes: str | None = None
    archived_at: Moment | None = None
    links: Link | None = None


class RecallFields(TypedDict, total=False):
    """What can be set on a recall, besides what a new one needs."""

    notes: str | None


class RecallCreateFields(RecallFields):
    """What a new recall takes."""

    patient_id: Ref
    recall_type_id: Ref
    recall_at: date


class RecallUpdateFields(RecallFields, total=False):
    """What can be changed on a recall."""

    patient_id: Ref
    recall_type_id: Ref
    recall_at: date


class RecallFilters(Filters):
    """What recalls can be filtered by. `recall_at` is refused."""

    patient_id: IdField


class Recalls(Listable[Recall, RecallFilters, Never], Gettable[Recall, Never], Archivable[Recall]):
    """The patients to be called back."""

    path = "/recalls"
    model = Recall
    filters: Final = RecallFilters()

    async def create(self, **fields: Unpack[RecallCreateFields]) -> Recall:
        """Create a recall."""
        return await self._create(RecallCreateFields, fields)

    async def update(self, id: Ref, **fields: Unpack[RecallUpdateFields]) -> Recall:
        """Change a recall. A field that is left out stays as it is."""
        return await self._update(id, RecallUpdateFields, fields)
