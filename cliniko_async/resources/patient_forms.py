"""Patient forms: what patients fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack

from typing_extensions import deprecated

from cliniko_async._lists import Listing
from cliniko_async._models import Link, Moment, Record, Ref, Text255, hooked, model
from cliniko_async._models.converter import converter
from cliniko_async._query import DateTimeField, Filter, Filters, IdField
from cliniko_async._verbs import Archivable, Archived, Gettable, Listable, ListOptions
from cliniko_async.resources.questions import Content

__all__ = ["PatientForm", "PatientFormFields", "PatientFormFilters", "PatientForms"]


def _read_links(value: Any) -> list[Link]:
    # One relation in the API's document, and a list of them in its older one.
    several: list[Any] = [value] if isinstance(value, dict) else list(value)
    return [converter.structure(one, Link) for one in several if one]


if TYPE_CHECKING:
    Links = list[Link]
else:
    Links = hooked("Links", _read_links)


@model
class PatientForm(Record):
    """A form that a patient fills in."""

    name: str | None = None
    content: Content | None = None
    completed_at: Moment | None = None
    """Written as `completed`."""
    edited_at: Moment | None = None
    patient: Link | None = None
    attendee: Link | None = None
    booking: Link | None = None
    business: Link | None = None
    signatures: Links | None = None
    url: str | None = None
    """The patient's own link: a secret."""
    restricted_to_practitioner: bool | None = None
    email_to_patient_on_completion: bool | None = None
    archived_at: Moment | None = None


class PatientFormFields(TypedDict, total=False):
    """What can be set on a patient form."""

    patient_form_template_id: Ref
    """Name, content and restriction are the template's, unless they are given."""
    name: Text255
    content: Content | None
    completed: bool
    patient_id: Ref
    attendee_id: Ref
    business_id: Ref
    restricted_to_practitioner: bool | None
    email_to_patient_on_completion: bool | None


class PatientFormFilters(Filters):
    """What patient forms can be filtered by."""

    patient_id: IdField
    attendee_id: IdField
    completed_at: DateTimeField
    archived_at: DateTimeField


class PatientForms(
    Listable[PatientForm, PatientFormFilters, Archived],
    Gettable[PatientForm, Archived],
    Archivable[PatientForm],
):
    """The forms of the account's patients."""

    path = "/patient_forms"
    model = PatientForm
    filters: Final = PatientFormFilters()

    @deprecated("the API deprecates this: use list(f.attendee_id == id)")
    def list_for_attendee(
        self,
        attendee_id: Ref,
        *where: Filter[PatientFormFilters],
        **options: Unpack[ListOptions[PatientFormFilters, Archived]],
    ) -> Listing[PatientForm]:
        """List the forms of an attendee. Deprecated by the API."""
        return self._list("/attendees/{attendee_id}/patient_forms", attendee_id, where, **options)

    async def create(self, **fields: Unpack[PatientFormFields]) -> PatientForm:
        """Create a patient form."""
        return await self._create(PatientFormFields, fields)

    async def update(self, id: Ref, **fields: Unpack[PatientFormFields]) -> PatientForm:
        """Change a patient form. A field that is left out stays as it is."""
        return await self._update(id, PatientFormFields, fields)
