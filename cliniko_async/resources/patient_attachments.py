"""Patient attachments: files that belong to patients."""

from __future__ import annotations

import os
from functools import partial
from typing import Final, TypedDict, Unpack

import anyio
from typing_extensions import deprecated

from cliniko_async._attachments import OnProgress, Upload, checked_target, fetch, store
from cliniko_async._http import Request
from cliniko_async._lists import Listing
from cliniko_async._models import (
    Link,
    Model,
    Moment,
    Record,
    Ref,
    Text255,
    Whole,
    decode,
    model,
    to_id,
)
from cliniko_async._query import DateTimeField, Filter, Filters, IdField, IntegerField, StringField
from cliniko_async._verbs import (
    Archivable,
    Archived,
    DeletionDeprecated,
    Gettable,
    Listable,
    ListOptions,
)
from cliniko_async.errors import InvalidValueError, ReadOnlyError

__all__ = [
    "PatientAttachment",
    "PatientAttachmentCreateFields",
    "PatientAttachmentFields",
    "PatientAttachmentFilters",
    "PatientAttachments",
    "PresignedPost",
]


@model
class PatientAttachment(Record):
    """A file of a patient: an upload, or a full export that Cliniko made."""

    patient: Link | None = None
    user: Link | None = None
    filename: str | None = None
    """None, as the next four, until the file has been processed."""
    content_type: str | None = None
    size: Whole | None = None
    """In bytes."""
    processed_at: Moment | None = None
    content: Link | None = None
    """Leads to the file itself."""
    processing_completed: bool | None = None
    category: str | None = None
    """Such as `general`: seen in one source, of 2026."""
    description: str | None = None
    pinned_at: Moment | None = None
    archived_at: Moment | None = None


@model
class PresignedPost(Model):
    """Where a file can be uploaded to, and with what. A secret: whoever has it can upload."""

    url: str | None = None
    fields: dict[str, str] | None = None
    """Each goes into the upload as it is, and the file comes last."""


class PatientAttachmentFields(TypedDict, total=False):
    """What can be changed on a patient attachment."""

    description: Text255 | None


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


FIRST_POLL_SECONDS: Final = 1.0
LONGEST_POLL_SECONDS: Final = 15.0

PatientAttachmentOptions = ListOptions[PatientAttachmentFilters, Archived]


class PatientAttachments(
    Listable[PatientAttachment, PatientAttachmentFilters, Archived],
    Gettable[PatientAttachment, Archived],
    Archivable[PatientAttachment],
    DeletionDeprecated[PatientAttachment],
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

    async def upload(
        self,
        patient_id: Ref,
        file: str | os.PathLike[str] | bytes,
        *,
        filename: str | None = None,
        description: str | None = None,
        wait: float = 0.0,
        on_progress: OnProgress | None = None,
    ) -> PatientAttachment:
        """Upload a file and attach it to a patient.

        Args:
            patient_id: The patient.
            file: A path, or the file's bytes.
            filename: Another name than the path's; bytes need one.
            description: What it is.
            wait: Seconds to wait for Cliniko to process the file. Without it, or if it is not
                enough, the attachment is returned as it is, with `processing_completed` False.
            on_progress: Called with the bytes sent so far and the bytes in total. After a
                failure it begins again.

        Raises:
            TransportError: The file host did not take the file; nothing was attached.
            OutcomeUnknownError: The file may or may not have been attached.
        """
        if self._view.options.read_only:
            raise ReadOnlyError("upload writes, and this session was opened with read_only=True")
        upload = Upload.of(file, filename)
        del file, filename  # so that no traceback shows them here
        fields: PatientAttachmentCreateFields = {
            "patient_id": patient_id,
            "upload_url": await self._store(patient_id, upload, on_progress),
            "filename": upload.name,
        }
        if description is not None:
            fields["description"] = description
        created = self.create(**fields)
        del fields, description  # likewise
        return await self._processed(await created, wait)

    async def download(
        self,
        attachment: PatientAttachment | Ref,
        to: str | os.PathLike[str],
        *,
        on_progress: OnProgress | None = None,
    ) -> int:
        """Download an attachment's file, and return its size in bytes.

        The file appears at `to` when it is complete, and only its owner can read it.

        Args:
            attachment: The attachment, its id, or a link to it.
            to: The path to write to.
            on_progress: Called with the bytes received so far and the bytes in total. After a
                failure it begins again.

        Raises:
            InvalidValueError: No file can be written to the path, or Cliniko has not processed the
                file yet.
            TransportError: The file could not be fetched, or not whole.
        """
        target = checked_target(to)
        found = attachment
        if not isinstance(found, PatientAttachment):
            found = await self.get(found)
        if found.content is None:
            raise InvalidValueError("this attachment has no file yet: Cliniko is processing it")
        # Should the API hand the file over itself, its bytes are the value.
        template, path = self._of(found.id, "/content")
        request: Request[str | bytes] = Request(
            "GET", template, path, lambda body: body, locates=True
        )
        file_host = self._view.session.file_host
        locate = partial(self._view.call, request)
        return await fetch(file_host, locate, target, found.size, on_progress)

    async def _store(self, patient_id: Ref, upload: Upload, on_progress: OnProgress | None) -> str:
        async def presign() -> tuple[str, dict[str, str]]:
            post = await self.presigned_post(patient_id)
            return post.url or "", post.fields or {}

        return await store(self._view.session.file_host, presign, upload, on_progress)

    async def _processed(self, attachment: PatientAttachment, wait: float) -> PatientAttachment:
        pause = FIRST_POLL_SECONDS
        while wait > 0 and not attachment.processing_completed:
            await anyio.sleep(min(pause, wait))
            wait -= pause
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
            attachment = await self.get(attachment.id)
        return attachment
