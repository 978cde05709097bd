"""Files to and from patients: three steps up, a redirect down, and what goes wrong on the way."""

from __future__ import annotations

import json
import stat
from email import message_from_bytes
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.errors import (
    InvalidTypeError,
    InvalidValueError,
    OutcomeUnknownError,
    ReadOnlyError,
    TransportError,
    ValidationError,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

STORE = "https://files.example.com"
RECORD = {
    "id": "5",
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
    "processing_completed": False,
    "content": None,
}
CONTENT = {"links": {"self": "https://api.au2.cliniko.com/v1/patient_attachments/5/content"}}


class Hosts:
    """The API and the host of its files, as far as attachments go."""

    def __init__(self, file: bytes = b"") -> None:
        self.file = file
        self.requests: list[httpx.Request] = []
        self.forms: list[list[tuple[str, str | None, bytes]]] = []
        self.statuses: list[int] = []
        """What the file host answers first."""
        self.polls_until_processed = 0
        self.location = f"{STORE}/5?X-Amz-Signature=secret"

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if request.url.host == "files.example.com":
            return self._store(request)
        path = request.url.path.removeprefix("/v1")
        if path.endswith("/attachment_presigned_post"):
            policy = f"policy {self._count(path)}"
            fields = {"key": "inbox/abc/${filename}", "policy": policy, "x-amz-date": "20260102"}
            return httpx.Response(200, json={"url": f"{STORE}/", "fields": fields})
        if path.endswith("/content"):
            return httpx.Response(302, headers={"Location": self.location})
        if request.method == "POST":
            return httpx.Response(201, json=RECORD)
        self.polls_until_processed -= 1
        if self.polls_until_processed > 0:
            return httpx.Response(200, json=RECORD)
        done = {"processing_completed": True, "content": CONTENT, "size": len(self.file)}
        return httpx.Response(200, json={**RECORD, **done})

    def _count(self, path: str) -> int:
        return sum(request.url.path.endswith(path) for request in self.requests)

    def _store(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.forms.append(parts_of(request))
        if self.statuses and (status := self.statuses.pop(0)) >= 400:
            return httpx.Response(status, text="<Error/>")
        if request.method == "POST":
            return httpx.Response(201, text="<PostResponse/>")
        return httpx.Response(200, content=self.file)

    def sent(self) -> Any:
        """The body of the request that made the attachment."""
        path = "/v1/patient_attachments"
        (body,) = [r.content for r in self.requests if r.url.path == path and r.method == "POST"]
        return json.loads(body)

    def session(self, **more: Any) -> AsyncCliniko:
        return AsyncCliniko(
            "MS0xTEST-au2",
            user_agent=AGENT,
            transport=httpx.MockTransport(self),
            **more,
        )


def parts_of(request: httpx.Request) -> list[tuple[str, str | None, bytes]]:
    """Name, file name and content of each part of a form, read by the standard library."""
    header = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(header + request.content)
    found: list[tuple[str, str | None, bytes]] = []
    for part in message.get_payload():
        assert not isinstance(part, str)
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((name, part.get_filename(), content))
    return found


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_file_on_disk_goes_up_with_all_fields_before_it_and_no_credentials(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.pdf"
    report.write_bytes(b"%PDF" + bytes(200_000))
    hosts = Hosts()
    seen: list[tuple[int, int]] = []
    async with hosts.session() as cliniko:
        attachment = await cliniko.patient_attachments.upload(
            "7",
            report,
            description="X-ray",
            on_progress=lambda done, size: seen.append((done, size)),
        )
    assert attachment.processing_completed is False
    assert [(name, filename) for name, filename, _ in hosts.forms[0]] == [
        ("key", None),
        ("policy", None),
        ("x-amz-date", None),
        ("file", "report.pdf"),
    ]
    assert hosts.forms[0][-1][2] == report.read_bytes()
    stored = next(r for r in hosts.requests if r.url.host == "files.example.com")
    assert "authorization" not in stored.headers
    assert int(stored.headers["content-length"]) == len(stored.content)
    assert seen[-1] == (200_004, 200_004)
    assert len(seen) > 1
    assert hosts.sent() == {
        "patient_id": "7",
        "upload_url": f"{STORE}/inbox/abc/report.pdf",
        "filename": "report.pdf",
        "description": "X-ray",
    }


async def test_bytes_go_up_under_a_name_and_are_waited_for() -> None:
    hosts = Hosts(b"hello")
    hosts.polls_until_processed = 3
    async with hosts.session() as cliniko:
        attachment = await cliniko.patient_attachments.upload(
            "7", b"hello", filename="a.txt", wait=60
        )
    assert attachment.processing_completed is True
    assert hosts.forms[0][-1] == ("file", "a.txt", b"hello")


async def test_a_file_that_is_not_processed_in_time_comes_back_as_it_is() -> None:
    hosts = Hosts()
    hosts.polls_until_processed = 1000
    async with hosts.session() as cliniko:
        attachment = await cliniko.patient_attachments.upload(
            "7", b"hello", filename="a.txt", wait=10
        )
    assert attachment.processing_completed is False


async def test_a_transfer_that_breaks_off_begins_again_with_fresh_permission() -> None:
    hosts = Hosts()
    hosts.statuses = [503, 201]
    async with hosts.session() as cliniko:
        await cliniko.patient_attachments.upload("7", b"hello", filename="a.txt")
    policies = [part[2] for form in hosts.forms for part in form if part[0] == "policy"]
    assert policies == [b"policy 1", b"policy 2"]


async def test_a_file_that_is_never_taken_attaches_nothing() -> None:
    hosts = Hosts()
    hosts.statuses = [403] * 9
    async with hosts.session() as cliniko:
        with pytest.raises(TransportError, match="403"):
            await cliniko.patient_attachments.upload("7", b"hello", filename="a.txt")
    assert not [r for r in hosts.requests if r.url.path == "/v1/patient_attachments"]


async def test_an_attachment_whose_creation_was_cut_off_is_not_made_twice() -> None:
    hosts = Hosts()

    async def cut(request: httpx.Request) -> httpx.Response:
        response = await hosts(request)
        if request.url.path == "/v1/patient_attachments":
            raise httpx.ReadError("reset", request=request)
        return response

    session = AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=httpx.MockTransport(cut),
    )
    async with session as cliniko:
        with pytest.raises(OutcomeUnknownError):
            await cliniko.patient_attachments.upload("7", b"hello", filename="a.txt")
    assert hosts.sent()["patient_id"] == "7"


async def test_a_read_only_session_uploads_nothing_anywhere() -> None:
    hosts = Hosts()
    async with hosts.session(read_only=True) as cliniko:
        with pytest.raises(ReadOnlyError):
            await cliniko.patient_attachments.upload("7", b"hello", filename="a.txt")
    assert not hosts.requests


@pytest.mark.parametrize("name", ["", "a/b", 'a"b', "a\r\nb", "a\\b"])
async def test_names_that_would_break_the_form_are_refused(name: str) -> None:
    hosts = Hosts()
    async with hosts.session() as cliniko:
        with pytest.raises(InvalidValueError):
            await cliniko.patient_attachments.upload("7", b"hello", filename=name)
        with pytest.raises(InvalidTypeError, match="filename="):
            await cliniko.patient_attachments.upload("7", b"hello")
    assert not hosts.requests


async def test_a_file_comes_down_from_the_other_host_without_credentials(tmp_path: Path) -> None:
    hosts = Hosts(bytes(range(256)) * 1000)
    target = tmp_path / "x.pdf"
    seen: list[tuple[int, int]] = []
    async with hosts.session() as cliniko:
        size = await cliniko.patient_attachments.download(
            "5", target, on_progress=lambda done, size: seen.append((done, size))
        )
    assert size == 256_000
    assert target.read_bytes() == hosts.file
    assert names_in(tmp_path) == ["x.pdf"]
    assert seen[-1] == (256_000, 256_000)
    fetched = hosts.requests[-1]
    assert str(fetched.url) == hosts.location
    assert "authorization" not in fetched.headers


async def test_a_file_that_is_too_short_never_appears(tmp_path: Path) -> None:
    hosts = Hosts(b"whole")
    async with hosts.session() as cliniko:
        attachment = await cliniko.patient_attachments.get("5")
        hosts.file = b"who"
        with pytest.raises(TransportError, match="3 bytes came of 5"):
            await cliniko.patient_attachments.download(attachment, tmp_path / "x.pdf")
    assert not names_in(tmp_path)


async def test_a_failed_download_asks_again_where_the_file_lies(tmp_path: Path) -> None:
    hosts = Hosts(b"whole")
    hosts.statuses = [403, 200]
    async with hosts.session() as cliniko:
        await cliniko.patient_attachments.download("5", tmp_path / "x.pdf")
    asked = [r for r in hosts.requests if r.url.path.endswith("/content")]
    assert len(asked) == 2
    assert (tmp_path / "x.pdf").read_bytes() == b"whole"


async def test_a_file_is_not_fetched_over_a_way_that_others_can_read(tmp_path: Path) -> None:
    hosts = Hosts(b"whole")
    hosts.location = "http://files.example.com/5"
    async with hosts.session() as cliniko:
        with pytest.raises(TransportError, match="https"):
            await cliniko.patient_attachments.download("5", tmp_path / "x.pdf")
    assert not [r for r in hosts.requests if r.url.host == "files.example.com"]


async def test_a_file_that_is_still_processed_cannot_be_downloaded(tmp_path: Path) -> None:
    hosts = Hosts(b"whole")
    hosts.polls_until_processed = 2
    async with hosts.session() as cliniko:
        with pytest.raises(InvalidValueError, match="processing"):
            await cliniko.patient_attachments.download("5", tmp_path / "x.pdf")


async def test_the_emulator_plays_the_file_host_too(tmp_path: Path) -> None:
    clinic = Clinic()
    patient = clinic.create("patients", first_name="Alba", last_name="Testperson")
    emulator = Emulator(clinic)
    session = AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        transport=emulator.transport(),
    )
    async with session as cliniko:
        files = cliniko.patient_attachments
        name = "Überweisung 1.pdf"
        made = await files.upload(patient["id"], b"%PDF-", filename=name, wait=30)
        assert (made.filename, made.size, made.content_type) == (name, 5, "application/pdf")
        assert await files.download(made, tmp_path / "x.pdf") == 5
        with pytest.raises(ValidationError) as caught:
            await files.create(patient_id=patient["id"], upload_url="https://example.com/x")
    assert (tmp_path / "x.pdf").read_bytes() == b"%PDF-"
    assert stat.S_IMODE((tmp_path / "x.pdf").stat().st_mode) == 0o600
    assert "temp_attachment_url" in caught.value.fields
