"""What Redis is asked when a call to a provider begins and ends: one script each, so that nothing comes between.

All times are Redis's own milliseconds; the clocks of workers play no part. Of one provider there are:

    ``hold``      set while the provider has asked for silence (``Retry-After``)
    ``busy``      calls under way, each with the moment at which it counts as lost
    ``requests``  calls begun in the last minute, with their moments
    ``tokens``    what these took, ``<call>:<tokens>``; ``spent`` is the sum
    ``line``      who waits, by turn; ``seen``: until when their place is kept
    ``turns``     the last turn given to each workspace, and the turn that came last
    ``pace``      how long calls take, a mean that forgets

**The line is fair over workspaces**: each gets turns of its own, counted on from the turn that came last, and places
are ordered by turn. A workspace with a thousand waiting calls takes one turn of two as soon as another has one waiting.
Who is refused keeps a place, and is told when to come; who comes later gets only what those before leave. A place that
nobody claims in time (a Stop, a crash) is given up.
"""

from __future__ import annotations

from typing import Final

PARTS: Final = ("hold", "busy", "requests", "tokens", "spent", "line", "seen", "turns", "pace")
"""The keys of one provider, in the order in which scripts take them."""

MINUTE_MS: Final = 60_000

_HEAD: Final = """
local hold, busy, requests, tokens, spent = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local line, seen, turns, pace = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = 60000
"""

ADMIT: Final = (
    _HEAD
    + """
local call, ticket, workspace = ARGV[1], ARGV[2], ARGV[3]
local most_busy, most_requests, most_tokens = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local wanted, life, grace = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

-- what is over counts no more
redis.call('ZREMRANGEBYSCORE', busy, '-inf', now)
redis.call('ZREMRANGEBYSCORE', requests, '-inf', now - minute)
for _, member in ipairs(redis.call('ZRANGEBYSCORE', tokens, '-inf', now - minute)) do
  redis.call('DECRBY', spent, string.match(member, '%d+$'))
  redis.call('ZREM', tokens, member)
end
if redis.call('ZCARD', tokens) == 0 then redis.call('DEL', spent) end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now)) do
  redis.call('ZREM', seen, gone)
  redis.call('ZREM', line, gone)
end
if redis.call('ZCARD', line) == 0 then redis.call('DEL', turns) end

-- my turn, how many turns come before it, and how many have come before me
local turn = tonumber(redis.call('ZSCORE', line, ticket) or false)
local earlier = turn and -1 or 0
if not turn then
  local last = tonumber(redis.call('HGET', turns, 'of ' .. workspace) or 0)
  turn = math.max(last, tonumber(redis.call('HGET', turns, 'came') or 0)) + 1
end
local ahead = redis.call('ZCOUNT', line, '-inf', '(' .. turn)
earlier = earlier + redis.call('ZCOUNT', line, '-inf', turn)

local wait, reason = 0, ''
local function later(milliseconds, why)
  if milliseconds > wait then wait, reason = milliseconds, why end
end

local silence = redis.call('PTTL', hold)
if silence > 0 then
  local step = most_requests > 0 and minute / most_requests or 100
  later(silence + math.min(earlier * step, minute), 'hold')
end
if most_busy > 0 then
  local free = most_busy - redis.call('ZCARD', busy)
  if ahead >= free then
    local mean = tonumber(redis.call('GET', pace) or 300)
    local rounds = 1 + math.floor((earlier - free) / most_busy)
    later(math.max(50, math.min(mean * rounds, 5000 + 50 * earlier, minute)), 'concurrency')
  end
end
if most_requests > 0 then
  local free = most_requests - redis.call('ZCARD', requests)
  if ahead >= free then
    local place = (earlier - free) % most_requests
    local leaves = redis.call('ZRANGE', requests, place, place, 'WITHSCORES')[2]
    later(math.max(1, math.min((leaves or now) + minute - now, minute)), 'requests_per_minute')
  end
end
if most_tokens > 0 then
  local over = tonumber(redis.call('GET', spent) or 0) + wanted * (ahead + 1) - most_tokens
  if over > 0 and (ahead > 0 or redis.call('EXISTS', spent) == 1) then
    local leaving, free = minute, 0
    local oldest = redis.call('ZRANGE', tokens, 0, 999, 'WITHSCORES')
    for i = 1, #oldest, 2 do
      free = free + tonumber(string.match(oldest[i], '%d+$'))
      if free >= over then
        leaving = tonumber(oldest[i + 1]) + minute - now
        break
      end
    end
    later(math.max(1, leaving), 'tokens_per_minute')
  end
end

if wait > 0 then
  wait = math.ceil(wait)
  if redis.call('ZADD', line, 'NX', turn, ticket) == 1 then
    redis.call('HSET', turns, 'of ' .. workspace, turn)
  end
  redis.call('ZADD', seen, now + wait + grace, ticket)
  for _, key in ipairs({line, seen, turns}) do redis.call('PEXPIRE', key, wait + grace + minute * 15) end
  return {wait, reason}
end

redis.call('ZREM', line, ticket)
redis.call('ZREM', seen, ticket)
if redis.call('EXISTS', turns) == 1 then
  redis.call('HSET', turns, 'came', math.max(turn, tonumber(redis.call('HGET', turns, 'came') or 0)))
end
redis.call('ZADD', busy, now + life, call)
redis.call('ZADD', requests, now, call)
redis.call('ZADD', tokens, now, call .. ':' .. wanted)
redis.call('INCRBY', spent, wanted)
redis.call('PEXPIRE', busy, life * 2)
for _, key in ipairs({requests, tokens, spent}) do redis.call('PEXPIRE', key, minute * 2) end
return {0, ''}
"""
)
"""Begin a call: answers ``{0, ''}``, or the milliseconds to wait and which limit says so."""

RELEASE: Final = (
    _HEAD
    + """
local call, lasted, wanted, took = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
redis.call('ZREM', busy, call)
local mean = tonumber(redis.call('GET', pace) or lasted)
redis.call('SET', pace, math.floor(mean * 0.8 + lasted * 0.2), 'PX', minute * 60)
local begun = redis.call('ZSCORE', tokens, call .. ':' .. wanted)
if took ~= '' and begun then
  redis.call('ZREM', tokens, call .. ':' .. wanted)
  redis.call('ZADD', tokens, begun, call .. ':' .. took)
  redis.call('INCRBY', spent, took - wanted)
end
return 1
"""
)
"""End a call: its place is free; what it really took replaces what was reckoned with."""

KEEP: Final = (
    _HEAD
    + """
redis.call('PEXPIRE', busy, ARGV[2] * 2)
return redis.call('ZADD', busy, 'XX', now + ARGV[2], ARGV[1])
"""
)
"""Say that a call is still under way."""

HOLD: Final = (
    _HEAD
    + """
if redis.call('PTTL', hold) < tonumber(ARGV[1]) then redis.call('SET', hold, 1, 'PX', ARGV[1]) end
return 1
"""
)
"""Keep everybody from calling for so many milliseconds, as the provider has asked."""
