"""The one script that Redis runs; `host_rules` is the same for a file.

Two keys per user: a sorted set of the places that are taken, by the moment at which each comes
back, and a hash with what all processes should know. Moments are the server's own, so that the
clocks of hosts need not agree. Plain Lua 5.1 and old commands alone: Redis 6.2 and Valkey run it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cliniko_async.limits.share import KEPT, WINDOWS
from cliniko_async.limits.store import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliniko_async.limits.store import Question

__all__ = ["SCRIPT", "arguments", "read"]

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

for i = 14, #ARGV, 2 do
  local left = tonumber(ARGV[i + 1])
  if left > 0 then
    redis.call('ZADD', places, now + left, ARGV[i])
  else
    redis.call('ZREM', places, ARGV[i])
  end
end
redis.call('ZREMRANGEBYSCORE', places, '-inf', now)

local known = redis.call('HMGET', state, 'pause', 'seen', 'row', 'rate', 'asked',
  'left', 'least', 'left_at')
local pause, seen, row = tonumber(known[1]) or 0, tonumber(known[2]), tonumber(known[3]) or 0
local left, least, left_at = tonumber(known[6]), tonumber(known[7]), tonumber(known[8])
local function ours()
  if not left then
    return limit
  end
  return math.min(limit, left + math.floor(limit * ((now - left_at) / (WINDOWS * per)) ^ 2))
end
local taken = redis.call('ZCARD', places)
if ARGV[10] ~= '' then
  local refusals = tonumber(ARGV[13])
  if now >= pause then
    least = math.max(math.floor(ours() / 2), 1)
    left = math.max(least, math.floor((taken - 1) * KEPT))
    left_at, refusals = now, refusals - 1
  end
  if left then
    left = math.max(least, left - refusals)
  end
  pause = math.max(pause, now + ARGV[10])
end
if ARGV[11] ~= '' then
  seen = math.max(seen or now - ARGV[11], now - ARGV[11])
end

local kept = 0
if seen and now < seen + per then
  kept = reserve
end
local free = ours() - taken
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
  local wait = math.min(back[2] and back[2] - now or per, per)
  if ours() < limit then
    local won = (ours() - left + 1) / limit
    wait = math.max(math.min(wait, left_at + WINDOWS * per * math.sqrt(won) - now), 0.000001)
  end
  return wait
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
local other = ''
if known[4] and known[4] ~= ARGV[12] and now < tonumber(known[5]) + 2 * per then
  other = known[4]
end
redis.call('HSET', state, 'pause', pause, 'row', row, 'rate', ARGV[12], 'asked', now)
local kept_for = 2 * per
if ours() < limit then
  redis.call('HSET', state, 'left', left, 'least', least, 'left_at', left_at)
  kept_for = WINDOWS * per
else
  redis.call('HDEL', state, 'left', 'least', 'left_at')
end
if seen then
  redis.call('HSET', state, 'seen', seen)
end
redis.call('PEXPIRE', state, math.ceil((math.max(pause - now, 0) + kept_for) * 1000) + 1000)

local function text(seconds)
  return string.format('%.6f', seconds)
end
return {take + take_bulk, free, text(wait), text(wait_bulk), text(pause), text(now), other}
""".replace("WINDOWS", str(WINDOWS)).replace("KEPT", str(KEPT))


def arguments(question: Question) -> list[str]:
    """What the script is called with."""
    return [
        _text(question.now),
        str(question.limit),
        _text(question.per),
        _text(question.lease),
        str(question.reserve),
        str(question.interactive),
        str(question.bulk),
        question.name,
        str(question.first),
        _text(question.refused),
        _text(question.seen),
        question.rate,
        str(question.refusals),
        *(part for name, left in question.back.items() for part in (name, _text(left))),
    ]


def _text(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.6f}"


def read(reply: Sequence[Any]) -> Reply:
    """Read what the script returns."""
    given, free, wait, wait_bulk, pause, now, other = reply
    return Reply(
        int(given),
        int(free),
        float(wait),
        float(wait_bulk),
        float(pause),
        float(now),
        other.decode() if isinstance(other, bytes) else str(other),
    )
