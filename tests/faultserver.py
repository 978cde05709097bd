"""An API on which one thing goes wrong, once or always, and the calls that meet it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import attrs
import httpx

from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.export import Export

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from cliniko_async import AsyncCliniko

    Run = Callable[[AsyncCliniko, str, Path], Awaitable[object]]
    """Makes a call, given a session, a patient's id and a folder. What it brings."""
    Forward = Callable[[httpx.Request], Awaitable[httpx.Response]]
    Fault = Callable[[Forward, httpx.Request], Awaitable[httpx.Response]]
    """Answers a request in the API's place, or raises as a broken connection does."""
    Spoken = Callable[["Line", Forward, httpx.Request], Awaitable[None]]
    """Speaks to a client on a socket in the API's place."""

NAME = "Kanarie"
"""What is written. It must not stand in any message."""

ENDLESS = 500
"""Requests of a call, none of which needs a tenth of them."""


async def listed(cliniko: AsyncCliniko, _id: str, _folder: Path) -> object:
    return [patient.id for patient in await cliniko.patients.list().all()]


async def sort(cliniko: AsyncCliniko, _id: str, _folder: Path) -> object:
    """A list in another order goes by page numbers and links."""
    order = cliniko.patients.filters.created_at.desc()
    return [patient.id for patient in await cliniko.patients.list(sort=order).all()]


async def scan(cliniko: AsyncCliniko, _id: str, _folder: Path) -> object:
    return sorted(patient.id for patient in await cliniko.patients.scan().all())


async def export(cliniko: AsyncCliniko, _id: str, folder: Path) -> object:
    await Export(cliniko, ["patients"], folder).run()
    lines = (folder / "patients.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["id"] for line in lines]


async def get(cliniko: AsyncCliniko, id: str, _folder: Path) -> object:
    return (await cliniko.patients.get(id)).id


async def create(cliniko: AsyncCliniko, _id: str, _folder: Path) -> object:
    return (await cliniko.patients.create(first_name=NAME, last_name="Testperson")).first_name


async def update(cliniko: AsyncCliniko, id: str, _folder: Path) -> object:
    return (await cliniko.patients.update(id, first_name=NAME)).first_name


async def archive(cliniko: AsyncCliniko, id: str, _folder: Path) -> object:
    await cliniko.patients.archive(id)
    return None


async def upload(cliniko: AsyncCliniko, id: str, _folder: Path) -> object:
    files = cliniko.patient_attachments
    return (await files.upload(id, b"%PDF-", filename=f"{NAME}.pdf")).filename


@attrs.frozen
class Call:
    """A call, and which of its requests the fault befalls.

    Attributes:
        method: That request's method.
        template: Its path's template, as messages name it.
        begins: Before which of such requests all is well. Pages have come by then.
        makes: The resource of which it makes one more record.
    """

    run: Run
    method: str
    template: str
    begins: int = 1
    makes: str = ""

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def meets(self, request: httpx.Request) -> bool:
        pattern = self.template.replace("{id}", "[0-9]+").replace("{patient_id}", "[0-9]+")
        path = request.url.path.removeprefix("/v1")
        return request.method == self.method and re.fullmatch(pattern, path) is not None


LIST = "/patients"
ONE = "/patients/{id}"
CALLS = {
    "list": Call(listed, "GET", LIST, begins=2),
    "sort": Call(sort, "GET", LIST, begins=2),
    "scan": Call(scan, "GET", LIST, begins=3),
    "export": Call(export, "GET", LIST, begins=2),
    "get": Call(get, "GET", ONE),
    "permit": Call(upload, "GET", "/patients/{patient_id}/attachment_presigned_post"),
    "upload": Call(upload, "POST", "/patient_attachments", makes="patient_attachments"),
    "create": Call(create, "POST", LIST, makes="patients"),
    "update": Call(update, "PATCH", ONE),
    "archive": Call(archive, "POST", f"{ONE}/archive"),
}


class FaultyApi(httpx.AsyncBaseTransport):
    """The emulator behind a layer in which one kind of request goes wrong."""

    def __init__(
        self,
        call: Call,
        fault: Fault | None = None,
        *,
        always: bool = False,
        begins: int | None = None,
        totals: bool = True,
    ) -> None:
        self.emulator = Emulator(
            Clinic.seeded(patients=45, appointments=0), limit=100_000, page_limit=10
        )
        # Archived patients cannot be updated or archived again.
        patients = self.emulator.clinic.records("patients")
        self.id: str = next(row["id"] for row in patients if not row["archived_at"])
        self.hosts: set[str] = set()
        self.met = 0
        self.healed = False
        self._call = call
        self._fault = fault
        self._always = always
        self._begins = begins or call.begins
        self._totals = totals
        self._emulated = self.emulator.transport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.hosts.add(request.url.host)
        if self.is_hit(request) and self._fault:
            return await self._fault(self.forward, request)
        return await self.forward(request)

    async def forward(self, request: httpx.Request) -> httpx.Response:
        response = await self._emulated.handle_async_request(request)
        if self._totals or not self._call.meets(request):
            return response
        page = json.loads(response.content)
        del page["total_entries"]
        return httpx.Response(200, json=page)

    def is_hit(self, request: httpx.Request) -> bool:
        """Count a request, and say whether the fault befalls it."""
        if not self._call.meets(request):
            return False
        self.met += 1
        assert self.met < ENDLESS
        if self.healed or self.met < self._begins:
            return False
        return self._always or self.met == self._begins

    def count(self, resource: str) -> int:
        return len(self.emulator.clinic.records(resource))


# What goes wrong between an HTTP client and the API


def breaks(error: type[httpx.HTTPError], *, done: bool) -> Fault:
    """The connection breaks, before or after what was asked is done."""

    async def fault(forward: Forward, request: httpx.Request) -> httpx.Response:
        if done:
            await forward(request)
        raise error(NAME)

    return fault


def says(status: int, content: str = "", **headers: str) -> Fault:
    """Another answer comes, and nothing is done."""

    async def fault(_forward: Forward, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content.encode(), headers=headers)

    return fault


def limited(seconds: int | None) -> Fault:
    """429, with a reset so many seconds away by the clock of the answer."""

    async def fault(forward: Forward, request: httpx.Request) -> httpx.Response:
        response = await forward(httpx.Request("GET", request.url.copy_with(path="/v1/nowhere")))
        headers = {"Date": response.headers["Date"]}
        if seconds is not None:
            now = parsedate_to_datetime(headers["Date"]).timestamp()
            headers["X-RateLimit-Reset"] = str(int(now) + seconds)
        return httpx.Response(429, headers=headers)

    return fault


def done_but(spoil: Callable[[httpx.Request, httpx.Response], httpx.Response]) -> Fault:
    """What was asked is done, and the answer spoilt."""

    async def fault(forward: Forward, request: httpx.Request) -> httpx.Response:
        return spoil(request, await forward(request))

    return fault


class Drips(httpx.AsyncByteStream):
    """A body whose bytes come one by one, each after some seconds."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for byte in self._body or b" " * 20:
            await asyncio.sleep(5)
            yield bytes([byte])


def slow_head(seconds: float) -> Fault:
    async def fault(forward: Forward, request: httpx.Request) -> httpx.Response:
        response = await forward(request)
        await asyncio.sleep(seconds)
        return response

    return fault


def slow_body(_request: httpx.Request, response: httpx.Response) -> httpx.Response:
    return httpx.Response(response.status_code, stream=Drips(response.content))


def other_body(text: str) -> Fault:
    return done_but(lambda _, response: httpx.Response(response.status_code, text=text))


def next_link(change: Callable[[httpx.URL, int], str]) -> Fault:
    """The link to the next page leads elsewhere.

    Args:
        change: Makes the link of the page's own URL and number.
    """

    def spoil(request: httpx.Request, response: httpx.Response) -> httpx.Response:
        page = json.loads(response.content)
        if "next" in page["links"]:
            number = int(request.url.params.get("page", 1))
            page["links"]["next"] = change(request.url, number)
        return httpx.Response(200, json=page)

    return done_but(spoil)


# The same on a socket


@attrs.frozen
class Line:
    """A client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self, base_url: str) -> httpx.Request:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        method, path, _ = first.split()
        headers = dict(line.split(": ", 1) for line in lines if line)
        size = int({k.lower(): v for k, v in headers.items()}.get("content-length", 0))
        body = await self.reader.readexactly(size)
        return httpx.Request(method, f"{base_url}{path}", headers=headers, content=body)

    def say(self, response: httpx.Response, *, length: str | None = None) -> None:
        """Write an answer, with a length that is announced whether it is right or not."""
        kept = [(k, v) for k, v in response.headers.items() if k.lower() != "content-length"]
        size = str(len(response.content)) if length is None else length
        if response.status_code != 204:
            kept.append(("Content-Length", size))
        lines = [f"HTTP/1.1 {response.status_code} X", *(f"{k}: {v}" for k, v in kept), "", ""]
        self.writer.write("\r\n".join(lines).encode() + response.content)

    def reset(self) -> None:
        """Break off without an orderly end."""
        own = self.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def announces(length: Callable[[int], str]) -> Spoken:
    """What was asked is done, and the answer has a wrong length. Then the connection ends."""

    async def fault(line: Line, forward: Forward, request: httpx.Request) -> None:
        response = await forward(request)
        line.say(response, length=length(len(response.content)))
        await line.writer.drain()
        line.writer.close()

    return fault


async def reset_undone(line: Line, _forward: Forward, _request: httpx.Request) -> None:
    line.reset()


async def reset_done(line: Line, forward: Forward, request: httpx.Request) -> None:
    await forward(request)
    line.reset()


@asynccontextmanager
async def speaking(
    api: FaultyApi, fault: Spoken, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[str]:
    """Serve an API on loopback, and speak the fault where it befalls. Yields the base URL."""
    tasks: set[asyncio.Task[None]] = set()
    port = 0

    async def serve(line: Line) -> None:
        try:
            while not line.writer.is_closing():
                request = await line.request(f"http://127.0.0.1:{port}")
                if api.is_hit(request):
                    await fault(line, api.forward, request)
                else:
                    line.say(await api.forward(request))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            line.writer.close()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(Line(reader, writer)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1"
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
