-- queue-state: what this shard has of a queue. Request: its name. Answers false when it knows nothing of it, else [packed
-- settings or false, [type, [state, count, …], …], ms that the longest-ready job has waited or -1].
local queue = cmsgpack.unpack(ARGV[2])
-- One probe a priority: to look at all ready jobs would not be bounded.
local prioritiesMax = 1000
local settings = hget('queue', queue)
local lanes, oldest, isKnown = {}, nil, settings and true

-- The earliest run time of a lane's ready jobs.
local function look(lane)
  local key, from = prefix .. 'ready:' .. lane, '-inf'
  for _ = 1, prioritiesMax do
    local first = call('ZRANGEBYSCORE', key, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #first == 0 then return end
    local runAt = tonumber(string.sub(first[1], 1, 15))
    if oldest == nil or runAt < oldest then oldest = runAt end
    from = '(' .. first[2]
  end
end

local ofQueue = call('SMEMBERS', prefix .. 'lanes:' .. queue)
for index, name in ipairs(hmget('lane', ofQueue)) do
  local type = name and string.match(name, ' (.*)$')
  if type then
    local lane, fields, counts = ofQueue[index], {}, {}
    for state = 1, 9 do fields[state] = lane .. '.' .. state end
    for state, count in ipairs(hmget('count', fields)) do
      if count then isKnown = true end
      if count and tonumber(count) ~= 0 then
        counts[#counts + 1] = state
        counts[#counts + 1] = tonumber(count)
      end
    end
    lanes[#lanes + 1] = type
    lanes[#lanes + 1] = counts
    look(lane)
  end
end
if not isKnown then return pack(false) end
return pack({ settings, lanes, oldest and math.max(0, now() - oldest) or -1 })
