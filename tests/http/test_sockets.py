"""On real sockets, on the real clock: what no transport in memory can show."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from sessions import AGENT

from cliniko_async import (
    ApiError,
    AsyncCliniko,
    OutcomeUnknownError,
    RateLimit,
    TransportError,
    TransportTimeoutError,
)
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.anyio

TAX = b'{"id":"1","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}'


@pytest.fixture
def anyio_backend() -> str:
    """The real clock."""
    return "asyncio"


def session(base_url: str) -> AsyncCliniko:
    return AsyncCliniko(
        "MS0xSOCKET-au1",
        user_agent=AGENT,
        base_url=base_url,
        rate_limit=RateLimit(100_000),
    )


@asynccontextmanager
async def serving(handle: Handler, context: ssl.SSLContext | None = None) -> AsyncGenerator[str]:
    """A server that does with each connection what a test wants."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except (ConnectionError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    scheme = "https" if context else "http"
    async with server:
        yield f"{scheme}://127.0.0.1:{port}/v1"


def head(status: str, length: int, *more: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {length}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_a_listing_a_booking_and_a_crowd() -> None:
    clinic = Clinic.seeded(patients=950, appointments=0)
    emulator = Emulator(clinic, limit=100_000, latency=0.005)
    async with running(emulator) as base_url, session(base_url) as cliniko:
        found = await cliniko.patients.list(include={"archived"}).all()
        assert [patient.id for patient in found] == [p["id"] for p in clinic.records("patients")]
        new = await cliniko.patients.create(first_name="New", last_name="Testperson")
        assert (await cliniko.patients.get(new.id)).first_name == "New"
        await cliniko.patients.archive(new.id)
        counts = await asyncio.gather(*(cliniko.taxes.list().count() for _ in range(300)))
        assert counts == [1] * 300


async def test_connections_are_kept_for_the_next_request() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(head("200 OK", len(TAX)) + TAX)

    async with serving(handle) as base_url, session(base_url) as cliniko:
        for _ in range(5):
            await cliniko.taxes.get("1")
    assert connections == 1


async def fails(handle: Handler, *, times: int = 1) -> tuple[int, str]:
    """Let the first requests meet a bad server: how many requests it took, and what came."""
    requests = 0

    async def handle_or_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        if requests > times:
            writer.write(head("200 OK", len(TAX), "connection: close") + TAX)
        else:
            await handle(reader, writer)

    async with serving(handle_or_answer) as base_url, session(base_url) as cliniko:
        tax = await cliniko.with_options(timeout=0.5).taxes.get("1")
    return requests, tax.id


async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK", len(TAX)) + TAX[:20])


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Lingering for no time at all makes a reset of the close.
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
    )


async def no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 smtp.example.com ESMTP\r\n")


async def slow_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in head("200 OK", len(TAX)):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def slow_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK", len(TAX)))
    for byte in TAX:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("handle", [cut, reset, no_http, slow_head, slow_body])
async def test_a_read_survives_a_server_that_fails_once(handle: Handler) -> None:
    assert await fails(handle) == (2, "1")


@pytest.mark.parametrize(
    ("handle", "error"),
    [(reset, OutcomeUnknownError), (cut, Exception), (slow_head, OutcomeUnknownError)],
)
async def test_a_create_is_sent_once_whatever_the_server_does(
    handle: Handler, error: type[Exception]
) -> None:
    requests = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        await handle(reader, writer)

    async with serving(count) as base_url, session(base_url) as cliniko:
        with pytest.raises(error):
            await cliniko.with_options(timeout=0.5).taxes.create(name="GST")
    assert requests == 1


async def test_nobody_there_is_a_clear_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        async with session(base_url) as cliniko:
            view = cliniko.with_options(retries=1)
            with pytest.raises(TransportError, match="no connection could be made"):
                await view.taxes.get("1")
            # A create that cannot have happened is no riddle either.
            with pytest.raises(TransportError, match="no connection could be made"):
                await view.taxes.create(name="GST")
            assert cliniko.limiter.free == 100_000


async def test_a_host_that_does_not_exist_is_a_clear_error() -> None:
    async with session("https://clinic.invalid/v1") as cliniko:
        with pytest.raises(TransportError, match="host name was not found"):
            await cliniko.with_options(retries=0).taxes.get("1")


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)  # noqa: ASYNC221, S603 - before anything runs
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    seen = b""

    async def handle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += await reader.read()

    async with serving(handle, context) as base_url, session(base_url) as cliniko:
        with pytest.raises(TransportError, match="certificate"):
            await cliniko.with_options(retries=0).taxes.get("1")
    assert not seen


async def test_the_key_does_not_follow_a_redirect_to_another_server() -> None:
    visitors: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(head("200 OK", len(TAX)) + TAX)

    async with serving(elsewhere) as other:

        async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head("302 Found", 0, f"location: {other}/taxes/1"))

        async with serving(redirect) as base_url, session(base_url) as cliniko:
            with pytest.raises(ApiError):
                await cliniko.taxes.get("1")
    assert not visitors


async def test_a_deadline_is_a_deadline() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as base_url, session(base_url) as cliniko:
        with pytest.raises(TransportTimeoutError, match=r"0\.2 s"):
            await cliniko.with_options(timeout=0.2, retries=0).taxes.get("1")
        assert cliniko.limiter.in_flight == 0
