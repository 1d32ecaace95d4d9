-- read: what the scripts that only read share. KEYS[1]: the prefix of the shard's keys. ARGV[1]: the time in ms, "" for the
-- server's own. ARGV[2]: the packed request. Each answers one packed value. The layout is that of keys.ts and record.ts.
local call, pack = redis.call, cmsgpack.pack
local prefix = KEYS[1]
local State = { READY = 2, RUNNING = 3, COMPLETED = 7, DEAD = 8 }
local Run = { DEAD = 2 }
local Reason = { CHAIN_FAILED = 4 }
local Role = { HEIR = 2 }

-- Where these bytes of a record are, counted from 1.
local At = { state = 2, run = 3, version = 9, attempt = 13, session = 17, updatedAt = 21, role = 54, trigger = 56, below = 59, reason = 60, lane = 61,
  payloadBytes = 73, createdAt = 85, parent = 93, id = 109 }

local function byteOf(record, at)
  return string.byte(record, at)
end

local function wordOf(record, at)
  return (struct.unpack('<I4', record, at))
end

local function doubleOf(record, at)
  return (struct.unpack('<d', record, at))
end

local function idOf(record)
  return string.sub(record, At.id + 1, At.id + string.byte(record, At.id))
end

local function nonceOf(record)
  local from = At.id + string.byte(record, At.id) + 1
  return string.sub(record, from + 1, from + string.byte(record, from))
end

-- What stands at the end of a record, as a list; empty: all of it is as it begins.
local function tailOf(record)
  local from = At.id + string.byte(record, At.id) + 1
  local tail = string.sub(record, from + 1 + string.byte(record, from))
  return #tail > 0 and cmsgpack.unpack(tail) or {}
end

-- A number as a key or field has it.
local function text(number)
  return string.format('%.0f', number)
end

local function hget(name, field)
  return call('HGET', prefix .. name, field)
end

-- Values pass over Lua's stack, which holds some thousands.
local function hmget(name, fields)
  if #fields == 0 then return {} end
  if #fields <= 1000 then return call('HMGET', prefix .. name, unpack(fields)) end
  local values = {}
  for first = 1, #fields, 1000 do
    local some = call('HMGET', prefix .. name, unpack(fields, first, math.min(first + 999, #fields)))
    for index = 1, #some do values[first + index - 1] = some[index] end
  end
  return values
end

local laneTexts = {}

-- "<queue> <type>"
local function laneOf(record)
  local lane = wordOf(record, At.lane)
  if laneTexts[lane] == nil then laneTexts[lane] = hget('lane', lane) or '' end
  return laneTexts[lane]
end

local function typeOf(record)
  return string.match(laneOf(record), ' (.*)$') or ''
end

-- Never before the latest time that a script has written.
local function now()
  local latest = tonumber(hget('meta', 'now') or 0)
  if ARGV[1] ~= '' then return math.max(latest, tonumber(ARGV[1])) end
  local time = call('TIME')
  return math.max(latest, tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
end
