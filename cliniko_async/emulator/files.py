"""The host of attachments' files, which for the real API is S3, and the API's links to it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from cliniko_async.emulator.tables import processed
from cliniko_async.emulator.writes import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliniko_async.emulator.clinic import Clinic

__all__ = ["HOST", "SIGNED", "FileHost", "host_beside"]

HOST: Final = "@files/"
"""Stands for the file host's base URL in answers of the API."""

SIGNED: Final = "X-Amz-Signature"
"""The query parameter without which no file is given away."""

ATTACHED: Final = "attachments/"
"""Begins the keys of files that came with the clinic."""

PROCESSING_SECONDS: Final = 2.0
"""Seconds until a file that was attached has been processed."""

_ABOUT: Final = re.compile(r'; (name|filename)="([^"]*)"')

Record = dict[str, Any]


def host_beside(base_url: str) -> str:
    """The file host's base URL: another origin than the API's, so that nobody confuses them."""
    parts = urlsplit(base_url)
    if parts.hostname == "127.0.0.1":
        return f"http://localhost:{parts.port}/files/"
    return "https://files.example.com/files/"


class FileHost:
    """Files by their keys, and who may put them there."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self.stored: dict[str, bytes] = {}
        self.of_attachments: dict[str, str] = {}
        """The key of each attachment's file."""
        self._posts: dict[str, Mapping[str, str]] = {}

    def presign(self) -> Record:
        """Allow an upload."""
        number = str(len(self._posts) + 1)
        fields = {
            "acl": "private",
            "key": f"uploads/{number}/${{filename}}",
            "policy": f"policy-{number}",
            "success_action_status": "201",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": "emulated",
            "x-amz-date": "20260105T000000Z",
            "x-amz-signature": f"signature-{number}",
        }
        self._posts[fields["policy"]] = fields
        return {"url": HOST, "fields": fields}

    def attach(self, body: Record) -> Record:
        """Make an attachment of an uploaded file; it is processed a little later.

        Raises:
            RefusedError: No patient has this id, or the file is not here.
        """
        clinic = self._clinic
        if clinic.find("patients", str(body.get("patient_id"))) is None:
            raise RefusedError({"patient": "must exist"})
        key = str(body.get("upload_url")).partition("/files/")[2]
        if key not in self.stored:
            raise RefusedError({"temp_attachment_url": "is invalid"})
        about = {
            "patient_id": body["patient_id"],
            "description": body.get("description"),
            "processing_completed": False,
        }
        made = clinic.add("patient_attachments", about)
        self.of_attachments[made["id"]] = key
        name = body.get("filename") or key.rpartition("/")[2]
        loop = asyncio.get_running_loop()
        loop.call_later(PROCESSING_SECONDS, self._process, made["id"], name)
        return made

    def _process(self, id: str, name: str) -> None:
        self._clinic.files[id] = content = self.stored[self.of_attachments[id]]
        about = processed(id, name, content, self._clinic.moment())
        self._clinic.change("patient_attachments", id, about)

    def location(self, id: str, base_url: str) -> str:
        """Where an attachment's file lies, for whoever has the URL."""
        key = self.of_attachments.get(id, f"{ATTACHED}{id}")
        return f"{host_beside(base_url)}{quote(key)}?{SIGNED}=emulated"

    def content(self, key: str) -> bytes | None:
        """What lies at a place: an upload, or the file of an attachment that the clinic has."""
        if key.startswith(ATTACHED):
            return self._clinic.files.get(key.removeprefix(ATTACHED))
        return self.stored.get(key)

    def take(self, content_type: str, body: bytes) -> tuple[int, str]:
        """Take an upload: status and body of the answer."""
        *fields, (last, name, content) = _parts(content_type, body) or [("", "", b"")]
        sent = {field: value.decode() for field, _, value in fields}
        # What stands behind the file does not count.
        if last != "file":
            return 400, "<Error><Code>InvalidArgument</Code></Error>"
        if sent != self._posts.get(sent.get("policy", "")):
            return 403, "<Error><Code>AccessDenied</Code></Error>"
        key = sent["key"].replace("${filename}", name)
        self.stored[key] = content
        return 201, f"<PostResponse><Key>{escape(key)}</Key></PostResponse>"


def _parts(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """Name, file name and content of each part of a form."""
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    return [_part(part[2:-2]) for part in body.split(boundary)[1:-1]]


def _part(part: bytes) -> tuple[str, str, bytes]:
    head, _, content = part.partition(b"\r\n\r\n")
    about = dict(_ABOUT.findall(head.decode()))
    return about.get("name", ""), about.get("filename", ""), content
