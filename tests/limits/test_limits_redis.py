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
