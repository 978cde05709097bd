"""Patient form templates: what patient forms ask for."""

from __future__ import annotations

from typing import Final, TypedDict, Unpack

from cliniko_async._models import Moment, Record, Ref, Text255, model
from cliniko_async._query import DateTimeField, Filters
from cliniko_async._verbs import Archivable, Archived, Gettable, Listable
from cliniko_async.resources.questions import Content

__all__ = [
    "PatientFormTemplate",
    "PatientFormTemplateFields",
    "PatientFormTemplateFilters",
    "PatientFormTemplates",
]


@model
class PatientFormTemplate(Record):
    """What a patient form asks for."""

    name: str | None = None
    content: Content | None = None
    restricted_to_practitioner: bool | None = None
    email_to_patient_on_completion: bool | None = None
    archived_at: Moment | None = None


class PatientFormTemplateFields(TypedDict, total=False):
    """What can be set on a patient form template."""

    name: Text255
    content: Content | None
    restricted_to_practitioner: bool | None
    email_to_patient_on_completion: bool | None


class PatientFormTemplateFilters(Filters):
    """What patient form templates can be filtered by."""

    archived_at: DateTimeField


class PatientFormTemplates(
    Listable[PatientFormTemplate, PatientFormTemplateFilters, Archived],
    Gettable[PatientFormTemplate, Archived],
    Archivable[PatientFormTemplate],
):
    """The account's templates of patient forms."""

    path = "/patient_form_templates"
    model = PatientFormTemplate
    filters: Final = PatientFormTemplateFilters()

    async def create(self, **fields: Unpack[PatientFormTemplateFields]) -> PatientFormTemplate:
        """Create a patient form template."""
        return await self._create(PatientFormTemplateFields, fields)

    async def update(
        self, id: Ref, **fields: Unpack[PatientFormTemplateFields]
    ) -> PatientFormTemplate:
        """Change a patient form template. A field that is left out stays as it is."""
        return await self._update(id, PatientFormTemplateFields, fields)
