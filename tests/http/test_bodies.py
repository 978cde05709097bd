"""Bodies of answers: packed ones unpack to what they were, within a bound of memory."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from sessions import AGENT

from cliniko_async._client import AsyncCliniko
from cliniko_async._http.unpack import UnpackError, unpacked
from cliniko_async.errors import AnswerUnreadableError, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio

MIB = 1 << 20

brotli: Any = import_module("brotli")  # which has no types


class Body(httpx.AsyncByteStream):
    """A body as it comes on the wire."""

    def __init__(self, content: bytes, piece: int = 65536) -> None:
        self._content = content
        self._piece = piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), self._piece):
            yield self._content[start : start + self._piece]


class Server(httpx.AsyncBaseTransport):
    """Gives the same answer to each request, packed as it says."""

    def __init__(self, content: bytes, encoding: str, status: int = 200) -> None:
        self._answer = (content, encoding, status)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        content, encoding, status = self._answer
        return httpx.Response(status, headers={"Content-Encoding": encoding}, stream=Body(content))


def session(server: httpx.AsyncBaseTransport) -> AsyncCliniko:
    return AsyncCliniko("MS0xT-au2", user_agent=AGENT, transport=server)


async def read(content: bytes, encoding: str, piece: int) -> bytes:
    return b"".join([part async for part in unpacked(Body(content, piece), encoding)])


# What is packed well


async def test_one_encoding_is_asked_for_and_read() -> None:
    server = Server(gzip.compress(json.dumps({"a": "b" * 100_000}).encode()), "gzip")
    async with session(server) as cliniko:
        assert await cliniko.request("GET", "/a") == {"a": "b" * 100_000}
    assert server.requests[0].headers["accept-encoding"] == "gzip"


@given(
    st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    st.integers(1, 50),
    st.sampled_from(["gzip", "x-gzip", " GZIP "]),
)
async def test_what_was_packed_comes_out(members: list[bytes], piece: int, encoding: str) -> None:
    packed = b"".join(map(gzip.compress, members))
    assert await read(packed, encoding, piece) == b"".join(members)


@given(st.binary(max_size=500), st.integers(1, 50), st.sampled_from(["", "identity"]))
async def test_what_was_not_packed_stays_as_it_is(body: bytes, piece: int, encoding: str) -> None:
    assert await read(body, encoding, piece) == body


@given(st.binary(min_size=1, max_size=500), st.data())
async def test_a_body_that_is_cut_is_never_taken_for_whole(
    body: bytes, data: st.DataObject
) -> None:
    packed = gzip.compress(body)
    cut = packed[: data.draw(st.integers(1, len(packed) - 1))]
    with pytest.raises(UnpackError, match="broke off"):
        await read(cut, "gzip", 7)


async def test_padding_behind_the_end_is_no_part_of_it() -> None:
    assert await read(gzip.compress(b"all") + b"\0" * 512, "gzip", 11) == b"all"


# What is packed to do harm


def zeros(mib: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mib)), packer.flush()])


def brotli_zeros(mib: int) -> bytes:
    packer = brotli.Compressor(quality=5, lgwin=24)
    return b"".join([*(packer.process(bytes(MIB)) for _ in range(mib)), packer.finish()])


def zstandard_zeros(mib: int) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mib)), packer.flush()])


BOMBS: dict[str, Callable[[], tuple[bytes, str]]] = {
    "gzip": lambda: (zeros(512), "gzip"),
    "nested": lambda: (gzip.compress(zeros(512)), "gzip, gzip"),
    "thrice": lambda: (gzip.compress(gzip.compress(zeros(512))), "gzip,gzip,gzip"),
    "deflate": lambda: (zlib.compress(bytes(128 * MIB)), "deflate"),
    "br": lambda: (brotli_zeros(512), "br"),
    "zstd": lambda: (zstandard_zeros(512), "zstd"),
    "two kinds": lambda: (gzip.compress(brotli_zeros(512)), "br, gzip"),
    "not packed": lambda: (bytes(100 * MIB), "identity"),
}


@pytest.mark.parametrize("kind", BOMBS)
async def test_no_answer_takes_more_memory_than_its_bound(kind: str) -> None:
    server = Server(*BOMBS[kind]())
    async with session(server) as cliniko:
        tracemalloc.start()
        try:
            with pytest.raises(TransportError, match=r"too large|not asked for"):
                await cliniko.request("GET", "/a")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 72 * MIB
    assert len(server.requests) == 1


async def test_a_write_whose_answer_cannot_be_unpacked_was_done() -> None:
    server = Server(b"{}", "br", status=201)
    async with session(server) as cliniko:
        with pytest.raises(AnswerUnreadableError, match="was done"):
            await cliniko.patients.create(first_name="A", last_name="B")
    assert len(server.requests) == 1
