"""Referral sources: how a patient found the account. Each patient has one, or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypedDict, Unpack

from cliniko_async._models import Id, Link, Model, Moment, Ref, model, to_id
from cliniko_async._query import DateTimeField, Filters, IdField
from cliniko_async._verbs import Archived, Gettable, Listable

__all__ = ["ReferralSource", "ReferralSourceFields", "ReferralSourceFilters", "ReferralSources"]


@model
class ReferralSource(Model):
    """How a patient found the account.

    In the vendor's documents it has neither an id nor moments when it is fetched by its patient.
    """

    id: Id | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    links: Link | None = None
    patient: Link | None = None
    referral_source_type: Link | None = None
    subcategory: str | None = None
    referrer: Link | None = None
    referrer_type: Literal["Patient", "Contact"] | str | None = None
    notes: str | None = None
    archived_at: Moment | None = None


class ReferralSourceFields(TypedDict, total=False):
    """What can be set on a patient's referral source."""

    referral_source_type_id: Ref
    subcategory: str | None
    referrer_id: Ref
    notes: str | None


class ReferralSourceFilters(Filters):
    """What referral sources can be filtered by."""

    referral_source_type_id: IdField
    referrer_id: IdField
    archived_at: DateTimeField


class _OfPatient(Gettable[ReferralSource, Archived]):
    path = "/patients"
    model = ReferralSource
    filters: Final = ReferralSourceFilters()

    @property
    def _label(self) -> str:
        return "referral_sources"

    def _of(self, ref: Ref, action: str = "") -> tuple[str, str]:
        child = f"referral_source{action}"
        return f"/patients/{{patient_id}}/{child}", f"/patients/{to_id(ref, self.name)}/{child}"

    async def update(self, id: Ref, **fields: Unpack[ReferralSourceFields]) -> ReferralSource:
        return await self._update(id, ReferralSourceFields, fields)


class ReferralSources(Listable[ReferralSource, ReferralSourceFilters, Archived]):
    """How the account's patients found the account."""

    path = "/referral_sources"
    model = ReferralSource
    filters: Final = ReferralSourceFilters()

    async def get_for_patient(
        self, patient_id: Ref, *, include: Iterable[Archived] = ()
    ) -> ReferralSource:
        """Fetch a patient's referral source.

        Args:
            patient_id: The patient.
            include: Find it even if it is archived.

        Raises:
            NotFoundError: No patient has this id, or the patient has no referral source.
        """
        return await _OfPatient(self._view).get(patient_id, include=include)

    async def update_for_patient(
        self, patient_id: Ref, **fields: Unpack[ReferralSourceFields]
    ) -> ReferralSource:
        """Set a patient's referral source. A field that is left out stays as it is."""
        return await _OfPatient(self._view).update(patient_id, **fields)
