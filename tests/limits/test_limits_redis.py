"""What is Redis's own about the limiter in Redis."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from redis_server import Server, emptied, started

from cliniko_async.errors import InvalidTypeError, InvalidValueError, LimiterUnavailableError
from cliniko_async.limits import RateLimit, RedisLimiter

pytestmark = pytest.mark.anyio

shared_server = pytest.fixture(started, scope="module")
server = pytest.fixture(emptied)


@pytest.mark.parametrize("change", [("redis://", "redis://:hunter2@"), ("/0", "/4711")])
def test_what_redis_refuses_is_an_error_at_once(server: Server, change: tuple[str, str]) -> None:
    """A wrong password, and a database that is not there."""
    if "hunter2" in change[1]:
        server.client.config_set("requirepass", "right")

    async def main() -> None:
        allowance = RedisLimiter(server.url.replace(*change), patience=3600).open("x", RateLimit())
        with pytest.raises(LimiterUnavailableError, match="are the URL's user, password") as said:
            await allowance.acquire()
        assert "hunter2" not in str(said.value)
        await allowance.aclose()

    try:
        asyncio.run(main())
    finally:
        server.client.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (b"-MOVED 3999 127.0.0.1:6381\r\n", "is part of a cluster"),
        (b"-CLUSTERDOWN Hash slot not served\r\n", "is part of a cluster"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not Redis"),
        (b":5\r\n", "is not Redis"),
    ],
    ids=["moved", "down", "http", "number"],
)
def test_a_server_of_another_kind_is_an_error_at_once(answer: bytes, advice: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(4096):
            begins = any(word in asked for word in (b"HELLO", b"SETINFO", b"SELECT"))
            writer.write(b"+OK\r\n" * asked.count(b"SETINFO") or b"+OK\r\n" if begins else answer)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        limiter = RedisLimiter(f"redis://127.0.0.1:{port}/0", patience=3600)
        allowance = limiter.open("x", RateLimit())
        with pytest.raises(LimiterUnavailableError, match=advice):
            await allowance.acquire()
        await allowance.aclose()
        server.close()

    asyncio.run(main())


def test_a_replica_is_named_as_one_when_patience_is_over(server: Server) -> None:
    async def main() -> None:
        allowance = RedisLimiter(server.url, patience=0).open("x", RateLimit())
        with pytest.raises(LimiterUnavailableError, match="this server is a replica"):
            await allowance.acquire()
        await allowance.aclose()

    server.client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        asyncio.run(main())
    finally:
        server.client.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", ""])
async def test_a_url_that_is_none_of_redis_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="redis://"):
        RedisLimiter(url)


async def test_arguments_of_the_wrong_type_are_refused() -> None:
    with pytest.raises(InvalidTypeError):
        RedisLimiter(6379)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # that is the point
    with pytest.raises(InvalidTypeError):
        RedisLimiter("redis://localhost", patience=True)
    with pytest.raises(InvalidValueError):
        RedisLimiter("redis://localhost", patience=-1)


def test_redis_is_imported_by_those_alone_who_use_it() -> None:
    program = (
        "import sys, cliniko_async.limits as limits; assert 'redis' not in sys.modules; "
        "limits.RedisLimiter; assert 'redis' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own program
