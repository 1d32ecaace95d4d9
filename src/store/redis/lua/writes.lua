-- writes: gathers what a step writes, one command per key and not per job. Nothing is written before `flush`; within it the
-- first command is one that Redis refuses when it is out of memory, so that then nothing is written at all.
local Writes = {}

-- By key name: flat lists of field and value, fields, score and member, members, values.
local putLists, dropLists, addLists, leaveLists, pushLists, keyLists = {}, {}, {}, {}, {}, {}
-- By lane * 16 + state.
local countChanges = {}
local beforeFlush = {}

local function listIn(lists, name)
  local list = lists[name]
  if list == nil then
    list = {}
    lists[name] = list
  end
  return list
end

-- The list of fields and values to be put into a hash, for loops that add to it themselves.
function Writes.puts(hash)
  return listIn(putLists, hash)
end

function Writes.put(hash, field, value)
  local list = listIn(putLists, hash)
  local size = #list
  list[size + 1] = field
  list[size + 2] = value
end

function Writes.drop(hash, field)
  local list = listIn(dropLists, hash)
  list[#list + 1] = field
end

-- The list of scores and members to be added to a sorted set.
function Writes.adds(zset)
  return listIn(addLists, zset)
end

function Writes.add(zset, score, member)
  local list = listIn(addLists, zset)
  local size = #list
  list[size + 1] = score
  list[size + 2] = member
end

-- The list of members to be taken off a sorted set, which is done before any are added.
function Writes.leaves(zset)
  return listIn(leaveLists, zset)
end

function Writes.leave(zset, member)
  local list = listIn(leaveLists, zset)
  list[#list + 1] = member
end

function Writes.push(name, value)
  local list = listIn(pushLists, name)
  list[#list + 1] = value
end

function Writes.pushed(name)
  return pushLists[name] or {}
end

function Writes.include(name, member)
  local list = listIn(keyLists, name)
  list[#list + 1] = member
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
  for first = 1, #list, chunk do
    call(command, key, unpack(list, first, math.min(first + chunk - 1, #list)))
  end
end

local function sendAll(command, lists)
  local sent = false
  for name, list in pairs(lists) do
    if #list > 0 then
      send(command, name, list)
      lists[name] = nil
      sent = true
    end
  end
  return sent
end

function Writes.flush()
  for _, work in ipairs(beforeFlush) do work() end
  local records = putLists.job
  if records ~= nil then
    send('HSET', 'job', records)
    putLists.job = nil
  end
  local wrote = records ~= nil
  wrote = sendAll('HSET', putLists) or wrote
  wrote = sendAll('HDEL', dropLists) or wrote
  wrote = sendAll('ZREM', leaveLists) or wrote
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
