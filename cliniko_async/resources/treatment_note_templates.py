"""Treatment note templates: what treatment notes ask for."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from cliniko_async._models import Model, Moment, Record, Ref, Text255, model
from cliniko_async._query import DateTimeField, Filters
from cliniko_async._verbs import (
    Archivable,
    ArchivedOrDeleted,
    DeletionDeprecated,
    Gettable,
    Listable,
)
from cliniko_async.resources.questions import Content

__all__ = [
    "PrintSettings",
    "TreatmentNoteTemplate",
    "TreatmentNoteTemplateFields",
    "TreatmentNoteTemplateFilters",
    "TreatmentNoteTemplates",
]


@model
class PrintSettings(Model):
    """What a printed treatment note shows besides its content."""

    title: str | None = None
    include_patient_address: bool | None = None
    include_patient_dob: bool | None = None
    include_patient_medicare: bool | None = None
    include_patient_occupation: bool | None = None
    include_patient_reference_number: bool | None = None


@model
class TreatmentNoteTemplate(Record):
    """What a treatment note asks for."""

    name: str | None = None
    content: Content | None = None
    print_settings: PrintSettings | None = None
    archived_at: Moment | None = None
    deleted_at: Moment | None = None


class TreatmentNoteTemplateFields(TypedDict, total=False):
    """What can be set on a treatment note template."""

    name: Text255
    content: Content
    print_settings: PrintSettings


class TreatmentNoteTemplateFilters(Filters):
    """What treatment note templates can be filtered by."""

    archived_at: DateTimeField
    deleted_at: DateTimeField


class TreatmentNoteTemplates(
    Listable[TreatmentNoteTemplate, TreatmentNoteTemplateFilters, ArchivedOrDeleted],
    Gettable[TreatmentNoteTemplate, ArchivedOrDeleted],
    Archivable[TreatmentNoteTemplate],
    DeletionDeprecated[TreatmentNoteTemplate],
):
    """The account's templates of treatment notes."""

    path = "/treatment_note_templates"
    model = TreatmentNoteTemplate
    filters: Final = TreatmentNoteTemplateFilters()

    async def create(self, **fields: Unpack[TreatmentNoteTemplateFields]) -> TreatmentNoteTemplate:
        """Create a treatment note template."""
        return await self._create(TreatmentNoteTemplateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[TreatmentNoteTemplateFields]
    ) -> TreatmentNoteTemplate:
        """Change a treatment note template. A field that is left out stays as it is."""
        return await self._update(id, TreatmentNoteTemplateFields, fields)
