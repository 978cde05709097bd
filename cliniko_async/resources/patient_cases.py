"""Patient cases: referrals and funding, with their limits of sessions, money and time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, TypedDict, Unpack

from cliniko_async._lists import Listing
from cliniko_async._models import Id, Link, Moment, Record, Ref, Within, model
from cliniko_async._query import DateField, DateTimeField, Filter, Filters, IdField, StringField
from cliniko_async._verbs import Archivable, Archived, Gettable, Listable, ListOptions

__all__ = [
    "PatientCase",
    "PatientCaseCreateFields",
    "PatientCaseFields",
    "PatientCaseFilters",
    "PatientCaseUpdateFields",
    "PatientCases",
]

ReferralType = Literal["dva", "medicare"]


@model
class PatientCase(Record):
    """A patient's case."""

    name: str | None = None
    notes: str | None = None
    patient: Link | None = None
    contact: Link | None = None
    issue_date: date | None = None
    expiry_date: date | None = None
    closed_at: Moment | None = None
    """Written as `closed`."""
    closed: bool | None = None
    """Deprecated by the API: see `closed_at`."""
    referral: bool | None = None
    referral_type: ReferralType | str | None = None
    max_sessions: int | None = None
    max_invoiceable_amount: Decimal | None = None
    include_cancelled_attendees: bool | None = None
    include_dna_attendees: bool | None = None
    """DNA: did not arrive."""
    attendee_ids: list[Id] | None = None
    attendees: Link | None = None
    bookings: Link | None = None
    invoices: Link | None = None
    patient_attachments: Link | None = None
    archived_at: Moment | None = None


class PatientCaseFields(TypedDict, total=False):
    """What can be set on a patient case, besides what a new one needs."""

    notes: str | None
    contact_id: Ref
    issue_date: date | None
    expiry_date: date | None
    closed: bool | None
    referral: bool | None
    referral_type: ReferralType | None
    max_sessions: Annotated[int, Within(least=1, most=200)] | None
    max_invoiceable_amount: Annotated[Decimal, Within(above=0)] | None
    include_cancelled_attendees: bool | None
    include_dna_attendees: bool | None
    attendee_ids: Sequence[Ref] | None
    patient_attachment_ids: Sequence[Ref]


class PatientCaseCreateFields(PatientCaseFields):
    """What a new patient case takes."""

    name: str
    patient_id: Ref


class PatientCaseUpdateFields(PatientCaseFields, total=False):
    """What can be changed on a patient case."""

    name: str
    patient_id: Ref


class PatientCaseFilters(Filters):
    """What patient cases can be filtered by."""

    name: StringField
    patient_id: IdField
    referral_type: StringField
    issue_date: DateField
    expiry_date: DateField
    closed_at: DateTimeField
    archived_at: DateTimeField


class PatientCases(
    Listable[PatientCase, PatientCaseFilters, Archived],
    Gettable[PatientCase, Archived],
    Archivable[PatientCase],
):
    """The cases of the account's patients."""

    path = "/patient_cases"
    model = PatientCase
    filters: Final = PatientCaseFilters()

    def list_active(
        self,
        *where: Filter[PatientCaseFilters],
        **options: Unpack[ListOptions[PatientCaseFilters, Archived]],
    ) -> Listing[PatientCase]:
        """List the cases that are active."""
        return self._list("/patient_cases/active", None, where, **options)

    async def create(self, **fields: Unpack[PatientCaseCreateFields]) -> PatientCase:
        """Create a patient case."""
        return await self._create(PatientCaseCreateFields, fields)

    async def update(self, id: Ref, **fields: Unpack[PatientCaseUpdateFields]) -> PatientCase:
        """Change a patient case. A field that is left out stays as it is."""
        return await self._update(id, PatientCaseUpdateFields, fields)
