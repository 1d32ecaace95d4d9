-- writes: gathers what a step writes, one command per key and not per job. Nothing is written before `flush`; within it the
-- first command is one that Redis refuses when it is out of memory, so that then nothing is written at all.
local Writes = {}

-- By key name: flat lists of field and value, of score and member, of members, values, members; sets of fields.
local putLists, addLists, leaveLists, pushLists, keyLists, dropSets = {}, {}, {}, {}, {}, {}
-- By key name: the keys to be removed, and of lists the first and the last index that stay.
local removed, trims = {}, {}
-- By lane * 16 + state.
local countChanges = {}
local beforeFlush = {}

-- A list with its length as `n`: Lua searches for the length of a table each time it is asked.
local function listIn(lists, name)
  local list = lists[name]
  if list == nil then
    list = { n = 0 }
    lists[name] = list
  end
  return list
end

-- Whole numbers are written here: Redis would write them as if they had a fraction, which is slow.
local function written(value)
  if type(value) == 'number' then return format('%d', value) end
  return value
end

local function addOne(lists, name, value)
  local list = lists[name] or listIn(lists, name)
  local size = list.n + 1
  list[size], list.n = value, size
end

local function addTwo(lists, name, first, second)
  local list = lists[name] or listIn(lists, name)
  local size = list.n + 2
  if type(first) == 'number' then first = format('%d', first) end
  if type(second) == 'number' then second = format('%d', second) end
  list[size - 1], list[size], list.n = first, second, size
end

-- Puts a value, which is text, into a hash.
function Writes.put(hash, field, value)
  local list = putLists[hash] or listIn(putLists, hash)
  local size = list.n + 2
  if type(field) == 'number' then field = format('%d', field) end
  if dropSets[hash] then dropSets[hash][field] = nil end
  list[size - 1], list[size], list.n = field, value, size
end

-- Takes a field off a hash, also one that was put before.
function Writes.drop(hash, field)
  local set = dropSets[hash] or {}
  dropSets[hash] = set
  set[written(field)] = true
end

-- Adds a member to a sorted set.
function Writes.add(zset, score, member)
  addTwo(addLists, zset, score, member)
end

-- Takes a member off a sorted set, which is done before any are added.
function Writes.leave(zset, member)
  addOne(leaveLists, zset, written(member))
end

-- Appends to a list.
function Writes.push(name, value)
  addOne(pushLists, name, written(value))
end

-- What is to be appended to a list.
function Writes.pushed(name)
  return pushLists[name] or {}
end

-- Adds a member to a set.
function Writes.include(name, member)
  addOne(keyLists, name, written(member))
end

-- Removes a key.
function Writes.remove(name)
  removed[name] = true
end

-- Cuts a list down to what stands from one index to another.
function Writes.trim(name, first, last)
  trims[name] = { first, last }
end

function Writes.count(lane, state, by)
  local slot = lane * 16 + state
  countChanges[slot] = (countChanges[slot] or 0) + by
end

-- The change of a counter that is not yet written.
function Writes.counted(lane, state)
  return countChanges[lane * 16 + state] or 0
end

-- `work` is done at the beginning of each flush: it may put what it has gathered.
function Writes.onFlush(work)
  beforeFlush[#beforeFlush + 1] = work
end

local function send(command, name, list)
  local key = prefix .. name
  for first = 1, list.n, chunk do
    call(command, key, unpack(list, first, math.min(first + chunk - 1, list.n)))
  end
end

local function sendAll(command, lists)
  local sent = false
  for name, list in pairs(lists) do
    if list.n > 0 then
      send(command, name, list)
      lists[name] = nil
      sent = true
    end
  end
  return sent
end

local function dropLists()
  local lists = {}
  for hash, set in pairs(dropSets) do
    for field in pairs(set) do addOne(lists, hash, field) end
    dropSets[hash] = nil
  end
  return lists
end

-- What makes room.
local function free()
  local wrote = sendAll('HDEL', dropLists())
  wrote = sendAll('ZREM', leaveLists) or wrote
  for name, range in pairs(trims) do
    call('LTRIM', prefix .. name, range[1], range[2])
    trims[name], wrote = nil, true
  end
  for name in pairs(removed) do
    call('UNLINK', prefix .. name)
    removed[name], wrote = nil, true
  end
  return wrote
end

-- `isRemoval`: a step that makes room begins with that, so that it is done by a server that is out of memory, too.
function Writes.flush(isRemoval)
  for _, work in ipairs(beforeFlush) do work() end
  local wrote = isRemoval and free() or false
  local records = putLists.job
  if records ~= nil then
    send('HSET', 'job', records)
    putLists.job, wrote = nil, true
  end
  wrote = sendAll('HSET', putLists) or wrote
  wrote = free() or wrote
  wrote = sendAll('ZADD', addLists) or wrote
  wrote = sendAll('RPUSH', pushLists) or wrote
  wrote = sendAll('SADD', keyLists) or wrote
  for slot, by in pairs(countChanges) do
    if by ~= 0 then
      call('HINCRBY', prefix .. 'count', text(floor(slot / 16)) .. '.' .. slot % 16, by)
      wrote = true
    end
    countChanges[slot] = nil
  end
  if not wrote then return end
  call('HINCRBY', prefix .. 'meta', 'writes', 1)
  if isGivenTime then call('HSET', prefix .. 'meta', 'now', text(now)) end
end

return Writes
