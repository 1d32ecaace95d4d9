-- lanes: numbers and names of lanes, the settings of their queues, and the options that apply to a job.
local Lanes = {}

local names, numbers, settings = {}, {}, {}
local lastLane
local groupType = 'conveyor.v1.Group'

-- Looks up the numbers of these names together.
function Lanes.learn(list)
  local found = readHash('laneno', list)
  for index = 1, #list do
    local number = tonumber(found[index])
    numbers[list[index]] = number or false
    if number then names[number] = list[index] end
  end
end

-- The number of a lane, or nil when no job was ever in it.
function Lanes.find(name)
  if numbers[name] == nil then Lanes.learn({ name }) end
  return numbers[name] or nil
end

-- The number of a lane that gets a job.
function Lanes.number(name)
  local known = Lanes.find(name)
  if known then return known end
  lastLane = (lastLane or tonumber(call('HGET', prefix .. 'meta', 'lane') or 0)) + 1
  numbers[name], names[lastLane] = lastLane, name
  Writes.put('laneno', name, lastLane)
  Writes.put('lane', lastLane, name)
  Writes.put('meta', 'lane', lastLane)
  Writes.include('lanes:' .. string.match(name, '^[^ ]*'), lastLane)
  return lastLane
end

-- "<queue> <type>"
function Lanes.name(number)
  if names[number] == nil then names[number] = call('HGET', prefix .. 'lane', number) or '' end
  return names[number]
end

function Lanes.queue(number)
  return string.match(Lanes.name(number), '^[^ ]*')
end

function Lanes.type(number)
  return string.match(Lanes.name(number), '[^ ]*$')
end

function Lanes.isGroup(number)
  return Lanes.type(number) == groupType
end

local ofQueue = {}

-- All lanes of a queue that have ever had a job, by number.
local function lanesOf(queue)
  if ofQueue[queue] == nil then
    local found = call('SMEMBERS', prefix .. 'lanes:' .. queue)
    for index = 1, #found do found[index] = tonumber(found[index]) end
    ofQueue[queue] = found
  end
  return ofQueue[queue]
end

-- Running jobs of a queue on this shard, over all sessions, those of this step counted. Not before what it inserts is flushed.
function Lanes.running(queue)
  local lanes, fields = lanesOf(queue), {}
  for index, lane in ipairs(lanes) do fields[index] = text(lane) .. '.' .. State.RUNNING end
  local running = 0
  for index, count in ipairs(readHash('count', fields)) do
    running = running + tonumber(count or 0) + Writes.counted(lanes[index], State.RUNNING)
  end
  return running
end

-- [paused, max concurrency, max attempts, back-off, time-out ms, crash limit, retention ms when completed, cancelled, dead], each
-- but the first maybe false, the retentions maybe left out; false: none set.
function Lanes.settings(queue)
  if settings[queue] == nil then
    local packed = call('HGET', prefix .. 'queue', queue)
    settings[queue] = packed and cmsgpack.unpack(packed) or false
  end
  return settings[queue]
end

-- What applies to a job now: its own value, else its queue's, else the server's.
function Lanes.options(row)
  local own, set, server = row.options or {}, Lanes.settings(Lanes.queue(row.lane)) or {}, Context.defaults
  return {
    maxAttempts = own[1] or set[3] or server.maxAttempts,
    timeoutMs = own[2] or set[5] or server.timeoutMs,
    backoff = own[3] or set[4] or server.backoff,
    crashLimit = set[6] or server.crashLimit,
  }
end

return Lanes
