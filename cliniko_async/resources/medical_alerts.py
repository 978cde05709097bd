"""Medical alerts: what everybody who treats a patient has to know."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict, Unpack

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Like, Link, Moment, Record, Ref, Text255, model
from cliniko_async._query import DateTimeField, Filter, Filters, IdField
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    DeletionDeprecated,
    Gettable,
    Listable,
    ListOptions,
)

__all__ = ["MedicalAlert", "MedicalAlertFields", "MedicalAlertFilters", "MedicalAlerts"]


@model
class MedicalAlert(Record):
    """A warning about a patient."""

    name: str | None = None
    patient: Link | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class MedicalAlertFields(TypedDict, total=False):
    """What can be set on a medical alert."""

    name: Annotated[Text255, Like("(?s).+", "a text that is not empty")]
    patient_id: Ref


class MedicalAlertFilters(Filters):
    """What medical alerts can be filtered by."""

    patient_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class MedicalAlerts(
    Listable[MedicalAlert, MedicalAlertFilters, ArchivedOrDeleted],
    Gettable[MedicalAlert, ArchivedOrDeleted],
    Archivable[MedicalAlert],
    DeletionDeprecated[MedicalAlert],
):
    """The warnings about the account's patients."""

    path = "/medical_alerts"
    model = MedicalAlert
    filters: Final = MedicalAlertFilters()

    @deprecated("the API deprecates this: use list(f.patient_id == id)")
    def list_for_patient(
        self,
        patient_id: Ref,
        *where: Filter[MedicalAlertFilters],
        **options: Unpack[ListOptions[MedicalAlertFilters, ArchivedOrDeleted]],
    ) -> Listing[MedicalAlert]:
        """List the warnings about a patient. Deprecated by the API."""
        return self._list("/patients/{patient_id}/medical_alerts", patient_id, where, **options)

    async def create(self, **fields: Unpack[MedicalAlertFields]) -> MedicalAlert:
        """Create a medical alert."""
        return await self._create(MedicalAlertFields, fields)

    async def update(self, id: Ref, **fields: Unpack[MedicalAlertFields]) -> MedicalAlert:
        """Change a medical alert. A field that is left out stays as it is."""
        return await self._update(id, MedicalAlertFields, fields)
