"""Keeps the HTTP library's logs and tracers from showing this library's requests.

httpx logs whole URLs at INFO, with what was searched for in them, httpcore logs headers, and
OpenTelemetry's instrumentation of HTTP libraries puts URLs into spans. That is right for programs
that send requests of their own; nobody asked for patients' names to be shown. `httpx2` and
`httpcore2` are the same libraries under other names, which a program may put in their place.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

__all__ = ["Sending", "install"]

LOGGERS: Final = tuple(
    name + suffix for suffix in ("", "2") for name in ("httpx", "httpcore")
) + tuple(
    f"httpcore{suffix}.{part}"
    for suffix in ("", "2")
    for part in ("connection", "http11", "http2", "proxy", "socks")
)
"""A filter of a logger is not asked for its children's records, so that each is named."""

INSTRUMENTATION: Final = "opentelemetry.instrumentation.utils"
"""The module by which instrumented HTTP libraries are silenced. If it is not loaded, none is."""

_sending: ContextVar[bool] = ContextVar("cliniko_async_sending", default=False)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _sending.get()


def install() -> None:
    """Put the filter in place; doing so again changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_not_ours)


class Sending:
    """Marks what happens inside, in this task, as this library's."""

    __slots__ = ("_token", "_untraced")

    def __enter__(self) -> None:
        self._token: Token[bool] = _sending.set(True)
        self._untraced = _untraced()
        self._untraced.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._untraced.__exit__(kind, error, traceback)
        _sending.reset(self._token)


_TRACED: Final = nullcontext()


def _untraced() -> AbstractContextManager[None]:
    """Suppresses OpenTelemetry's instrumentation of HTTP libraries, where it is loaded."""
    utils = sys.modules.get(INSTRUMENTATION)
    suppress = getattr(utils, "suppress_http_instrumentation", None)
    return _TRACED if suppress is None else suppress()
