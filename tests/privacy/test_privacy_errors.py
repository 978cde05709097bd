"""No key and no value in errors, in the frames they come from, and in what is logged meanwhile."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx
import pytest
from canaries import (
    ANSWERS,
    ANY,
    ASKED,
    ASKED_ID,
    DAY,
    HELD,
    HELD_ID,
    KEY,
    VALUES,
    frames_with,
    leaks,
    listening,
    rich_traceback,
    words_of,
)
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async._models.links import Link
from cliniko_async.errors import ClinikoError, DecodeError, InvalidValueError
from cliniko_async.export import Export

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    Answer = Callable[[httpx.Request], httpx.Response]
    Call = Callable[[AsyncCliniko, Path], Awaitable[object]]

pytestmark = pytest.mark.anyio

FILES = "files.example.com"
SIGNED = f"https://{FILES}/{HELD}File.pdf?X-Amz-Signature={HELD}Signature"
CONTENT = "https://api.au1.cliniko.com/v1/patient_attachments/5/content"


@pytest.fixture(autouse=True)
def logged() -> Iterator[None]:
    """Nothing is logged by the way, at any level."""
    with listening() as said:
        yield
    assert leaks(said.getvalue()) == []


def session(answer: Answer) -> AsyncCliniko:
    return AsyncCliniko(KEY, user_agent=AGENT, transport=httpx.MockTransport(answer))


# The server: each answer is wrong in one way, and full of canaries


def status(number: int, **more: Any) -> Answer:
    return lambda _: httpx.Response(number, headers={"X-Request-Id": HELD}, **more)


def moved(to: str) -> Answer:
    return lambda _: httpx.Response(302, headers=[(b"Location", to.encode())])


def breaking(kind: type[httpx.TransportError], cause: Exception | None = None) -> Answer:
    def fail(request: httpx.Request) -> httpx.Response:
        raise kind(f"{HELD} {request.url}", request=request) from cause

    return fail


def misshapen(request: httpx.Request) -> httpx.Response:
    """A record, and a list with one, of which hardly a field fits."""
    row = {
        "id": HELD,
        "created_at": f"{DAY}T00:00:00Z",
        "updated_at": HELD,
        "first_name": {HELD: HELD},
        "patient": HELD,
        "url": [HELD],
        "content": [HELD],
    }
    name = request.url.path.rpartition("/")[2]
    return httpx.Response(200, json={**row, name: [row], "total_entries": 1})


SAID = {"message": f"{HELD}: {ASKED}", "errors": {"first_name": f"{HELD} is not {ASKED}"}}

BAD: dict[str, Answer] = {
    **{str(n): status(n, json=SAID) for n in (400, 401, 403, 404, 409, 422, 429, 500)},
    "503 html": status(503, html=f"<h1>{HELD}</h1>"),
    "moved": moved(SIGNED),
    "moved nowhere": moved(f"https://[{HELD}/"),
    "html": status(200, html=f"<h1>{HELD}</h1>"),
    "half": status(200, text=f'{{"first_name": "{HELD}'),
    "bytes": status(200, content=f'{{"first_name": "{HELD}\xff"}}'.encode("latin-1")),
    "list": status(200, json=[HELD]),
    "misshapen": misshapen,
    "cut": breaking(httpx.RemoteProtocolError),
    "refused": breaking(httpx.ConnectError, OSError(HELD)),
    "tls": breaking(httpx.ConnectError, ssl.SSLError(HELD)),
    "slow": breaking(httpx.ReadTimeout),
}


# The calls: one of each kind, with canaries in all that they are given

f = AsyncCliniko.patients.filters
WHERE = (f.last_name == f"{ASKED}Filter", f.email.contains(f"{ASKED}Filter"), f.id >= ASKED_ID)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)

READING: dict[str, Call] = {
    "list": lambda c, _: c.patients.list(*WHERE).all(),
    "pages": lambda c, _: anext(c.patients.list(*WHERE).pages()),
    "raw": lambda c, _: c.patients.list(*WHERE).raw().all(),
    "first": lambda c, _: c.patients.list(*WHERE).first(),
    "count": lambda c, _: c.patients.list(*WHERE).count(),
    "scan": lambda c, _: c.patients.scan(*WHERE).all(),
    "changes": lambda c, _: c.patients.changes(since=SINCE, on_bad_record="raise").all(),
    "export": lambda c, to: Export(c, ["patients", "taxes"], to).run(),
}
"""What is given to these is hidden in filters."""

NAMING: dict[str, Call] = {
    "get": lambda c, _: c.patients.get(ASKED_ID),
    "get_many": lambda c, _: c.patients.get_many([ASKED_ID, "9"]),
    "create": lambda c, _: c.patients.create(first_name=ASKED, last_name=ASKED),
    "update": lambda c, _: c.patients.update(ASKED_ID, notes=ASKED),
    "archive": lambda c, _: c.patients.archive(ASKED_ID),
    "unarchive": lambda c, _: c.patients.unarchive(ASKED_ID),
    "cancel": lambda c, _: c.individual_appointments.cancel(ASKED_ID, reason="Sick", note=ASKED),
    "delete": lambda c, _: c.taxes.delete(ASKED_ID),
    "conflicts": lambda c, _: c.individual_appointments.conflicts(ASKED_ID),
    "request": lambda c, _: c.request("GET", f"/a/{ASKED_ID}", params={"q[]": f"a:={ASKED}"}),
    "request by link": lambda c, _: c.request("GET", f"/a/{ASKED_ID}/b?q[]=a:={ASKED}"),
    "request that writes": lambda c, _: c.request("POST", "/a", json={"notes": ASKED}),
    "upload": lambda c, _: c.patient_attachments.upload(ASKED_ID, b"", filename=f"{ASKED}.pdf"),
    "download": lambda c, to: c.patient_attachments.download(ASKED_ID, to / f"{ASKED}.pdf"),
}
"""What is given to these is in the caller's frames; in ours, ids are, and the path of a file."""

CALLS = {**READING, **NAMING}

HIDDEN = {call: ANY if call in READING else VALUES for call in CALLS} | {"download": ANSWERS}
"""What is in no frame of a call that fails."""

NO_RECORD = {"list", "misshapen"}
NO_JSON = {"html", "half", "bytes"}

TAKEN = {
    **dict.fromkeys(("archive", "cancel", "delete"), NO_RECORD),
    **dict.fromkeys([call for call in CALLS if call.startswith("request")], NO_RECORD),
    **{call: {"misshapen"} for call in ("raw", "count", "export")},
}
"""Answers that are good enough for some calls."""

CASES = [(call, bad) for call in CALLS for bad in BAD if bad not in TAKEN.get(call, ())]


async def failure(call: Call, answer: Answer, to: Path) -> BaseException:
    """The error of a call that is answered so."""
    async with session(answer) as cliniko:
        with pytest.raises(ClinikoError) as caught:
            await call(cliniko.with_options(retries=0, max_wait=5), to)
    return caught.value


def assert_silent(error: BaseException, *, frames: re.Pattern[str] = ANSWERS) -> None:
    assert leaks(words_of(error)) == []
    assert frames_with(error, frames) == {}


@pytest.mark.parametrize(("call", "bad"), CASES)
async def test_an_error_tells_neither_what_was_asked_nor_what_was_answered(
    call: str, bad: str, tmp_path: Path
) -> None:
    error = await failure(CALLS[call], BAD[bad], tmp_path)
    assert_silent(error, frames=HIDDEN[call])


@pytest.mark.parametrize("call", TAKEN)
async def test_an_answer_that_is_taken_is_not_told_either(call: str, tmp_path: Path) -> None:
    for bad in TAKEN[call]:
        async with session(BAD[bad]) as cliniko:
            await CALLS[call](cliniko, tmp_path)


@pytest.mark.parametrize(("id", "told"), [(HELD_ID, True), (HELD, False), (f"{HELD_ID} x", False)])
async def test_a_record_that_does_not_fit_is_named_by_its_id_if_that_is_one(
    id: str, *, told: bool, tmp_path: Path
) -> None:
    row = {"id": id, "created_at": HELD}
    error = await failure(CALLS["get"], lambda _: httpx.Response(200, json=row), tmp_path)
    assert isinstance(error, DecodeError)
    assert error.id == id
    assert (id in str(error)) is told


# Files on their way


def good(request: httpx.Request) -> httpx.Response:
    """The API as it should be."""
    path = request.url.path
    if path.endswith("presigned_post"):
        fields = {"key": f"{HELD}/${{filename}}", "policy": HELD}
        return httpx.Response(200, json={"url": SIGNED, "fields": fields})
    if path.endswith("/content"):
        return moved(SIGNED)(request)
    moments = dict.fromkeys(("created_at", "updated_at"), "2026-01-02T03:04:05Z")
    content = {"links": {"self": CONTENT}}
    return httpx.Response(200, json={"id": "5", "size": 9, "content": content, **moments})


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def host_of_files(answer: Answer) -> Answer:
    return lambda request: (answer if request.url.host == FILES else good)(request)


AT_FILE_HOST = [
    *(("upload", bad) for bad in BAD if bad not in NO_JSON | NO_RECORD),
    *(("download", bad) for bad in BAD),
]
"""To an upload it does not matter what the host says with a 200; a download has another size."""


@pytest.mark.parametrize(("call", "bad"), AT_FILE_HOST)
async def test_a_file_host_that_fails_is_not_quoted(call: str, bad: str, tmp_path: Path) -> None:
    error = await failure(CALLS[call], host_of_files(BAD[bad]), tmp_path)
    assert_silent(error)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    [
        f"https://{FILES}:{HELD}/",
        f"https://[{HELD}/",
        f"https://{FILES}/\0{HELD}",
        f"https://xn--{HELD}\N{SNOWMAN}../",
        f"https://{HELD * 20_000}/",
        f"http://{FILES}/{HELD}",
        f"ftp://{HELD}/",
        HELD,
    ],
)
@pytest.mark.parametrize("call", ["upload", "download"])
async def test_a_place_for_files_that_is_none_is_not_quoted(
    call: str, url: str, tmp_path: Path
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("presigned_post"):
            return httpx.Response(200, json={"url": url, "fields": {"policy": HELD}})
        return (moved(url) if request.url.path.endswith("/content") else good)(request)

    assert_silent(await failure(CALLS[call], answer, tmp_path))


# Calls that are given up by the caller


class Hanging(httpx.AsyncBaseTransport):
    """Answers some requests well, and one never, or with a body that does not end."""

    def __init__(self, after: int, *, begins: bool) -> None:
        self._left = after
        self._begins = begins

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if self._left:
            self._left -= 1
            return host_of_files(lambda _: httpx.Response(204))(request)
        if not self._begins:
            await anyio.sleep_forever()
        return httpx.Response(200, content=self._body())

    async def _body(self) -> AsyncIterator[bytes]:
        yield HELD.encode()
        await anyio.sleep_forever()


async def _by_timeout(work: Awaitable[object]) -> None:
    async with asyncio.timeout(5):
        await work


async def _by_wait_for(work: Awaitable[object]) -> None:
    await asyncio.wait_for(work, 5)


async def _by_cancelling(work: Awaitable[object]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().call_later(5, task.cancel)
    await task


GIVING_UP = {"timeout": _by_timeout, "wait_for": _by_wait_for, "cancel": _by_cancelling}


async def given_up(call: Call, to: Path, transport: Hanging, way: str) -> BaseException:
    """The error of a call that its caller gives up after a while."""
    async with AsyncCliniko(KEY, user_agent=AGENT, transport=transport) as cliniko:
        with pytest.raises((TimeoutError, asyncio.CancelledError)) as caught:
            await GIVING_UP[way](call(cliniko, to))
    return caught.value


@pytest.mark.parametrize("begins", [False, True])
@pytest.mark.parametrize("way", GIVING_UP)
@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_given_up_shows_nothing_in_its_traceback(
    call: str, way: str, tmp_path: Path, *, begins: bool
) -> None:
    error = await given_up(CALLS[call], tmp_path, Hanging(0, begins=begins), way)
    assert_silent(error, frames=HIDDEN[call])


@pytest.mark.parametrize("call", ["list", "create", "request that writes", "upload"])
async def test_rich_shows_nothing_either(call: str, tmp_path: Path) -> None:
    error = await given_up(CALLS[call], tmp_path, Hanging(0, begins=True), "timeout")
    assert leaks(rich_traceback(error), HIDDEN[call]) == []


@pytest.mark.parametrize(
    ("call", "after"), [("upload", 1), ("upload", 2), ("download", 1), ("download", 2)]
)
async def test_a_file_that_hangs_shows_nothing_in_its_traceback(
    call: str, after: int, tmp_path: Path
) -> None:
    error = await given_up(CALLS[call], tmp_path, Hanging(after, begins=True), "timeout")
    assert_silent(error, frames=HIDDEN[call])
    assert names_in(tmp_path) == []


# Mistakes, found before anything is sent

unchecked: Any = ASKED

MISTAKES: dict[str, Call] = {
    "id": lambda c, _: c.patients.get(ASKED),
    "ids": lambda c, _: c.patients.get_many(["1", ASKED]),
    "link": lambda c, _: c.patients.get(Link(f"https://{ASKED}/contacts?q={ASKED}")),
    "cursor": lambda c, _: c.patients.changes(cursor=ASKED).all(),
    "since": lambda c, _: c.patients.changes(since=unchecked).all(),
    "sort": lambda c, _: c.patients.list(sort=f"{ASKED}!").all(),
    "page": lambda c, _: c.patients.list(per_page=unchecked).all(),
    "filter by id": lambda c, _: c.patients.list(f.id == ASKED).all(),
    "filter by date": lambda c, _: c.patients.list(f.date_of_birth == unchecked).all(),
    "filter by moment": lambda c, _: c.patients.list(f.created_at > unchecked).all(),
    "filter by text": lambda c, _: c.patients.list(f.last_name == cast("Any", [ASKED])).all(),
    "relation": lambda c, _: c.patient_cases.update("1", patient_id=ASKED),
    "field": lambda c, _: c.patients.create(first_name=cast("Any", [ASKED, 1.5])),
    "number": lambda c, _: c.taxes.create(name=ASKED, rate=Decimal("nan")),
    "options": lambda c, _: c.with_options(timeout=unchecked).patients.get("1"),
    "lane": lambda c, _: c.with_options(lane=unchecked).patients.get("1"),
    "method": lambda c, _: c.request(ASKED, "/patients"),
    "path": lambda c, _: c.request("GET", ASKED),
    "server": lambda c, _: c.request("GET", f"https://{ASKED}/v1/{ASKED}"),
    "query": lambda c, _: c.request("GET", "/patients", params={"q": ASKED}),
    "name of a file": lambda c, _: c.patient_attachments.upload("1", b"", filename=f'"{ASKED}'),
    "read only": lambda c, _: c.with_options(read_only=True).patients.update("1", notes=ASKED),
    "budget": lambda c, _: c.with_options(max_requests=0).patients.list(*WHERE).all(),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_is_explained_without_the_value(mistake: str, tmp_path: Path) -> None:
    async def call(cliniko: AsyncCliniko, to: Path) -> None:
        await MISTAKES[mistake](cliniko, to)

    assert_silent(await failure(call, good, tmp_path))


@pytest.mark.parametrize(
    "wrong",
    [
        {"CLINIKO_API_KEY": f"{KEY}\n"},
        {"CLINIKO_API_KEY": f"{HELD} {KEY}"},
        {"CLINIKO_API_KEY": f"{HELD}-au123"},
        {"CLINIKO_USER_AGENT": "nobody"},
        {"CLINIKO_BASE_URL": "http://example.com/v1"},
        {"CLINIKO_BASE_URL": f"https://user:{HELD}@example.com/v1"},
    ],
    ids=str,
)
def test_a_key_from_the_environment_is_in_no_frame(
    wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"CLINIKO_API_KEY": KEY, "CLINIKO_USER_AGENT": AGENT, **wrong}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidValueError) as caught:
        AsyncCliniko()
    assert_silent(caught.value)
