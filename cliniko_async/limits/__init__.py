"""The rate limit: who may send now, and who waits.

`window` holds the places and the proof that they are enough, `dispatcher` the lanes and their
queues, `pause` what a 429 means for everybody. `ledger` keeps a user's places in a process, for
all sessions, event loops and threads that share them in `local`.
"""

from __future__ import annotations

from cliniko_async.limits.allowance import (
    Allowance,
    Lane,
    Limiter,
    LimiterSnapshot,
    Place,
    PlaceTimeoutError,
)
from cliniko_async.limits.local import LocalLimiter
from cliniko_async.limits.rate import RateLimit

__all__ = [
    "Allowance",
    "Lane",
    "Limiter",
    "LimiterSnapshot",
    "LocalLimiter",
    "Place",
    "PlaceTimeoutError",
    "RateLimit",
]
