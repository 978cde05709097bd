"""Servers that lie, break off or drip, on real sockets: a call ends, and says what it knows."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import struct
import subprocess
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from listserver import ListServer, row
from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.errors import (
    AnswerUnreadableError,
    OutcomeUnknownError,
    TransportError,
    TransportTimeoutError,
)
from cliniko_async.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    Behaviour = Callable[["Server", "Connection"], Awaitable[None]]

pytestmark = pytest.mark.anyio

TAX = json.dumps(row(1, 0)).encode()
UNCLEAR = (OutcomeUnknownError, AnswerUnreadableError)
"""What a create ends with that the server may have done: the caller is to look first."""


@pytest.fixture
def anyio_backend() -> str:
    """Real time: sockets know no other."""
    return "asyncio"


def answer(body: bytes = TAX, *headers: str, length: int | None = None) -> bytes:
    """An HTTP answer as bytes, right unless it is asked to lie about its length."""
    size = len(body) if length is None else length
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode() + body


class Connection:
    """A client's connection, as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read_request(self) -> bytes:
        """The head of the next request, once its body has come, too."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                await self._reader.readexactly(int(value))
        return head

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """Break off without an orderly end."""
        at_once = struct.pack("ii", 1, 0)
        own = self._writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self._writer.transport.abort()


class Server:
    """Does with each connection what a test wants, and counts."""

    def __init__(self, behave: Behaviour) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self._behave = behave
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, connection: Connection) -> bytes:
        """Wait for a request, and count it."""
        self.heads.append(await connection.read_request())
        return self.heads[-1]

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._behave(self, Connection(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has left
        finally:
            writer.close()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def serving(
    behave: Behaviour, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[Server, str]]:
    """A server on loopback, and the base URL that leads to it."""
    server = Server(behave)
    listener = await asyncio.start_server(server.take, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield server, f"{'https' if tls else 'http'}://127.0.0.1:{port}/v1"
    finally:
        listener.close()
        await server.stop()


@asynccontextmanager
async def session(base_url: str, **options: Any) -> AsyncGenerator[AsyncCliniko]:
    """A session with one try a call. A call that does not end fails its test."""
    given: dict[str, Any] = {"retries": 0, **options}
    with anyio.fail_after(8):
        async with AsyncCliniko(
            "MS0xTEST-au1",
            user_agent=AGENT,
            base_url=base_url,
            rate_limit=RateLimit(10_000),
        ) as cliniko:
            yield cliniko.with_options(**given)


def says(data: bytes) -> Behaviour:
    """Answer a request with these bytes, then end the connection."""

    async def behave(server: Server, connection: Connection) -> None:
        await server.ask(connection)
        await connection.send(data)

    return behave


async def is_good(server: Server, connection: Connection) -> None:
    while True:
        await server.ask(connection)
        await connection.send(answer())


async def test_the_answer_that_all_others_are_spoilt_from_is_right() -> None:
    async with serving(says(answer())) as (_, base_url), session(base_url) as cliniko:
        assert (await cliniko.taxes.get("1")).name == "GST"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HALF = TAX[: len(TAX) // 2]
BAD_ANSWERS = {
    "a length too small": answer(length=len(HALF)),
    "a length too large": answer(length=len(TAX) + 1),
    "two lengths": answer(TAX, "Content-Length: 7"),
    "no body": answer(b""),
    "chunks that break off": CHUNKED + b"%x\r\n" % len(TAX) + HALF,
    "a chunk's length that is none": CHUNKED + b"zz\r\n",
    "gzip that is none": answer(TAX, "Content-Encoding: gzip"),
    "gzip that breaks off": answer(gzip.compress(TAX)[:-20], "Content-Encoding: gzip"),
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: 0123456789\r\n" * 20_000,
    "a header that is none": b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "half a head": b"HTTP/1.1 200 O",
    "nothing": b"",
}


@pytest.mark.parametrize("data", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_a_bad_answer_is_our_error_and_a_create_is_not_sent_again(data: bytes) -> None:
    async with serving(says(data)) as (server, base_url), session(base_url) as cliniko:
        with pytest.raises(TransportError) as caught:
            await cliniko.taxes.get("1")
        with pytest.raises(UNCLEAR):
            await cliniko.with_options(retries=5).taxes.create(name="GST")
    assert "GST" not in str(caught.value)
    assert len(server.heads) == 2


async def test_a_bomb_of_zeros_is_not_unpacked_to_its_end_and_not_fetched_again() -> None:
    bomb = answer(gzip.compress(bytes(80 * 1024 * 1024), 1), "Content-Encoding: gzip")
    async with serving(says(bomb)) as (server, base_url), session(base_url, retries=3) as cliniko:
        with pytest.raises(TransportError, match="too large"):
            await cliniko.taxes.get("1")
    assert len(server.heads) == 1


async def resets_at_once(_: Server, connection: Connection) -> None:
    connection.reset()


async def resets_after_the_request(server: Server, connection: Connection) -> None:
    await server.ask(connection)
    connection.reset()


async def resets_within_the_body(server: Server, connection: Connection) -> None:
    await server.ask(connection)
    await connection.send(answer(HALF, length=len(TAX)))
    connection.reset()


@pytest.mark.parametrize(
    "reset", [resets_at_once, resets_after_the_request, resets_within_the_body]
)
async def test_a_reset_costs_a_read_one_more_try(reset: Behaviour) -> None:
    async def behave(server: Server, connection: Connection) -> None:
        await (reset if server.connections == 1 else is_good)(server, connection)

    async with serving(behave) as (server, base_url), session(base_url, retries=1) as cliniko:
        assert (await cliniko.taxes.get("1")).id == "1"
    assert server.connections == 2


@pytest.mark.parametrize("reset", [resets_after_the_request, resets_within_the_body])
async def test_a_create_is_not_sent_again_after_a_reset(reset: Behaviour) -> None:
    async with serving(reset) as (server, base_url), session(base_url, retries=5) as cliniko:
        with pytest.raises(UNCLEAR):
            await cliniko.taxes.create(name="GST")
    assert len(server.heads) == 1


async def test_a_kept_connection_that_the_server_has_closed_costs_no_create() -> None:
    """A create is not sent twice, so that it must not be sent into a connection that is over."""
    async with serving(says(answer())) as (server, base_url), session(base_url) as cliniko:
        for _ in range(5):
            assert (await cliniko.taxes.create(name="GST")).id == "1"
            await asyncio.sleep(0.01)
    assert server.connections == 5


def drips(start: bytes, drop: bytes) -> Behaviour:
    """Send drop after drop, often enough for any time-out between two of them."""

    async def behave(server: Server, connection: Connection) -> None:
        await server.ask(connection)
        await connection.send(start)
        while True:
            await asyncio.sleep(0.02)
            await connection.send(drop)

    return behave


SLOW = {
    "headers": drips(b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    "interim answers": drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a body": drips(answer(b'{"id": "1"', length=100_000), b" "),
}


@pytest.mark.parametrize("slow", SLOW.values(), ids=SLOW)
async def test_the_deadline_is_for_the_answer_as_a_whole(slow: Behaviour) -> None:
    async with serving(slow) as (_, base_url), session(base_url, timeout=0.2) as cliniko:
        with pytest.raises(TransportTimeoutError, match=r"no answer within 0\.2 s"):
            await cliniko.taxes.get("1")
        with pytest.raises(OutcomeUnknownError):
            await cliniko.taxes.create(name="GST")


async def test_a_connection_that_owes_an_answer_is_not_used_again() -> None:
    async def behave(server: Server, connection: Connection) -> None:
        if server.connections == 1:
            await server.ask(connection)
            await asyncio.sleep(60)
        await is_good(server, connection)

    async with serving(behave) as (server, base_url), session(base_url) as cliniko:
        with pytest.raises(TransportTimeoutError):
            await cliniko.with_options(timeout=0.2).taxes.get("1")
        assert (await cliniko.taxes.get("1")).id == "1"
    assert server.connections == 2


async def test_the_key_goes_to_no_other_server_that_a_link_to_a_page_names() -> None:
    taxes = ListServer([row(n, n) for n in range(250)])
    async with serving(is_good) as (stranger, elsewhere):

        async def behave(server: Server, connection: Connection) -> None:
            while True:
                path = (await server.ask(connection)).split()[1].decode()
                url = elsewhere.removesuffix("/v1") + path
                page = await taxes.handle_async_request(httpx.Request("GET", url))
                assert elsewhere.encode() in page.content
                await connection.send(answer(page.content))

        async with serving(behave) as (_, base_url), session(base_url) as cliniko:
            listed = [tax.id async for tax in cliniko.taxes.list()]
    assert listed == [str(n) for n in range(250)]
    assert stranger.connections == 0


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate for this name alone, and the file for those who trust it."""
    key, path = folder / "key.pem", folder / "certificate.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    said = ["-subj", "/CN=tests", "-addext", f"subjectAltName={name}"]
    files = ["-keyout", str(key), "-out", str(path)]
    subprocess.run(  # noqa: S603 - our own words alone
        ["openssl", "req", "-x509", *kind, *said, *files],  # noqa: S607 - wherever it is
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return context, path


async def test_a_certificate_counts_for_the_host_that_it_names_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, accepted in (("IP:127.0.0.1", True), ("DNS:api.au1.cliniko.com", False)):
        tls, trusted = certificate(tmp_path, name)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        async with serving(is_good, tls) as (server, base_url), session(base_url) as cliniko:
            if accepted:
                assert (await cliniko.taxes.get("1")).id == "1"
            else:
                with pytest.raises(TransportError, match="certificate"):
                    await cliniko.taxes.get("1")
        assert len(server.heads) == int(accepted)
