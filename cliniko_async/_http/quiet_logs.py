"""Silence for what the HTTP library logs of our requests.

httpx logs whole URLs at INFO, with what was searched for in them, and httpcore logs headers. Both
are for their users, who see their own URLs; ours never asked to have patients' names logged.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["install", "sending"]

LOGGERS: Final = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)

_sending: ContextVar[bool] = ContextVar("cliniko_async_sending", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _sending.get()


def install() -> None:
    """Put the filter in place; doing so again changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_not_ours)


@contextmanager
def sending() -> Generator[None]:
    """Mark what happens inside, in this task, as ours."""
    token = _sending.set(True)
    try:
        yield
    finally:
        _sending.reset(token)
