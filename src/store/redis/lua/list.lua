-- list: jobs of this shard that match, in the order of the list. Request: [source, job number, place, rows at most, states,
-- queue or false, type or false, with CHAIN_FAILED 0|1, fingerprint of its error or false, changed at this time or later or
-- false, only roots 0|1]. Sources: ALL (newest first), CHAIN (the root and all below it, newest
-- first), BELOW (directly below the job, in order). A place is where the search goes on; -1: at the beginning. Answers
-- [rows of read-job.lua, place after each row, place where the search stopped, created at of the last job that was looked at,
-- 1 when there is nothing more]. Looks at a bounded number of jobs and bytes.
local source, job, place, rowsMax, states, queue, type, withChainFailed, fingerprint, updatedSince, rootsOnly =
  unpack(cmsgpack.unpack(ARGV[2]))
local Source = { ALL = 0, CHAIN = 1, BELOW = 2 }
local lookedMax, window, bytesMax = 5000, 500, 8388608

local wantedStates, isKept = {}, #states > 0
for _, state in ipairs(states) do
  wantedStates[state] = true
  -- Those states whose jobs are kept by number: `state:<c>`.
  isKept = isKept and (state == 5 or state == 8 or state == 9)
end

-- Lanes of the asked queue and type; nil: any.
local lanes
if queue or type then
  lanes = {}
  local known = queue and call('SMEMBERS', prefix .. 'lanes:' .. queue) or call('HKEYS', prefix .. 'lane')
  for index, name in ipairs(hmget('lane', known)) do
    if name and (not type or string.match(name, ' (.*)$') == type) then lanes[tonumber(known[index])] = true end
  end
end

-- Whether the kept counters say that there is any such job.
local function mayMatch()
  local counts = call('HGETALL', prefix .. 'count')
  for index = 1, #counts, 2 do
    local lane, state = string.match(counts[index], '^(%d+)%.(%d+)$')
    local isWanted = #states == 0 or wantedStates[tonumber(state)]
    if isWanted and (not lanes or lanes[tonumber(lane)]) and tonumber(counts[index + 1]) > 0 then return true end
  end
  return false
end

local function hasFingerprint(record)
  return string.find(record, fingerprint, At.id, true) ~= nil and tailOf(record)[8] == fingerprint
end

local function isMatch(record)
  local state = byteOf(record, At.state)
  if #states > 0 and not wantedStates[state] then return false end
  if lanes and not lanes[wordOf(record, At.lane)] then return false end
  if rootsOnly == 1 and doubleOf(record, At.parent) ~= 0 then return false end
  if updatedSince and doubleOf(record, At.updatedAt) < updatedSince then return false end
  if fingerprint and not hasFingerprint(record) then return false end
  return withChainFailed == 1 or state ~= State.DEAD or byteOf(record, At.reason) ~= Reason.CHAIN_FAILED
end

-- No job has a lower number.
local lowest = tonumber(hget('meta', 'low') or 1)

-- The next candidates after `place` as numbers with the place after each, and whether there are more.
local function descending()
  if place < 0 then place = tonumber(hget('meta', 'job') or 0) + 1 end
  local numbers, places = {}, {}
  for number = place - 1, math.max(lowest, place - window), -1 do
    numbers[#numbers + 1] = number
    places[#places + 1] = number
  end
  return numbers, places, place - window > lowest
end

local function descendingKept()
  local below = place < 0 and '+inf' or '(' .. text(place)
  local found = {}
  for _, state in ipairs(states) do
    local some = call('ZREVRANGEBYSCORE', prefix .. 'state:' .. state, below, '-inf', 'LIMIT', 0, window)
    for _, number in ipairs(some) do found[#found + 1] = tonumber(number) end
  end
  table.sort(found, function(one, two) return one > two end)
  local numbers, places = {}, {}
  for index = 1, math.min(window, #found) do
    numbers[index], places[index] = found[index], found[index]
  end
  return numbers, places, #found >= window
end

-- Places are indexes into the list of what is below the root, from 1; 0 is the root itself.
local function descendingChain()
  local key = prefix .. 'chain:' .. text(job)
  if place < 0 then place = call('LLEN', key) + 1 end
  if place == 0 then return {}, {}, false end
  local from = math.max(0, place - 1 - window)
  local numbers, places = {}, {}
  if place > 1 then
    local some = call('LRANGE', key, from, place - 2)
    for index = #some, 1, -1 do
      numbers[#numbers + 1] = tonumber(some[index])
      places[#places + 1] = from + index
    end
  end
  if from > 0 then return numbers, places, true end
  numbers[#numbers + 1] = job
  places[#places + 1] = 0
  return numbers, places, false
end

-- Places are 100 times the children seen, plus the heirs seen.
local heirs
local function ascendingBelow()
  if place < 0 then place = 0 end
  if heirs == nil then
    local barrier = hget('barrier', text(job))
    heirs = barrier and cmsgpack.unpack(barrier)[8] or {}
  end
  local children, seenHeirs = math.floor(place / 100), place % 100
  local some = call('LRANGE', prefix .. 'child:' .. text(job), children, children + window - 1)
  local numbers, places, index = {}, {}, 1
  while index <= #some or (#some < window and seenHeirs < #heirs) do
    local child, heir = tonumber(some[index]), heirs[seenHeirs + 1]
    if child and (not heir or child < heir) then
      numbers[#numbers + 1] = child
      index, children = index + 1, children + 1
    else
      numbers[#numbers + 1] = heir
      seenHeirs = seenHeirs + 1
    end
    places[#places + 1] = children * 100 + seenHeirs
  end
  return numbers, places, #some == window
end

local candidates = descending
if source == Source.CHAIN then candidates = descendingChain
elseif source == Source.BELOW then candidates = ascendingBelow
elseif isKept then candidates = descendingKept end

local rows, after, looked, bytes, createdAt, isOver = {}, {}, 0, 0, 0, false
if source == Source.ALL and not mayMatch() then isOver = true end
while not isOver and looked < lookedMax do
  local numbers, places, hasMore = candidates()
  local fields = {}
  for index, number in ipairs(numbers) do fields[index] = text(number) end
  local records = hmget('job', fields)
  for index, number in ipairs(numbers) do
    local record = records[index]
    if record then createdAt = doubleOf(record, At.createdAt) end
    if record and isMatch(record) then
      local row, size = rowOf(number, record, false)
      rows[#rows + 1], after[#after + 1] = row, row and places[index]
      bytes = bytes + size
    end
    place, looked = places[index], looked + 1
    if #rows >= rowsMax or bytes > bytesMax then
      return pack({ rows, after, place, createdAt, not hasMore and index == #numbers and 1 or 0 })
    end
  end
  isOver = not hasMore
end
return pack({ rows, after, place, createdAt, isOver and 1 or 0 })
