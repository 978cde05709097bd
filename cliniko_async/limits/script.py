"""The one script that Redis runs: give back, look at the pause, take; all or nothing.

Two keys a user: a sorted set of the places that are taken, by the moment at which each comes
back, and a hash with what all processes should know. Moments are the server's own, so that the
clocks of hosts need not agree. Plain Lua 5.1 and old commands alone: Redis 6.2 and Valkey run it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

__all__ = ["SCRIPT", "Question", "Reply"]

SCRIPT: Final = """
local places, state = KEYS[1], KEYS[2]
local limit, per, lease, reserve = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local interactive, bulk = tonumber(ARGV[6]), tonumber(ARGV[7])
local name, first = ARGV[8], ARGV[9]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end

for i = 12, #ARGV, 2 do
  local left = tonumber(ARGV[i + 1])
  if left > 0 then
    redis.call('ZADD', places, now + left, ARGV[i])
  else
    redis.call('ZREM', places, ARGV[i])
  end
end
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)

local known = redis.call('HMGET', state, 'pause', 'seen', 'row')
local pause, seen, row = tonumber(known[1]) or 0, tonumber(known[2]), tonumber(known[3]) or 0
if ARGV[10] ~= '' then
  pause = math.max(pause, now + ARGV[10])
end
if ARGV[11] ~= '' then
  seen = math.max(seen or now - ARGV[11], now - ARGV[11])
end

local kept = 0
if seen and now < seen + per then
  kept = reserve
end
local free = limit - redis.call('ZCARD', places)
local take, take_bulk = 0, 0
if now >= pause then
  if row >= 10 then
    take_bulk = math.max(math.min(bulk, free, 1), 0)
  end
  take = math.max(math.min(interactive, free - take_bulk), 0)
  take_bulk = take_bulk + math.max(math.min(bulk - take_bulk, free - take - take_bulk - kept), 0)
end
for i = 0, take + take_bulk - 1 do
  redis.call('ZADD', places, now + lease, name .. ':' .. (first + i))
end
if take_bulk > 0 then
  row = 0
end
row = row + take
free = free - take - take_bulk

local function wait_for(spare)
  if now < pause then
    return pause - now
  end
  if free > spare then
    return 0
  end
  local back = redis.call('ZRANGE', places, spare - free, spare - free, 'WITHSCORES')
  return math.min(back[2] and back[2] - now or per, per)
end
if row >= 10 then
  kept = 0
end
local wait, wait_bulk = wait_for(0), wait_for(kept)
if kept > 0 then
  wait_bulk = math.max(math.min(wait_bulk, seen + per - now), wait)
end

local latest = redis.call('ZRANGE', places, -1, -1, 'WITHSCORES')[2]
if latest then
  redis.call('PEXPIRE', places, math.ceil((latest - now) * 1000) + 1000)
end
redis.call('HSET', state, 'pause', pause, 'row', row)
if seen then
  redis.call('HSET', state, 'seen', seen)
end
redis.call('PEXPIRE', state, math.ceil((math.max(pause - now, 0) + 2 * per) * 1000) + 1000)

local function text(seconds)
  return string.format('%.6f', seconds)
end
return {take + take_bulk, free, text(wait), text(wait_bulk), text(pause), text(now)}
"""


@attrs.frozen(kw_only=True)
class Question:
    """What a process tells and asks.

    Attributes:
        limit: Places that the user has.
        per: Seconds of a window.
        lease: Seconds until a place that is taken now comes back, if nothing is heard of it.
        reserve: Places that bulk leaves free while interactive calls come.
        interactive: Places to take for interactive calls, at the most.
        bulk: Places to take for bulk, at the most.
        name: The process; with a number, the name of a place. No place has the name of another.
        first: The number of the first place to be taken.
        refused: Seconds to hold everybody back, after a 429.
        seen: Seconds since an interactive call came, if one did.
        back: Seconds until places come back, by name. Too long is safe; zero is at once.
        now: The moment, for tests; otherwise the server's.
    """

    limit: int
    per: float
    lease: float
    reserve: int
    interactive: int
    bulk: int
    name: str
    first: int
    refused: float | None = None
    seen: float | None = None
    back: Mapping[str, float] = attrs.field(factory=dict[str, float])
    now: float | None = None

    def arguments(self) -> list[str]:
        """What the script is called with."""
        return [
            _text(self.now),
            str(self.limit),
            _text(self.per),
            _text(self.lease),
            str(self.reserve),
            str(self.interactive),
            str(self.bulk),
            self.name,
            str(self.first),
            _text(self.refused),
            _text(self.seen),
            *(part for name, left in self.back.items() for part in (name, _text(left))),
        ]


def _text(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.6f}"


@attrs.frozen
class Reply:
    """What Redis says.

    Attributes:
        given: Places that were taken.
        free: Places that are left.
        wait: Seconds before which no interactive call gets a place, as far as is known.
        wait_bulk: Likewise for bulk.
        pause: Until when everybody is held back, or was, by the server's clock.
        now: The server's clock.
    """

    given: int
    free: int
    wait: float
    wait_bulk: float
    pause: float
    now: float

    @classmethod
    def read(cls, reply: Sequence[Any]) -> Reply:
        """Read what the script returns."""
        given, free, *moments = reply
        return cls(int(given), int(free), *map(float, moments))
