"""What asks a limiter for places, and what the worst possible server makes of it."""

from __future__ import annotations

import asyncio
from typing import Literal

import anyio
import attrs
from hypothesis import strategies as st

from cliniko_async.limits import Allowance, Lane, Place, RateLimit

CUT_OFF = 30  # seconds after which the API gives up on a request, and until which it may count it

Ending = Literal["answered", "refused", "unsent", "lost", "cancelled"]


@attrs.frozen
class Call:
    """What one call does, in whole seconds: whole ones coincide, and coincidences find bugs."""

    at: int
    lane: Lane
    before_sending: int
    latency: int
    ending: Ending
    cancelled_after: int


@attrs.define
class Seen:
    """What the worst server sees: for each request, the moments at which it may count it."""

    counted: list[tuple[float, float]] = attrs.field(factory=list[tuple[float, float]])
    admitted: list[tuple[Lane, float, float]] = attrs.field(factory=list[tuple[Lane, float, float]])
    starved: int = 0

    def most_within(self, seconds: float) -> int:
        """The most requests that the server may have counted within one window.

        A request that may be counted at any moment of [sent, end] can be in the window
        [w, w + P) if sent < w + P and end >= w. Only windows that begin with some `end` matter.
        """
        ends = [end for _, end in self.counted]
        return max(
            (sum(sent < w + seconds and end >= w for sent, end in self.counted) for w in ends),
            default=0,
        )


calls = st.builds(
    Call,
    at=st.integers(0, 40),
    lane=st.sampled_from(["interactive", "bulk"]),
    before_sending=st.sampled_from([0, 0, 0, 1]),
    latency=st.sampled_from([0, 0, 1, 2, 5, 36]),
    ending=st.sampled_from(["answered"] * 5 + ["refused", "unsent", "lost", "cancelled"]),
    cancelled_after=st.integers(0, 40),
)


@st.composite
def rates(draw: st.DrawFn) -> RateLimit:
    requests = draw(st.integers(1, 6))
    return RateLimit(
        requests,
        per=draw(st.sampled_from([1, 4, 10, 60])),
        burst=draw(st.integers(1, requests)),
        reserve=draw(st.integers(0, requests - 1)),
        in_flight=draw(st.sampled_from([1, 3, 64])),
    )


async def use(place: Place, call: Call, seen: Seen) -> None:
    """Send a request on a place, as the transport does."""
    now = asyncio.get_running_loop().time
    sent = None
    try:
        await asyncio.sleep(call.before_sending)
        if call.ending == "unsent" or not place.sent():
            place.unsent()
            return
        sent = now()
        await asyncio.sleep(call.latency)
        if call.ending == "answered":
            place.answered()
        elif call.ending == "refused":
            place.refused(call.cancelled_after)
        else:
            return
        seen.counted.append((sent, now()))
        sent = None
    finally:
        place.close()
        if sent is not None:
            seen.counted.append((sent, max(now(), sent + CUT_OFF)))


async def answer(place: Place, latency: float = 0.0) -> None:
    """Send a request on a place, and have it answered."""
    assert place.sent()
    await anyio.sleep(latency)
    place.answered()
    place.close()


async def call(
    allowance: Allowance, went: list[float], lane: Lane = "interactive", latency: float = 0.0
) -> None:
    """Take a place, note when, and use it."""
    place = await allowance.acquire(lane=lane)
    went.append(asyncio.get_running_loop().time())
    await answer(place, latency)
