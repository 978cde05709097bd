"""Tracebacks without what was sent.

A crash reporter shows the variables of every frame that an error has passed. Those of the HTTP
library hold the key, the URL and bodies; our own that build requests hold them too.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

__all__ = ["without_frames"]

T = TypeVar("T")

LIBRARIES: Final = sys.stdlib_module_names | {
    "cliniko_async",
    *("httpx", "httpcore", "httpx2", "httpcore2", "h11", "h2", "anyio", "uvloop"),
}
"""Modules whose frames hold what is sent and what is answered."""


async def without_frames(work: Coroutine[Any, Any, T]) -> T:
    """Await work; what it raises comes without the frames of the libraries below.

    Those of a callback or a transport of the caller's stay. Call it in a function that is not
    `async`, so that no frame above holds the arguments of the work.
    """
    try:
        return await work
    except BaseException as error:  # noqa: BLE001 - raised again below
        # Cancellations pass here, and errors of callbacks and of the caller's transports.
        error.__cause__ = error.__context__ = None
        raise error.with_traceback(_after_libraries(error.__traceback__))  # noqa: B904 - the same


def _after_libraries(traceback: TracebackType | None) -> TracebackType | None:
    """The end of a traceback, behind the last frame of a library."""
    end = traceback
    while traceback is not None:
        frame = traceback.tb_frame
        traceback = traceback.tb_next
        if frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES:
            end = traceback
    return end
