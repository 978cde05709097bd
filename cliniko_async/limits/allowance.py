"""What a session asks of a limiter, whichever it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import attrs

if TYPE_CHECKING:
    from cliniko_async.limits.rate import RateLimit

__all__ = ["Allowance", "Lane", "Limiter", "LimiterSnapshot", "Place", "PlaceTimeoutError"]

Lane = Literal["interactive", "bulk"]
"""Who asks: somebody who waits for the answer, or a job."""


class PlaceTimeoutError(TimeoutError):
    """No place came free within `max_wait`.

    Attributes:
        next_place: Seconds until the next try may succeed, if that is known.
    """

    def __init__(self, next_place: float | None) -> None:
        super().__init__("no place within max_wait")
        self.next_place: float | None = next_place


@attrs.frozen(kw_only=True)
class LimiterSnapshot:
    """How a user's allowance stands at one moment.

    Attributes:
        free: Places that could be taken now.
        in_flight: Requests that were admitted and have not been answered yet.
        waiting: Calls that wait for a place, by lane.
        next_place: Seconds until the next place comes free: 0 if one is free, None if that
            depends on a request in flight.
        paused: Seconds for which no request of this user starts, after a 429.
        back: Seconds until each of the taken places comes back, at the latest. Empty if they
            are kept outside this process.
    """

    free: int
    in_flight: int
    waiting: Mapping[Lane, int]
    next_place: float | None
    paused: float = 0.0
    back: Sequence[float] = attrs.field(default=(), repr=False)


class Place(Protocol):
    """The right to send one request. Of several reports about its end, the first counts."""

    def sent(self, *, connected: bool = True) -> bool:
        """The request is about to leave. False if the place has run out, so that it must not.

        Args:
            connected: Whether the connection stands, so that the request leaves now. Otherwise it
                leaves at any moment from now on; when it does, say so again if it can be seen.
        """
        ...

    def answered(self) -> None:
        """Its answer's status was seen."""
        ...

    def refused(self, seconds: float | None) -> None:
        """It was answered with 429: all calls of this user wait for so many seconds, if given."""
        ...

    def unsent(self) -> None:
        """It never left: no connection was made."""
        ...

    def lost(self) -> None:
        """It may have left, and no answer will be seen."""
        ...

    def close(self) -> None:
        """Its connection is free again. Means `lost` if nothing else was said."""
        ...


class Allowance(Protocol):
    """A session's share in a user's places."""

    async def acquire(
        self, *, lane: Lane = "interactive", max_wait: float | None = None, again: bool = False
    ) -> Place:
        """Wait for a place.

        Args:
            lane: Interactive calls go before bulk ones.
            max_wait: Seconds to wait at the most.
            again: Whether the call was admitted before, so that it goes first in its lane.

        Raises:
            PlaceTimeoutError: `max_wait` is over, or certainly too short.
            SessionClosedError: The session was closed meanwhile.
        """
        ...

    def hold(self, seconds: Iterable[float]) -> None:
        """Take places that an earlier process has used, each for so many seconds."""
        ...

    def snapshot(self) -> LimiterSnapshot:
        """How the user's allowance stands now."""
        ...

    async def aclose(self) -> None:
        """Leave. Waiting calls of this session fail; its places come back when they are due."""
        ...


class Limiter(Protocol):
    """Where the places of users are counted."""

    def open(self, user: str, rate: RateLimit) -> Allowance:
        """Join the sessions of a user, in the running event loop.

        Args:
            user: A name for the user that is not a secret.
            rate: What the user is allowed.

        Raises:
            InvalidValueError: Another open session gives this user another rate.
        """
        ...
