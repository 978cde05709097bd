"""Relationships between patients."""

from __future__ import annotations

from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import DateTimeField, Filters, IdField
from cliniko_async._verbs import Archivable, Archived, Gettable, Listable

__all__ = ["Relationship", "RelationshipFields", "RelationshipFilters", "Relationships"]

Relation = Literal[10, 20, 30, 40, 50, 60, 70]
"""10 parent, 20 child, 30 sibling, 40 spouse, 50 partner, 60 relative, 70 other."""

RelationDescription = Literal[
    "Parent", "Child", "Sibling", "Spouse", "Partner", "Relative", "Other"
]


@model
class Relationship(Record):
    """What one patient is to another."""

    patient: Link | None = None
    related_patient: Link | None = None
    relation: Relation | int | None = None
    relation_description: RelationDescription | str | None = None
    archived_at: Moment | None = None


class RelationshipFields(TypedDict, total=False):
    """What can be set on a relationship."""

    patient_id: Ref
    related_patient_id: Ref
    relation: Relation


class RelationshipFilters(Filters):
    """What relationships can be filtered by."""

    patient_id: IdField
    archived_at: DateTimeField


class Relationships(
    Listable[Relationship, RelationshipFilters, Archived],
    Gettable[Relationship, Archived],
    Archivable[Relationship],
):
    """How the account's patients are related."""

    path = "/relationships"
    model = Relationship
    filters: Final = RelationshipFilters()

    async def create(self, **fields: Unpack[RelationshipFields]) -> Relationship:
        """Create a relationship."""
        return await self._create(RelationshipFields, fields)

    async def update(self, id: Ref, **fields: Unpack[RelationshipFields]) -> Relationship:
        """Change a relationship. A field that is left out stays as it is."""
        return await self._update(id, RelationshipFields, fields)
