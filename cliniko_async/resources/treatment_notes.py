"""Treatment notes: what practitioners write about treatments."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Moment, Record, Ref, model
from cliniko_async._query import BooleanField, DateTimeField, Filter, Filters, IdField
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    DeletionDeprecated,
    Gettable,
    Listable,
    ListOptions,
    Unarchivable,
)
from cliniko_async.resources.questions import Content

__all__ = [
    "TreatmentNote",
    "TreatmentNoteCreateFields",
    "TreatmentNoteFields",
    "TreatmentNoteFilters",
    "TreatmentNoteUpdateFields",
    "TreatmentNotes",
]


@model
class TreatmentNote(Record):
    """What a practitioner wrote about a treatment."""

    title: str | None = None
    content: Content | None = None
    draft: bool | None = None
    finalized_at: Moment | None = None
    pinned_at: Moment | None = None
    author_name: str | None = None
    patient: Link | None = None
    practitioner: Link | None = None
    booking: Link | None = None
    attendee: Link | None = None
    treatment_note_template: Link | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class TreatmentNoteFields(TypedDict, total=False):
    """What can be set on a treatment note, besides what a new one needs."""

    content: Content | None
    booking_id: Ref
    attendee_id: Ref
    treatment_note_template_id: Ref


class TreatmentNoteCreateFields(TreatmentNoteFields):
    """What a new treatment note takes. Its author is the practitioner whose key is used."""

    patient_id: Ref
    title: str
    draft: bool | None


class TreatmentNoteUpdateFields(TreatmentNoteFields, total=False):
    """What can be changed on a treatment note."""

    patient_id: Ref
    title: str
    draft: bool | None


class TreatmentNoteFilters(Filters):
    """What treatment notes can be filtered by."""

    draft: BooleanField
    patient_id: IdField
    practitioner_id: IdField
    booking_id: IdField
    attendee_id: IdField
    treatment_note_template_id: IdField
    archived_at: DateTimeField
    deleted_at: DateTimeField


class TreatmentNotes(
    Listable[TreatmentNote, TreatmentNoteFilters, ArchivedOrDeleted],
    Gettable[TreatmentNote, ArchivedOrDeleted],
    Archivable[TreatmentNote],
    Unarchivable[TreatmentNote],
    DeletionDeprecated[TreatmentNote],
):
    """What the account's practitioners write about treatments."""

    path = "/treatment_notes"
    model = TreatmentNote
    filters: Final = TreatmentNoteFilters()

    def list_for_patient(
        self,
        patient_id: Ref,
        *where: Filter[TreatmentNoteFilters],
        **options: Unpack[ListOptions[TreatmentNoteFilters, ArchivedOrDeleted]],
    ) -> Listing[TreatmentNote]:
        """List the treatment notes on a patient."""
        return self._list("/patients/{patient_id}/treatment_notes", patient_id, where, **options)

    async def create(self, **fields: Unpack[TreatmentNoteCreateFields]) -> TreatmentNote:
        """Write a treatment note."""
        return await self._create(TreatmentNoteCreateFields, fields)

    async def update(self, id: Ref, **fields: Unpack[TreatmentNoteUpdateFields]) -> TreatmentNote:
        """Change a treatment note. A field that is left out stays as it is."""
        return await self._update(id, TreatmentNoteUpdateFields, fields)
