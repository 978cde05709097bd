"""Patient attachments: files that belong to patients."""

from __future__ import annotations

from typing import Final, Literal, TypedDict, Unpack

from typing_extensions import deprecated

from cliniko_async._convert import decode
from cliniko_async._fields import Link, Ref, to_id
from cliniko_async._listing import Listing
from cliniko_async._model import Id, Model, Moment, model
from cliniko_async._query import DateTimeField, Filter, Filters, IdField, IntegerField, StringField
from cliniko_async._request import Request
from cliniko_async._resource import Archivable, DeletableOnce, Gettable, Listable, ListOptions

__all__ = [
    "PatientAttachment",
    "PatientAttachmentCreateFields",
    "PatientAttachmentFields",
    "PatientAttachmentFilters",
    "PatientAttachments",
    "PresignedPost",
]

Hidden = Literal["archived"]
"""What lists and `get` leave out unless `include=` names it."""


@model
class PatientAttachment(Model):
    """A file of a patient: an upload, or a full export that Cliniko made."""

    id: Id
    created_at: Moment
    updated_at: Moment
    patient: Link | None = None
    user: Link | None = None
    filename: str | None = None
    """None, as the next four, until the file has been processed."""
    content_type: str | None = None
    size: int | None = None
    """In bytes."""
    processed_at: Moment | None = None
    content: Link | None = None
    """Leads to the file itself."""
    processing_completed: bool | None = None
    description: str | None = None
    pinned_at: Moment | None = None
    archived_at: Moment | None = None
    links: Link | None = None


@model
class PresignedPost(Model):
    """Where a file can be uploaded to, and with what. A secret: it lets in whoever has it."""

    url: str | None = None
    fields: dict[str, str] | None = None
    """Each goes into the upload as it is, and the file comes last."""


class PatientAttachmentFields(TypedDict, total=False):
    """What can be changed on a patient attachment."""

    description: str | None


class PatientAttachmentCreateFields(PatientAttachmentFields, total=False):
    """What a new patient attachment takes."""

    patient_id: Ref
    upload_url: str
    """Where the file was uploaded to."""
    filename: str | None


class PatientAttachmentFilters(Filters):
    """What patient attachments can be filtered by."""

    filename: StringField
    content_type: StringField
    size: IntegerField
    description: StringField
    processed_at: DateTimeField
    patient_id: IdField
    user_id: IdField
    archived_at: DateTimeField


PatientAttachmentOptions = ListOptions[PatientAttachmentFilters, Hidden]


class PatientAttachments(
    Listable[PatientAttachment, PatientAttachmentFilters, Hidden],
    Gettable[PatientAttachment, Hidden],
    Archivable[PatientAttachment],
    DeletableOnce[PatientAttachment],
):
    """The files of the account's patients."""

    path = "/patient_attachments"
    model = PatientAttachment
    filters: Final = PatientAttachmentFilters()

    def list_for_patient_case(
        self,
        patient_case_id: Ref,
        *where: Filter[PatientAttachmentFilters],
        **options: Unpack[PatientAttachmentOptions],
    ) -> Listing[PatientAttachment]:
        """List the files of a patient case."""
        template = "/patient_cases/{patient_case_id}/patient_attachments"
        return self._list(template, patient_case_id, where, **options)

    @deprecated("the API deprecates this: use list(f.patient_id == id)")
    def list_for_patient(
        self,
        patient_id: Ref,
        *where: Filter[PatientAttachmentFilters],
        **options: Unpack[PatientAttachmentOptions],
    ) -> Listing[PatientAttachment]:
        """List the files of a patient. Deprecated by the API."""
        template = "/patients/{patient_id}/patient_attachments"
        return self._list(template, patient_id, where, **options)

    async def presigned_post(self, patient_id: Ref) -> PresignedPost:
        """Ask where a file can be uploaded to. Each upload needs an answer of its own."""
        return await self._view.call(
            Request.get(
                "/patients/{patient_id}/attachment_presigned_post",
                f"/patients/{to_id(patient_id, 'patients')}/attachment_presigned_post",
                lambda body: decode(PresignedPost, body),
            )
        )

    async def create(self, **fields: Unpack[PatientAttachmentCreateFields]) -> PatientAttachment:
        """Make an attachment of a file that has been uploaded."""
        return await self._create(PatientAttachmentCreateFields, fields)

    async def update(self, id: Ref, **fields: Unpack[PatientAttachmentFields]) -> PatientAttachment:
        """Change an attachment's description."""
        return await self._update(id, PatientAttachmentFields, fields)
