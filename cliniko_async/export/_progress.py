"""What an export or a mirror reports: what it will cost, and how far it has come."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from cliniko_async.errors import DecodeError

if TYPE_CHECKING:
    from cliniko_async._client import AsyncCliniko

__all__ = ["AT_ONCE", "PAGE", "Cost", "Pace", "Progress", "Summary", "cost_of"]

PAGE: Final = 100
"""Records that a request fetches."""

AT_ONCE: Final = 4
"""Resources that are exported at a time; each reads several pages ahead."""

PER_WAIT: Final = 2 * AT_ONCE
"""Requests more each time that the rate limit is waited for, at the most: pages that are read
before and after it may not be of the same list, and what is between them is asked for. All in all
it is less than a quarter more (measured at 7 requests a minute): the more it happens, the fewer
pages are asked for at once."""


@attrs.define
class Progress:
    """How far the work on one resource has come.

    Attributes:
        resource: Its name, as in the URL.
        records: Records that are done.
        total: Records that the API announced; None before its first answer.
        done: Whether the resource is complete.
        seconds_left: Seconds until all resources are complete, estimated; None if that is not
            possible.
    """

    resource: str
    records: int = 0
    total: int | None = None
    done: bool = False
    seconds_left: float | None = None


@attrs.frozen
class Cost:
    """What an export or a mirror will cost.

    Attributes:
        records: Records still to come, in total.
        requests: Requests of the whole run, at the least.
        most_requests: Requests of the whole run, at the most, if nothing changes meanwhile.
        minutes: How long the rate limit makes `requests` take, at the least.
        resources: Records still to come, by resource.
    """

    records: int
    requests: int
    most_requests: int
    minutes: float
    resources: Mapping[str, int]


@attrs.frozen
class Summary:
    """What an export did.

    Attributes:
        records: Records by resource.
        requests: Requests that were sent.
        refused: Requests that were answered with 429.
        waited: Seconds that requests waited for the rate limit, in total.
        busiest: The most requests that were sent within one window of the rate limit.
        seconds: How long it took.
        bad_records: Records that did not fit their model and are missing from the files.
    """

    records: dict[str, int]
    requests: int
    refused: int
    waited: float
    busiest: int
    seconds: float
    bad_records: tuple[DecodeError, ...] = ()


def cost_of(
    cliniko: AsyncCliniko, resources: Mapping[str, int], *, two_lists: int = 0, more: int = 0
) -> Cost:
    """What so many records will cost.

    Args:
        cliniko: Its rate limit counts.
        resources: Records still to come, by resource.
        two_lists: How many of the resources are in two lists: active and inactive.
        more: Requests besides.
    """
    pages = [max(math.ceil(records / PAGE), 1) for records in resources.values()]
    # Beside the pages of a long list, what was created meanwhile is asked for.
    requests = sum(n + (n > 1) for n in pages) + two_lists + more
    rate = cliniko.rate_limit
    waits = math.ceil(requests / rate.requests) - 1
    minutes = waits * rate.per / 60
    most = requests + min(waits * PER_WAIT, requests // 4 + AT_ONCE)
    return Cost(sum(resources.values()), requests, most, minutes, resources)


class Pace:
    """How fast it goes, and so how long it will take."""

    def __init__(self, cliniko: AsyncCliniko) -> None:
        self._cliniko = cliniko
        self._started = time.monotonic()

    def seconds_left(self, done: int, left: int) -> float | None:
        """Seconds for what is left, at the pace of what is done, or at the limit if that is slower.

        Args:
            done: Records that came since the start.
            left: Records still to come.
        """
        if not left:
            return 0.0
        rate, free = self._cliniko.rate_limit, self._cliniko.limiter.free
        at_the_limit = max(math.ceil(left / PAGE) - free, 0) / rate.requests * rate.per
        if not done:
            return at_the_limit or None
        return max(left * (time.monotonic() - self._started) / done, at_the_limit)
