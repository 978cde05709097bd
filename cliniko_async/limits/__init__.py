"""The rate limit: who may send now, and who waits.

`window` holds the places and the proof that they are enough, `dispatcher` who goes next, `line` a
lane's queue, `pause` what a 429 means for everybody. `ledger` keeps a user's places in a process,
for all sessions, event loops and threads that share them in `local`.

Processes share them where they meet: they lease places (`leases`, `leased_places`) from a `store`.
That is a file for those of one host (`host`, with `host_rules` and `host_file`), and Redis for
those of several (`redis`, with its `script`). `named` reads which of them a text names, and
`identity` says who a user is, `reset` how long a 429 asks to wait, `share` what is left to us while
a stranger spends too. `limited_transport` puts other httpx clients behind the same limiters.

Not here: what a request is, how it is sent, and what its answer means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliniko_async.errors import missing_extra
from cliniko_async.limits.allowance import (
    Allowance,
    Lane,
    Limiter,
    LimiterSnapshot,
    Place,
)
from cliniko_async.limits.local import LocalLimiter
from cliniko_async.limits.named import limiter_from, rate_from
from cliniko_async.limits.rate import RateLimit

if TYPE_CHECKING:
    from cliniko_async.limits.host import HostLimiter
    from cliniko_async.limits.limited_transport import LimitedTransport
    from cliniko_async.limits.redis import RedisLimiter

__all__ = [
    "Allowance",
    "HostLimiter",
    "Lane",
    "LimitedTransport",
    "Limiter",
    "LimiterSnapshot",
    "LocalLimiter",
    "Place",
    "RateLimit",
    "RedisLimiter",
    "limiter_from",
    "rate_from",
]

if not TYPE_CHECKING:  # checkers are to know each name
    _LATER = {
        "HostLimiter": "host",
        "LimitedTransport": "limited_transport",
        "RedisLimiter": "redis",
    }

    def __getattr__(name: str) -> type:
        """Import what needs SQLite, httpx, or redis, which is an extra, when it is asked for."""
        from importlib import import_module  # noqa: PLC0415 - for those alone

        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
        except ModuleNotFoundError as error:
            problem = missing_extra(error, "redis")
        raise problem
