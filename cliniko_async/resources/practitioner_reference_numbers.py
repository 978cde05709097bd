"""Practitioner reference numbers: how insurers and authorities know a practitioner."""

from __future__ import annotations

from typing import Final, Never, TypedDict, Unpack

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Record, Ref, model
from cliniko_async._query import Filter, Filters, IdField, StringField
from cliniko_async._verbs import Deletable, Gettable, Listable, ListOptions

__all__ = [
    "PractitionerReferenceNumber",
    "PractitionerReferenceNumberFields",
    "PractitionerReferenceNumberFilters",
    "PractitionerReferenceNumbers",
]


@model
class PractitionerReferenceNumber(Record):
    """A number by which a practitioner is known, at one business or everywhere."""

    name: str | None = None
    reference_number: str | None = None
    practitioner: Link | None = None
    business: Link | None = None


class PractitionerReferenceNumberFields(TypedDict, total=False):
    """What can be set on a practitioner reference number."""

    name: str | None
    reference_number: str | None
    practitioner_id: Ref
    business_id: Ref


class PractitionerReferenceNumberFilters(Filters):
    """What practitioner reference numbers can be filtered by."""

    reference_number: StringField
    practitioner_id: IdField
    business_id: IdField


class PractitionerReferenceNumbers(
    Listable[PractitionerReferenceNumber, PractitionerReferenceNumberFilters, Never],
    Gettable[PractitionerReferenceNumber, Never],
    Deletable[PractitionerReferenceNumber],
):
    """The numbers by which the account's practitioners are known."""

    path = "/practitioner_reference_numbers"
    model = PractitionerReferenceNumber
    filters: Final = PractitionerReferenceNumberFilters()

    @deprecated("the API deprecates this: use list(f.practitioner_id == id)")
    def list_for_practitioner(
        self,
        practitioner_id: Ref,
        *where: Filter[PractitionerReferenceNumberFilters],
        **options: Unpack[ListOptions[PractitionerReferenceNumberFilters, Never]],
    ) -> Listing[PractitionerReferenceNumber]:
        """List the numbers of a practitioner. Deprecated by the API."""
        template = "/practitioners/{practitioner_id}/practitioner_reference_numbers"
        return self._list(template, practitioner_id, where, **options)

    async def create(
        self, **fields: Unpack[PractitionerReferenceNumberFields]
    ) -> PractitionerReferenceNumber:
        """Create a practitioner reference number."""
        return await self._create(PractitionerReferenceNumberFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[PractitionerReferenceNumberFields]
    ) -> PractitionerReferenceNumber:
        """Change a practitioner reference number. A field that is left out stays as it is."""
        return await self._update(id, PractitionerReferenceNumberFields, fields)
