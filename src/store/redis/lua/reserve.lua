-- reserve: who a request id stands for, in a store of several shards: told on the shard of the request id before the job is
-- inserted on its own. ARGV[3]: packed list of
--   [1 reserve, request id, root id, hash of type and payload]  -> [root id, same hash 0|1, age in ms, 1 now or before by this root]
--   [2 release, request id, root id]                            -> true; the job was refused
--   [3 replace, request id, root id, hash, root id before]      -> as reserve; that job never came
-- Answers a packed list.
local function reserve(request, root, hash)
  local packed = call('HGET', prefix .. 'reserved', request)
  if not packed then
    Writes.put('reserved', request, pack({ root, hash, now }))
    Writes.flush()
    return { root, 1, 0, 1 }
  end
  local known, knownHash, at = unpack(cmsgpack.unpack(packed))
  return { known, hash == knownHash and 1 or 0, now - at, known == root and 1 or 0 }
end

local function isOf(request, root)
  local packed = call('HGET', prefix .. 'reserved', request)
  return packed and cmsgpack.unpack(packed)[1] == root
end

local function release(request, root)
  if isOf(request, root) then
    Writes.drop('reserved', request)
    Writes.flush()
  end
  return true
end

local function replace(request, root, hash, before)
  if isOf(request, before) then
    Writes.put('reserved', request, pack({ root, hash, now }))
    Writes.flush()
  end
  return reserve(request, root, hash)
end

local operations, answers = { reserve, release, replace }, {}
for index, asked in ipairs(cmsgpack.unpack(ARGV[3])) do
  answers[index] = operations[asked[1]](unpack(asked, 2))
end
return pack(answers)
