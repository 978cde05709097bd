"""One of several processes that share a user's places: `limiter_worker.py BASE_URL LIMITER ...`."""

from __future__ import annotations

import asyncio
import sys

from sessions import AGENT

from cliniko_async import AsyncCliniko
from cliniko_async.limits import RateLimit, limiter_from


async def work(base_url: str, limiter: str, limit: int, per: float, calls: int) -> None:
    print("ready", flush=True)  # noqa: T201 - how the test knows
    await asyncio.to_thread(sys.stdin.readline)
    async with AsyncCliniko(
        "MS0xTEST-au2",
        user_agent=AGENT,
        base_url=base_url,
        rate_limit=RateLimit(limit, per=per, in_flight=5),
        limiter=limiter_from(limiter),
    ) as cliniko:
        bulk = cliniko.with_options(lane="bulk")
        await asyncio.gather(*(bulk.request("GET", "/settings") for _ in range(calls)))


if __name__ == "__main__":
    base_url, limiter, limit, per, calls = sys.argv[1:]
    asyncio.run(work(base_url, limiter, int(limit), float(per), int(calls)))
