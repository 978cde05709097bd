"""Callbacks of the caller's that are told what happens. Whatever they do, the calls go on."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from cliniko_async.errors import InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Callback"]

E = TypeVar("E")

logger: Final = logging.getLogger("cliniko_async")


class Callback(Generic[E]):
    """A callback that cannot do harm: what it raises is logged, once.

    Args:
        name: Under which argument it was given.
        function: What to call with each event.

    Raises:
        InvalidTypeError: It cannot be called, or returns something to await.
    """

    def __init__(self, name: str, function: Callable[[E], object]) -> None:
        if not callable(function):
            raise InvalidTypeError(f"{name}= takes a function of one argument")
        if inspect.iscoroutinefunction(function):
            raise InvalidTypeError(f"{name}= takes a plain function: it is called, not awaited")
        self._name = name
        self._function = function
        self._failed = False

    def __call__(self, event: E) -> None:
        """Tell of an event."""
        try:
            self._function(event)
        except Exception as error:  # noqa: BLE001 - it is the caller's, and may raise anything
            self._log(error)

    def _log(self, error: Exception) -> None:
        """Say so, without the error's own text, which may hold anything."""
        if not self._failed:
            self._failed = True
            logger.error(
                "%s raised %s; calls go on, and more of its errors are not logged",
                self._name,
                type(error).__name__,
            )
