"""The fault matrix: what becomes of each call when the API fails in each way.

A cell says what a call ends with when the fault is there once, and when it stays. What ends well
has done all it should, and once. What does not leaves nothing taken and nothing half written, and
says what it was without a value; what can be repeated then ends well.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from fault_calls import CALLS, NAME, Call, Subject, full_clinic
from sessions import AGENT

from cliniko_async import AsyncCliniko, RateLimit
from cliniko_async.emulator import Emulator
from cliniko_async.errors import (
    AnswerUnreadableError,
    ApiError,
    AuthenticationError,
    ClinikoError,
    DecodeError,
    ForbiddenError,
    IncompleteListingError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    ValidationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    Forward = Callable[[], Awaitable[httpx.Response]]
    Fault = Callable[[Forward], Awaitable[httpx.Response]]

pytestmark = pytest.mark.anyio

TABLE: Final = """
                   list   sorted get    create update archive scan   export upload
no_host            ok/Tr  ok/Tr  ok/Tr  ok/Tr  ok/Tr  ok/Tr   ok/Tr  ok/Tr  ok/Tr
refused            ok/Tr  ok/Tr  ok/Tr  ok/Tr  ok/Tr  ok/Tr   ok/Tr  ok/Tr  ok/Tr
bad_certificate    ok/Tr  ok/Tr  ok/Tr  ok/Tr  ok/Tr  ok/Tr   ok/Tr  ok/Tr  ok/Tr
reset_unread       ok/Tr  ok/Tr  ok/Tr  Un/Un  ok/Un  ok/Un   ok/Tr  ok/Tr  Un/Un
reset_done         ok/Tr  ok/Tr  ok/Tr  Un/Un  ok/Un  ok/Un   ok/Tr  ok/Tr  Un/Un
slow_head          ok/TO  ok/TO  ok/TO  Un/Un  ok/Un  ok/Un   ok/TO  ok/TO  Un/Un
slow_body          ok/TO  ok/TO  ok/TO  Un/Un  ok/Un  ok/Un   ok/TO  ok/TO  Un/Un
cut_body           ok/Tr  ok/Tr  ok/Tr  AU/AU  AU/AU  AU/AU   ok/Tr  ok/Tr  AU/AU
not_json           ok/Tr  ok/Tr  ok/Tr  AU/AU  AU/AU  AU/AU   ok/Tr  ok/Tr  AU/AU
other_json         De/De  De/De  De/De  AU/AU  AU/AU  ok/-    De/De  De/De  AU/AU
400                Ap/Ap  Ap/Ap  Ap/Ap  Ap/Ap  Ap/Ap  Ap/Ap   Ap/Ap  Ap/Ap  Ap/Ap
401                Au/Au  Au/Au  Au/Au  Au/Au  Au/Au  Au/Au   Au/Au  Au/Au  Au/Au
403                Fo/Fo  Fo/Fo  Fo/Fo  Fo/Fo  Fo/Fo  Fo/Fo   Fo/Fo  Fo/Fo  Fo/Fo
404_json           NF/NF  NF/NF  NF/NF  NF/NF  NF/NF  NF/NF   NF/NF  NF/NF  NF/NF
404_empty          NF/NF  NF/NF  NF/NF  NF/NF  NF/NF  NF/NF   NF/NF  NF/NF  NF/NF
422_fields         Va/Va  Va/Va  Va/Va  Va/Va  Va/Va  Va/Va   Va/Va  Va/Va  Va/Va
422_base           Va/Va  Va/Va  Va/Va  Va/Va  Va/Va  Va/Va   Va/Va  Va/Va  Va/Va
422_null           Va/Va  Va/Va  Va/Va  Va/Va  Va/Va  Va/Va   Va/Va  Va/Va  Va/Va
422_message        Va/Va  Va/Va  Va/Va  Va/Va  Va/Va  Va/Va   Va/Va  Va/Va  Va/Va
429                ok/RL  ok/RL  ok/RL  ok/RL  ok/RL  ok/RL   ok/RL  ok/RL  ok/RL
429_bare           ok/RL  ok/RL  ok/RL  ok/RL  ok/RL  ok/RL   ok/RL  ok/RL  ok/RL
429_past           ok/RL  ok/RL  ok/RL  ok/RL  ok/RL  ok/RL   ok/RL  ok/RL  ok/RL
429_an_hour        ok/RL  ok/RL  ok/RL  ok/RL  ok/RL  ok/RL   ok/RL  ok/RL  ok/RL
500                ok/Se  ok/Se  ok/Se  Un/Un  ok/Se  ok/-    ok/Se  ok/Se  Un/Un
502_html           ok/Se  ok/Se  ok/Se  Un/Un  ok/Se  ok/-    ok/Se  ok/Se  Un/Un
503                ok/Se  ok/Se  ok/Se  Un/Un  ok/Se  ok/-    ok/Se  ok/Se  Un/Un
504                ok/Se  ok/Se  ok/Se  Un/Un  ok/Se  ok/-    ok/Se  ok/Se  Un/Un
redirect_elsewhere Ap/Ap  Ap/Ap  Ap/Ap  Ap/Ap  Ap/Ap  Ap/Ap   Ap/Ap  Ap/Ap  Ap/Ap
next_elsewhere     ok/ok  ok/ok  -/-    -/-    -/-    -/-     ok/ok  ok/ok  -/-
next_itself        ok/ok  ok/ok  -/-    -/-    -/-    -/-     ok/ok  ok/ok  -/-
next_relative      ok/ok  ok/ok  -/-    -/-    -/-    -/-     ok/ok  ok/ok  -/-
"""

ERRORS: Final[dict[str, type[ClinikoError]]] = {
    "AU": AnswerUnreadableError,  # done, but not to be read
    "Ap": ApiError,
    "Au": AuthenticationError,
    "De": DecodeError,
    "Fo": ForbiddenError,
    "In": IncompleteListingError,
    "NF": NotFoundError,
    "RL": RateLimitError,  # with max_wait; without, it would wait
    "Se": ServerError,
    "TO": TransportTimeoutError,
    "Tr": TransportError,
    "Un": OutcomeUnknownError,  # it may have happened
    "Va": ValidationError,
}


def cells() -> list[Any]:
    """Fault, call, and what it ends with: once, and when the fault stays."""
    head, *lines = TABLE.strip().splitlines()
    found: list[Any] = []
    for line in lines:
        fault, *outcomes = line.split()
        for call, cell in zip(head.split(), outcomes, strict=True):
            for stays, outcome in enumerate(cell.split("/")):
                if outcome != "-":
                    name = f"{fault}-{call}-{'stays' if stays else 'once'}"
                    found.append(pytest.param(fault, call, bool(stays), outcome, id=name))
    return found


# The faults


def fails_with(error: Callable[[], Exception], *, done: bool) -> Fault:
    """A connection that breaks, before or after the server has done what was asked."""

    async def fault(forward: Forward) -> httpx.Response:
        if done:
            await forward()
        raise error()

    return fault


def unconnected(cause: Exception) -> Callable[[], Exception]:
    def error() -> Exception:
        found = httpx.ConnectError(NAME)
        found.__cause__ = cause
        return found

    return error


def answers(
    status: int, body: object = "", headers: Mapping[str, str] | None = None, *, done: bool = False
) -> Fault:
    """An answer of this kind instead of the right one."""

    async def fault(forward: Forward) -> httpx.Response:
        if done:
            await forward()
        content = body if isinstance(body, str) else json.dumps(body)
        return httpx.Response(status, headers=headers, content=content.encode())

    return fault


def refuses(seconds: int | None) -> Fault:
    """A 429 whose reset is so many seconds away by the server's own clock."""
    now = 1_900_000_000
    headers = {"Date": formatdate(now, usegmt=True)}
    if seconds is not None:
        headers["X-RateLimit-Reset"] = str(now + seconds)
    return answers(429, headers=headers)


async def slow_head(forward: Forward) -> httpx.Response:
    response = await forward()
    await asyncio.sleep(100)
    return response


class Dripping(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for byte in self._body:
            yield bytes([byte])
            await asyncio.sleep(20)


async def slow_body(forward: Forward) -> httpx.Response:
    response = await forward()
    return httpx.Response(response.status_code, stream=Dripping(response.content or b"{}"))


async def cut_body(forward: Forward) -> httpx.Response:
    content = (await forward()).content or b"{}"
    return httpx.Response(
        200, headers={"content-length": str(len(content))}, stream=Whole(content[:-1])
    )


class Whole(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def links(change: Callable[[str, str], str]) -> Fault:
    """A next link that leads somewhere else; the change is given the link and the page's own."""

    async def fault(forward: Forward) -> httpx.Response:
        response = await forward()
        page = json.loads(response.content)
        if following := page["links"].get("next"):
            page["links"]["next"] = change(following, page["links"]["self"])
        return httpx.Response(200, json=page)

    return fault


FAULTS: Final[dict[str, Fault]] = {
    "no_host": fails_with(unconnected(socket.gaierror(NAME)), done=False),
    "refused": fails_with(unconnected(ConnectionRefusedError(NAME)), done=False),
    "bad_certificate": fails_with(unconnected(ssl.SSLError(NAME)), done=False),
    "reset_unread": fails_with(lambda: httpx.WriteError(NAME), done=False),
    "reset_done": fails_with(lambda: httpx.ReadError(NAME), done=True),
    "slow_head": slow_head,
    "slow_body": slow_body,
    "cut_body": cut_body,
    "not_json": answers(200, f"<h1>{NAME}</h1>", done=True),
    "other_json": answers(200, {NAME: [NAME]}, done=True),
    "400": answers(400, {"message": NAME}),
    "401": answers(401, f"HTTP Basic: {NAME}"),
    "403": answers(403),
    "404_json": answers(404, {"status": "404", "error": NAME}),
    "404_empty": answers(404),
    "422_fields": answers(422, {"message": "Failed", "errors": {"name": f"{NAME} is taken"}}),
    "422_base": answers(422, {"message": "Failed", "errors": {"base": [NAME, NAME]}}),
    "422_null": answers(422, {"message": "Failed", "errors": {"name": None}}),
    "422_message": answers(422, {"message": NAME}),
    "429": refuses(10),
    "429_bare": refuses(None),
    "429_past": refuses(-100),
    "429_an_hour": refuses(3600),
    "500": answers(500, {"message": NAME}, done=True),
    "502_html": answers(502, f"<h1>{NAME}</h1>", done=True),
    "503": answers(503, done=True),
    "504": answers(504, done=True),
    "redirect_elsewhere": answers(
        302, headers={"Location": f"https://elsewhere.example.com/{NAME}"}
    ),
    "next_elsewhere": links(lambda link, _: link.replace("api.au1", "elsewhere.example")),
    "next_itself": links(lambda _, own: own),
    "next_relative": links(lambda link, _: "/" + link.split("/", 3)[3]),
}


class Faulty(httpx.AsyncBaseTransport):
    """An API where a call's own requests go wrong, once or always."""

    def __init__(self, inner: httpx.AsyncBaseTransport, call: Call, fault: Fault) -> None:
        self.left: float = 0
        self.hosts: set[str] = set()
        self._inner = inner
        self._fault = fault
        self._method = call.method
        self._path = re.compile("/v1" + call.template.replace("{id}", "[0-9]+"))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        meant = request.method == self._method and self._path.fullmatch(request.url.path)
        if not meant or self.left <= 0:
            return await self._inner.handle_async_request(request)
        self.left -= 1
        return await self._fault(lambda: self._inner.handle_async_request(request))


async def ended(call: Call, cliniko: AsyncCliniko, subject: Subject) -> ClinikoError | None:
    try:
        await call.run(cliniko, subject)
    except ClinikoError as error:
        return error
    return None


@pytest.mark.parametrize(("fault", "name", "stays", "outcome"), cells())
async def test_a_cell(fault: str, name: str, *, stays: bool, outcome: str, tmp_path: Path) -> None:
    call, clinic = CALLS[name], full_clinic()
    subject = Subject(clinic, tmp_path)
    emulator = Emulator(clinic, limit=100_000)
    api = Faulty(emulator.transport(), call, FAULTS[fault])
    api.left = float("inf") if stays else 1
    async with AsyncCliniko(
        "MS0xFAULTS-au1",
        user_agent=AGENT,
        transport=api,
        rate_limit=RateLimit(100_000),
    ) as session:
        cliniko = session.with_options(max_wait=600 if stays else None)
        error = await ended(call, cliniko, subject)
        if error is None:
            assert outcome == "ok"
        else:
            assert type(error) is ERRORS.get(outcome), error
            see_that_nothing_is_left(error, call, subject)
        await asyncio.sleep(200)
        assert session.limiter.in_flight == 0
        assert session.limiter.waiting == {"interactive": 0, "bulk": 0}
        assert api.hosts <= {"api.au1.cliniko.com", "files.example.com"}
        if error and name not in ("create", "upload", "archive"):
            api.left = 0
            await asyncio.sleep(3600)
            await call.run(session, subject)


def see_that_nothing_is_left(error: ClinikoError, call: Call, subject: Subject) -> None:
    """Nothing was done twice or written under its name, and the error tells no value."""
    assert NAME not in str(error)
    if isinstance(error, ApiError | TransportError | OutcomeUnknownError):
        assert (error.method, error.path) == (call.method, call.template)
        assert f"{call.method} {call.template}" in str(error)
    assert not list(subject.folder.glob("*.jsonl"))
    assert subject.named("taxes", "name") <= 1
    assert len(subject.clinic.records("patient_attachments")) <= 1
