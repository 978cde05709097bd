"""Observers of a session: the caller's callbacks, and telemetry.

Whatever callbacks do, calls continue.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from cliniko_async.errors import InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from cliniko_async._http.traffic import RequestEvent, Wait
    from cliniko_async.limits import Lane

    Around = Callable[[str, str, Lane], AbstractContextManager[Callable[[object], None]]]

__all__ = ["Callback", "Observers"]

E = TypeVar("E")

logger: Final = logging.getLogger("cliniko_async")


class Callback(Generic[E]):
    """A callback that cannot do harm: what it raises is logged, once.

    Args:
        name: The argument that it was passed as.
        function: What to call with each event.

    Raises:
        InvalidTypeError: It is not callable, or has to be awaited.
    """

    def __init__(self, name: str, function: Callable[[E], object]) -> None:
        if not callable(function):
            raise InvalidTypeError(f"{name}= takes a function of one argument")
        if any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
            raise InvalidTypeError(f"{name}= takes a plain function: it is called, not awaited")
        self._name = name
        self._function = function
        self._failed = False

    def __call__(self, event: E) -> None:
        """Tell of an event."""
        try:
            result = self._function(event)
        except Exception as error:  # noqa: BLE001 - it is the caller's, and may raise anything
            self._log(f"raised {type(error).__name__}")
        else:
            if inspect.iscoroutine(result):  # of a lambda, say, whose type does not show it
                result.close()
                self._log("returned a coroutine, which nobody awaits")

    def _log(self, problem: str) -> None:
        """Log it, without an error's own text, which may hold anything."""
        if not self._failed:
            self._failed = True
            logger.error("%s %s; calls go on, and this is not logged again", self._name, problem)


class Observers:
    """Everything that observes a session.

    Attributes:
        around: Makes what each call runs inside, from its method, its path's template and its
            lane; what that yields is called with the outcome.
    """

    def __init__(
        self,
        on_wait: Callable[[Wait], object] | None,
        on_request: Callable[[RequestEvent], object] | None,
    ) -> None:
        self.around: Around | None = None
        self._on_wait = [] if on_wait is None else [Callback("on_wait", on_wait)]
        self._on_request = [] if on_request is None else [Callback("on_request", on_request)]

    def add(
        self,
        *,
        around: Around,
        on_wait: Callable[[Wait], object],
        on_request: Callable[[RequestEvent], object],
    ) -> None:
        """Add telemetry. A call has one thing around it: the last that was added."""
        self.around = around
        self._on_wait.append(Callback("telemetry", on_wait))
        self._on_request.append(Callback("telemetry", on_request))

    @property
    def watch_requests(self) -> bool:
        """Whether anything observes attempts."""
        return bool(self._on_request)

    def waited(self, wait: Wait) -> None:
        """Report a wait for the rate limit."""
        for callback in self._on_wait:
            callback(wait)

    def requested(self, event: RequestEvent) -> None:
        """Report an attempt that has ended."""
        for callback in self._on_request:
            callback(event)
