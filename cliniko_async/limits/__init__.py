"""The rate limit: who may send now, and who waits.

Here belong places, lanes and queues, and where they are counted: in the process, on the host, in
Redis. Not here: what is sent (`_http`), or which user a key belongs to (`_http/account`).

`window` holds the places and the proof that they are enough, `dispatcher` the lanes and their
queues, `pause` what a 429 means for everybody. `ledger` keeps a user's places in a process, for
all sessions, event loops and threads that share them in `local`; `leases` keeps those that
processes share in a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliniko_async.limits.allowance import (
    Allowance,
    Lane,
    Limiter,
    LimiterSnapshot,
    Place,
)
from cliniko_async.limits.local import LocalLimiter
from cliniko_async.limits.rate import RateLimit

if TYPE_CHECKING:
    from cliniko_async.limits.redis import RedisLimiter

__all__ = [
    "Allowance",
    "Lane",
    "Limiter",
    "LimiterSnapshot",
    "LocalLimiter",
    "Place",
    "RateLimit",
    "RedisLimiter",
]

if not TYPE_CHECKING:  # checkers are to know each name

    def __getattr__(name: str) -> type:
        """Import redis-py, which is an extra, when the limiter that needs it is asked for."""
        if name != "RedisLimiter":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from cliniko_async.limits.redis import RedisLimiter  # noqa: PLC0415 - an extra

        return RedisLimiter
