"""What is refused before a request is spent: paths that lead elsewhere, files that cannot be."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cliniko_async._client import AsyncCliniko
from cliniko_async.errors import (
    ApiError,
    InvalidTypeError,
    InvalidValueError,
    NotFoundError,
    RateLimitError,
    ServerError,
    TransportError,
)
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio

NAME = "Kanarie"
HOST = "https://files.example.com/file"


class Server(httpx.AsyncBaseTransport):
    """Answers as it is told to, and keeps what it was sent."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return self._answer(request)


def session(server: httpx.AsyncBaseTransport, **more: Any) -> AsyncCliniko:
    return AsyncCliniko("MS0xT-au2", user_agent="T (t@example.com)", transport=server, **more)


def good(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={})


# Paths


@pytest.mark.parametrize(
    "path",
    [
        *("/../x", "/a/../../x", "/..", "/./x", "/a/.", "/%2e%2e/x", "/%2E%2E/x", "/a/%2e%2e%2fx"),
        *("//example.com/x", "///x", "/a//b", "/a\\..\\b", "/v1/../x", "/a%00b", "/a b", "/a%20b"),
        *(f"/{NAME}\0", f"/{NAME}\n", f"/{NAME}\r\nX: y", f"/\u202e{NAME}", f"/\ud800{NAME}", "/ä"),
        *("http://api.au2.cliniko.com/v1/x", "https://api.au2.cliniko.com@example.com/v1/x"),
        *("https://api.au2.cliniko.com/v1/../x", "https://api.au2.cliniko.com:444/v1/x", "", "x"),
        "https://[::1",
    ],
)
async def test_a_path_cannot_lead_elsewhere(path: str) -> None:
    server = Server(good)
    async with session(server) as cliniko:
        with pytest.raises(InvalidValueError) as refused:
            await cliniko.request("GET", path)
    assert NAME not in str(refused.value)
    assert "\0" not in str(refused.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/recalls", "/v1/recalls"),
        ("/recalls/", "/v1/recalls/"),
        ("/patients/12/a-b_c.d~e", "/v1/patients/12/a-b_c.d~e"),
        ("/a?q[]=b%3A%3Dc%20d", "/v1/a?q%5B%5D=b%3A%3Dc+d"),
        ("https://api.au2.cliniko.com/v1/recalls?page=2", "/v1/recalls?page=2"),
        ("https://api.au2.cliniko.com/..v1", "/v1/..v1"),
    ],
)
async def test_paths_and_links_go_where_they_say(path: str, sent: str) -> None:
    server = Server(good)
    async with session(server) as cliniko:
        await cliniko.request("get", path)
    assert server.requests[0].url.raw_path.decode().replace("%20", "+") == sent


@pytest.mark.parametrize("arguments", [("GET", 5), (None, "/a"), ("GET", None), (b"GET", "/a")])
async def test_what_is_no_text_is_refused(arguments: tuple[Any, Any]) -> None:
    async with session(Server(good)) as cliniko:
        with pytest.raises(InvalidTypeError):
            await cliniko.request(*arguments)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/patients/123", "/patients/{id}"),
        ("/patients/123.json", "/patients/{id}"),
        (f"/patients/{NAME}/medical_alerts", "/patients/{id}/medical_alerts"),
        ("/settings/public/", "/settings/public/"),
        ("/bookings/12-3/ab_c9", "/bookings/{id}/{id}"),
    ],
)
async def test_an_error_names_a_path_without_what_may_be_an_id(path: str, template: str) -> None:
    async with session(Server(lambda _: httpx.Response(404, json={}))) as cliniko:
        with pytest.raises(NotFoundError, match=re.escape(f"GET {template}:")) as refused:
            await cliniko.request("GET", path)
    assert refused.value.path == template


# Files to write to, and to read from


def attachment(request: httpx.Request, *, to: str = HOST) -> httpx.Response:
    if request.url.path.endswith("presigned_post"):
        return httpx.Response(200, json={"url": to, "fields": {"key": "k"}})
    if request.url.path.endswith("/content"):
        return httpx.Response(302, headers={"Location": to})
    if request.url.host != "api.au2.cliniko.com":
        return httpx.Response(200, content=b"file")
    moments = dict.fromkeys(("created_at", "updated_at"), "2026-01-02T03:04:05Z")
    row = {"id": "5", "size": 4, "content": {"links": {"self": "x"}}, **moments}
    return httpx.Response(200, content=json.dumps(row).encode())


UNWRITABLE: dict[str, Callable[[Path], object]] = {
    "a folder": lambda folder: folder,
    "in no folder": lambda folder: folder / "none" / NAME,
    "in a file": lambda folder: folder / "file" / NAME,
    "long": lambda folder: folder / (NAME * 100),
    "with a NUL": lambda folder: folder / f"{NAME}\0",
    "a device": lambda _: "/dev/null",
    "no path": lambda _: 5,
}


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("kind", UNWRITABLE)
async def test_a_download_that_cannot_be_written_asks_for_nothing(
    kind: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    server = Server(attachment)
    to: Any = UNWRITABLE[kind](tmp_path)
    async with session(server) as cliniko:
        with pytest.raises((InvalidValueError, InvalidTypeError)) as refused:
            await cliniko.patient_attachments.download("5", to)
    assert NAME not in str(refused.value)
    assert server.requests == []
    assert names_in(tmp_path) == ["file"]


async def test_the_longest_name_there_can_be_is_written_and_a_link_is_followed(
    tmp_path: Path,
) -> None:
    longest = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    async with session(Server(attachment)) as cliniko:
        for path in (longest, link):
            assert await cliniko.patient_attachments.download("5", path) == 4
    assert longest.read_bytes() == (tmp_path / "elsewhere").read_bytes() == b"file"
    assert link.is_symlink()


@pytest.mark.parametrize(
    "to", ["http://files.example.com/f", "ftp://files.example.com/f", "https://[::1", "https://\0/"]
)
@pytest.mark.parametrize("verb", ["upload", "download"])
async def test_a_file_host_that_is_not_https_is_given_up_at_the_first_try(
    verb: str, to: str, tmp_path: Path
) -> None:
    server = Server(lambda request: attachment(request, to=to))
    async with session(server) as cliniko:
        files = cliniko.patient_attachments
        transfers: dict[str, Callable[[], Awaitable[object]]] = {
            "upload": lambda: files.upload("5", b"file", filename="f"),
            "download": lambda: files.download("5", tmp_path / "f"),
        }
        with pytest.raises((TransportError, ApiError), match=r"not https|malformed|302"):
            await transfers[verb]()
    assert len(server.requests) <= 2
    assert all(request.url.host == "api.au2.cliniko.com" for request in server.requests)


@pytest.mark.parametrize("kind", ["a folder", "none", "a device"])
async def test_what_is_no_file_is_not_uploaded(kind: str, tmp_path: Path) -> None:
    server = Server(attachment)
    paths = {"a folder": tmp_path, "none": tmp_path / NAME, "a device": Path("/dev/zero")}
    async with session(server) as cliniko:
        with pytest.raises(InvalidValueError) as refused:
            await cliniko.patient_attachments.upload("5", paths[kind])
    assert NAME not in str(refused.value)
    assert server.requests == []


@pytest.mark.parametrize("becomes", [0, 100_000, 400_000])
async def test_a_file_that_changes_while_it_is_sent_is_not_attached(
    becomes: int, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(300_000))

    def change(sent: int, size: int) -> None:
        assert size == 300_000
        if sent == 65_536:
            os.truncate(file, becomes)

    server = Server(attachment)
    async with session(server) as cliniko:
        with pytest.raises(TransportError, match="changed while it was sent"):
            await cliniko.patient_attachments.upload("5", file, on_progress=change)
    assert len(server.requests) == 1


async def test_what_on_progress_raises_ends_the_upload_and_keeps_its_own_frames() -> None:
    def stop(sent: int, size: int) -> None:
        raise KeyError(f"{sent} of {size}")

    server = Server(attachment)
    async with session(server) as cliniko:
        with pytest.raises(KeyError, match="4 of 4") as caught:
            await cliniko.patient_attachments.upload("5", b"file", filename="f", on_progress=stop)
    assert caught.traceback[-1].name == "stop"
    assert len(server.requests) == 1


# Limits that were reached, and servers that ask for time


async def test_a_call_that_was_not_sent_has_no_status() -> None:
    async with session(Server(good), rate_limit=RateLimit(1, per=60)) as cliniko:
        await cliniko.request("GET", "/a")
        with pytest.raises(RateLimitError) as refused:
            await cliniko.with_options(max_wait=1).request("GET", "/a")
    assert refused.value.status is None
    assert refused.value.reset_at is not None


@pytest.mark.parametrize(
    ("after", "least", "most"),
    [
        ("5", 5.0, 6.0),
        ("Mon, 05 Jan 2026 00:00:07 GMT", 7.0, 8.0),
        ("100000", 9.0, 11.0),
        ("9" * 400, 0.0, 1.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 9.0, 11.0),
        ("-5", 0.0, 1.0),
        ("soon", 0.0, 1.0),
        ("Fri, 31 Dec 9999 23:59:59 -0100", 0.0, 1.0),
        ("", 0.0, 1.0),
    ],
)
async def test_a_server_that_asks_for_time_is_given_some(
    after: str, least: float, most: float
) -> None:
    headers = {"Retry-After": after, "Date": "Mon, 05 Jan 2026 00:00:00 GMT"}
    answers = [httpx.Response(503, headers=headers), httpx.Response(200, json={})]
    loop_time = asyncio.get_running_loop().time
    async with session(Server(lambda _: answers.pop(0))) as cliniko:
        began = loop_time()
        await cliniko.request("GET", "/a")
        assert least <= loop_time() - began <= most


async def test_a_server_that_asks_for_ever_is_given_up() -> None:
    server = Server(lambda _: httpx.Response(503, headers={"Retry-After": "100000"}))
    async with session(server) as cliniko:
        with pytest.raises(ServerError):
            await cliniko.request("GET", "/a")
    assert 2 <= len(server.requests) <= 6


@pytest.mark.parametrize(
    "date",
    [
        *("Fri, 31 Dec 9999 23:59:59 -0100", "Mon, 01 Jan 0001 00:00:00 +0100", "garbage", "1", ""),
        *("Mon, 01 Jan 2020 00:00:00 +9999999", "Mon, 01 Jan -1 00:00:00 GMT", ": , ,", "0 Jan 0"),
        "Mon, 1 Jan 2020 99999999999999999999:0:0 GMT",
    ],
)
async def test_a_malformed_date_is_no_date(date: str) -> None:
    answer = httpx.Response(200, json={}, headers={"Date": date})
    async with session(Server(lambda _: answer)) as cliniko:
        assert await cliniko.request("GET", "/a") == {}
        moment = cliniko._session.server_time  # pyright: ignore[reportPrivateUsage] # what changes go by
        assert moment is None or "0001" in date


@pytest.mark.parametrize(
    "odd",
    [
        *({"params": p} for p in (5, "a=b", {5: 1}, [("a", 1), ("b",)], {"a": None})),
        *({"params": {"a": v}} for v in (object(), b"x", {"b": 1}, [None])),
        *({"json": j} for j in (object(), {"a": object()}, {(1, 2): 3}, {"a": "\ud800"})),
        *({"json": {"a": [v]}} for v in (float("nan"), float("-inf"), b"x", bytearray(b"x"))),
    ],
)
async def test_what_cannot_be_sent_is_an_error_of_ours(odd: dict[str, Any]) -> None:
    server = Server(lambda _: httpx.Response(200, json={}))
    async with AsyncCliniko("MS0xODD-au2", user_agent="T (t@example.com)", transport=server) as c:
        with pytest.raises(InvalidTypeError):
            await c.request("POST", "/x", **odd)
    assert not server.requests
