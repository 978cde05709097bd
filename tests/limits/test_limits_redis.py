"""What is Redis's own about the limiter in Redis."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cliniko_async.errors import InvalidTypeError, InvalidValueError
from cliniko_async.limits import RedisLimiter

pytestmark = pytest.mark.anyio


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
