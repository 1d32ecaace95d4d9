-- memories: removed roots, whose ids and request ids answer repeats for some time yet.
local Memories = {}

-- What tells payloads apart once they are gone. `spec`: packed, the payload comes first.
local function digestOf(spec)
  return redis.sha1hex(cmsgpack.unpack(spec)[1])
end

-- The memory of a root by its id: {id, request, type, digest}, or nil when there is none or it is over.
local function recall(id)
  local packed = call('HGET', prefix .. 'gone', id)
  if not packed then return nil end
  local request, type, digest, untilTime = unpack(cmsgpack.unpack(packed))
  if untilTime <= now then return nil end
  return { id = id, request = request, type = type, digest = digest }
end

-- Those of these ids that are remembered, by id.
function Memories.byIds(ids)
  local found = {}
  if #ids == 0 or call('HLEN', prefix .. 'gone') == 0 then return found end
  for index, packed in ipairs(readHash('gone', ids)) do
    if packed then found[ids[index]] = recall(ids[index]) end
  end
  return found
end

-- Those of these request ids that are remembered, by request id.
function Memories.byRequests(requests)
  local found = {}
  if #requests == 0 or call('HLEN', prefix .. 'gonerequest') == 0 then return found end
  for index, id in ipairs(readHash('gonerequest', requests)) do
    if id then found[requests[index]] = recall(id) end
  end
  return found
end

-- Whether a root of this type and spec is what is remembered.
function Memories.isOf(memory, type, spec)
  return memory.type == type and memory.digest == digestOf(spec)
end

-- Remembers a root that is being removed, for so long.
function Memories.keep(row, spec, request, ms)
  Writes.put('gone', row.id, pack({ request, Lanes.type(row.lane), digestOf(spec), now + ms }))
  Writes.add('forget', now + ms, row.id)
  if request ~= '' then Writes.put('gonerequest', request, row.id) end
end

-- Forgets those of these ids whose time is over; what took a request id since keeps it.
function Memories.forget(ids)
  local packs = readHash('gone', ids)
  for index, id in ipairs(ids) do
    local request, _, _, untilTime = unpack(packs[index] and cmsgpack.unpack(packs[index]) or { '', '', '', 0 })
    if untilTime <= now then
      Writes.leave('forget', id)
      Writes.drop('gone', id)
      if request ~= '' and call('HGET', prefix .. 'gonerequest', request) == id then Writes.drop('gonerequest', request) end
    end
  end
end

-- Ids of at most `most` whose time is over.
function Memories.over(most)
  return call('ZRANGEBYSCORE', prefix .. 'forget', '-inf', now, 'LIMIT', 0, most)
end

return Memories
