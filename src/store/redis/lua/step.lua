-- step: what every script begins with. One run of a script is one step: it reads and decides in memory, and `Writes.flush`
-- writes everything at the end (a commit: before its claims and at the end), so that an error before it leaves nothing behind.
-- KEYS[1]: the prefix of the shard's keys. ARGV[1]: the time in ms, "" for the server's own. ARGV[2]: packed context
-- [max attempts, back-off, time-out ms, crash limit of the server; limits; recorded errors as [name, message, fingerprint text]].
-- ARGV[3]: the request, told by each script. ARGV[4]: the identity of the namespace that was opened.
local call, pack, format, floor = redis.call, cmsgpack.pack, string.format, math.floor

local State = {
  SCHEDULED = 1, READY = 2, RUNNING = 3, RETRYING = 4, AWAITING = 5, HELD = 6, COMPLETED = 7, DEAD = 8, CANCELLED = 9,
}
local Hold = { PARENT = 1, BARRIER = 2 }
local Role = { ROOT = 0, CHILD = 1, HEIR = 2 }
local Policy = { FAIL = 0, IGNORE = 1, FAIL_FAST = 2 }
local Trigger = { SUCCEEDED = 0, ANY_FAILED = 1, SETTLED = 2 }
local Run = { SUCCEEDED = 1, DEAD = 2, CANCELLED = 3, SKIPPED = 4 }
local Cascade = { BELOW = 1, FAIL_FAST = 2 }
local Scope = { HEIRS = 1, CANCELLED = 2, DEAD = 3 }
local Reason = {
  ATTEMPTS_EXHAUSTED = 1, DISCARDED = 2, CRASH_LIMIT = 3, CHAIN_FAILED = 4, REQUESTED = 5, SIBLING_FAILED = 6,
  PARENT_FAILED = 7, PARENT_CANCELLED = 8, DEPENDENCY_FAILED = 9, TRIGGER_NOT_MET = 10,
}
local Recorded = {
  SUCCEEDED = 1, FAILED = 2, TIMED_OUT = 3, DISCARDED = 4, SNOOZED = 5, RELEASED = 6, CRASHED = 7, CANCELLED = 8,
}

local prefix = KEYS[1]

-- What was acknowledged is gone, and so are the sessions and numbers that the callers know.
if call('HGET', prefix .. 'meta', 'namespace') ~= ARGV[4] then
  return redis.error_reply('EMPTIED the namespace is not the one that was opened')
end

-- A given clock (only tests give one) never goes back, across restarts either. The server's own is taken as it is: were its
-- highest time kept, one leap of it would stop all clocks of the store for as long.
local now = tonumber(ARGV[1])
local isGivenTime = now ~= nil
if isGivenTime then
  now = math.max(now, tonumber(call('HGET', prefix .. 'meta', 'now') or 0))
else
  local time = call('TIME')
  now = tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
end

-- A number as a key or member has it.
local function text(number)
  return format('%d', number)
end

local nowText = text(now)

-- A place in the order of run time and insertion, for numbers of up to 15 digits.
local function placeOf(runAt, number)
  return format('%015d%015d', runAt, number)
end

-- A job as a member of `live`, with its lane, by which the counters are put right when its record was removed behind the
-- broker's back. Longer than what Redis keeps in a plain list as long as a set is small, since sets of leases are small and
-- change all the time, and each change of such a list goes through all of it.
local function liveMember(lane, number)
  return format('%051d%015d', lane, number)
end

-- A job as a member of `due`; with its state and lane for the same reason.
local function dueMember(number, state, lane)
  return format('%015d.%d.%d', number, state, lane)
end

local function numberOfPlace(place)
  return tonumber(string.sub(place, -15))
end

local function isTerminal(state)
  return state >= State.COMPLETED
end

-- Bounds what one command takes, since values pass over Lua's stack.
local chunk = 1000

-- The values of a hash under these fields, in their order; false where there is none.
local function readHash(name, fields)
  local key = prefix .. name
  if #fields <= chunk then
    if #fields == 0 then return {} end
    return call('HMGET', key, unpack(fields))
  end
  local values = {}
  for first = 1, #fields, chunk do
    local some = call('HMGET', key, unpack(fields, first, math.min(first + chunk - 1, #fields)))
    for index = 1, #some do values[first + index - 1] = some[index] end
  end
  return values
end

-- As readHash, for fields that are numbers.
local function readNumbered(name, numbers)
  local fields = {}
  for index = 1, #numbers do fields[index] = format('%d', numbers[index]) end
  return readHash(name, fields)
end

-- Whether a set has any of these.
local function hasMember(name, members)
  for first = 1, #members, chunk do
    local last = math.min(first + chunk - 1, #members)
    for _, has in ipairs(call('SMISMEMBER', prefix .. name, unpack(members, first, last))) do
      if has == 1 then return true end
    end
  end
  return false
end

-- The names of the keys that each lane or session has, made once.
local function keyNames(kind)
  return setmetatable({}, {
    __index = function(self, number)
      local name = kind .. text(number)
      self[number] = name
      return name
    end,
  })
end

local readyOf, liveOf, stopOf = keyNames('ready:'), keyNames('live:'), keyNames('stop:')

-- The context, read at its first use.
local Context = {}
setmetatable(Context, {
  __index = function(self, name)
    local maxAttempts, backoff, timeoutMs, crashLimit, limits, errors = unpack(cmsgpack.unpack(ARGV[2]))
    rawset(self, 'defaults', { maxAttempts = maxAttempts, backoff = backoff, timeoutMs = timeoutMs, crashLimit = crashLimit })
    local depthMax, chainNodesMax, declarationsMax, heirsMax, snoozesMax, keptFirst, keptLast, childrenMax = unpack(limits)
    rawset(self, 'limits', {
      depthMax = depthMax, chainNodesMax = chainNodesMax, declarationsMax = declarationsMax, heirsMax = heirsMax,
      snoozesMax = snoozesMax, keptFirst = keptFirst, keptLast = keptLast, childrenMax = childrenMax,
    })
    local byName = {}
    for _, error in ipairs(errors) do
      byName[error[1]] = { name = error[1], message = error[2], stack = '', text = error[3] }
    end
    rawset(self, 'errors', byName)
    return rawget(self, name)
  end,
})
