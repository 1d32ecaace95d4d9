-- turn: whose turn it is to claim from a queue that has a limit, in a store of several shards. Tokens rise; a shard lets nobody
-- claim from such a queue but with the highest token that it has seen. ARGV[3]: packed, one of
--   [1 begin, queue, ms]      on the queue's own shard -> token, or 0: it is another's turn
--   [2 fence, queue, token]   on every shard -> [0: a higher one was here | 1, running jobs of the queue, limit or -1]
--   [3 end, queue, token]     on the queue's own shard -> true
local request = cmsgpack.unpack(ARGV[3])
local operation, queue = request[1], request[2]

local function turnNow()
  local packed = call('HGET', prefix .. 'turn', queue)
  if not packed then return 0, 0 end
  return unpack(cmsgpack.unpack(packed))
end

local function begin(ms)
  local token, expiresAt = turnNow()
  if expiresAt > now then return 0 end
  Writes.put('turn', queue, pack({ token + 1, now + ms }))
  return token + 1
end

local function fence(token)
  local seen = tonumber(call('HGET', prefix .. 'fence', queue) or 0)
  if seen > token then return { 0, 0, -1 } end
  if seen < token then Writes.put('fence', queue, token) end
  local settings = Lanes.settings(queue)
  return { 1, Lanes.running(queue), settings and settings[2] or -1 }
end

-- The token stays, so that the next is higher.
local function finish(token)
  if turnNow() == token then Writes.put('turn', queue, pack({ token, 0 })) end
  return true
end

local answer = pack(({ begin, fence, finish })[operation](request[3]))
Writes.flush()
return answer
