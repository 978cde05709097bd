"""Limiters and rates that are named in a text, such as an environment variable's."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, TypeVar

from cliniko_async.errors import (
    ClinikoError,
    InvalidTypeError,
    InvalidValueError,
    expect,
    missing_extra,
)
from cliniko_async.limits.local import LocalLimiter
from cliniko_async.limits.rate import RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliniko_async.limits.allowance import Limiter

__all__ = ["chosen_limiter", "chosen_rate", "limiter_from", "rate_from"]

T = TypeVar("T")

LIMITER: Final = "CLINIKO_LIMITER"
RATE: Final = "CLINIKO_RATE_LIMIT"

_REDIS: Final = re.compile(r"(rediss?|unix)://", re.IGNORECASE)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/?/")
_RATE: Final = re.compile(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*")


def limiter_from(text: str) -> Limiter:
    """The limiter that a text names, such as `CLINIKO_LIMITER`.

    Args:
        text: `process` for a `LocalLimiter`, `host` for a `HostLimiter`, the path of a file for a
            `HostLimiter` with it (a word without a slash or a dot is taken for a slip), or
            `redis://...`, `rediss://...` or `unix://...` for a `RedisLimiter`.

    Raises:
        InvalidValueError: The text names no limiter. The message does not repeat it, because it may
            hold a password.
    """
    found = _limiter_or_problem(text)
    del text  # a crash reporter shows the variables of the frames that an error has passed
    if isinstance(found, ClinikoError):
        raise found
    return found


def _limiter_or_problem(text: str) -> Limiter | ClinikoError:
    try:
        return _limiter(text)
    except ClinikoError as error:
        return error.with_traceback(None)


def _limiter(text: str) -> Limiter:
    expect(text, str, "a limiter is named by a text: 'process', 'host', a path or 'redis://...'")
    text = text.strip()
    if text.lower() == "process":
        return LocalLimiter()
    if text.lower() == "host":
        return _host(None)
    if _REDIS.match(text):
        return _redis(text)
    if _URL.match(text) or not re.search(r"[./\\]", text):
        raise InvalidValueError(
            "a limiter is named 'process', 'host', by the path of a file such as "
            "'/var/lib/my-app/limits.sqlite', or by a URL such as 'redis://localhost:6379/0'"
        )
    return _host(text)


def _host(path: str | None) -> Limiter:
    from cliniko_async.limits.host import HostLimiter  # noqa: PLC0415 - for those who use it

    return HostLimiter(path)


def _redis(url: str) -> Limiter:
    try:
        from cliniko_async.limits.redis import RedisLimiter  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        problem = missing_extra(error, "redis")
    else:
        return RedisLimiter(url)
    raise problem


def rate_from(text: str) -> RateLimit:
    """The rate that a text names, such as `CLINIKO_RATE_LIMIT`.

    Args:
        text: Requests and seconds, such as `150/60`.

    Raises:
        InvalidValueError: The text is not a rate.
    """
    expect(text, str, "a rate is named by a text such as '150/60'")
    found = _RATE.fullmatch(text)
    if not found or not int(found[1]) or not float(found[2]):
        raise InvalidValueError("a rate is written '150/60': 150 requests in any 60 seconds")
    return RateLimit(int(found[1]), per=float(found[2]))


def chosen_limiter(given: Limiter | None) -> Limiter:
    """The limiter that a session is given, or `CLINIKO_LIMITER`, or the one of this process.

    Raises:
        InvalidTypeError: The argument has another type.
        InvalidValueError: The environment variable cannot be used.
    """
    if given is not None:
        if isinstance(given, type) or not callable(getattr(given, "open", None)):
            raise InvalidTypeError(
                "limiter= takes a limiter, such as limits.HostLimiter() or "
                "limits.RedisLimiter('redis://...'); limits.limiter_from(text) makes one of a text"
            )
        return given
    return _from_environment(LIMITER, limiter_from) or LocalLimiter()


def chosen_rate(given: RateLimit | None) -> RateLimit:
    """The rate that a session is given, or `CLINIKO_RATE_LIMIT`, or the documented one.

    Raises:
        InvalidTypeError: The argument has another type.
        InvalidValueError: The environment variable cannot be used.
    """
    if given is not None:
        expect(given, RateLimit, "rate_limit= takes a RateLimit, such as RateLimit(200, per=60)")
        return given
    return _from_environment(RATE, rate_from) or RateLimit()


def _from_environment(variable: str, read: Callable[[str], T]) -> T | None:
    try:
        return read(os.environ[variable]) if os.environ.get(variable, "").strip() else None
    except InvalidValueError as error:
        problem = str(error)
    raise InvalidValueError(f"{variable}: {problem}")
