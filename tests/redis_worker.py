"""One of several processes that share a user's places: `redis_worker.py BASE_URL REDIS_URL ...`."""

from __future__ import annotations

import asyncio
import sys

from cliniko_async import AsyncCliniko
from cliniko_async.limits import RateLimit, RedisLimiter


async def work(base_url: str, redis_url: str, limit: int, per: float, calls: int) -> None:
    print("ready", flush=True)  # noqa: T201 - how the test knows
    await asyncio.to_thread(sys.stdin.readline)
    async with AsyncCliniko(
        "MS0xTEST-au2",
        user_agent="Tests (tests@example.com)",
        base_url=base_url,
        rate_limit=RateLimit(limit, per=per, in_flight=5),
        limiter=RedisLimiter(redis_url),
    ) as cliniko:
        bulk = cliniko.with_options(lane="bulk")
        await asyncio.gather(*(bulk.request("GET", "/settings") for _ in range(calls)))


if __name__ == "__main__":
    base_url, redis_url, limit, per, calls = sys.argv[1:]
    asyncio.run(work(base_url, redis_url, int(limit), float(per), int(calls)))
