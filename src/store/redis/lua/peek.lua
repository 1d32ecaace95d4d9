-- peek: what a claim would find here. Request: [names of lanes, queues]. Answers [of each lane with ready jobs its index from 0,
-- how many, the highest priority among them, the earliest run time of those that have it; of each queue 0, 1 = it has a limit,
-- 2 = it is paused].
local names, queues = unpack(cmsgpack.unpack(ARGV[2]))
local ready, kinds = {}, {}
for index, number in ipairs(hmget('laneno', names)) do
  local key = number and prefix .. 'ready:' .. number
  local first = number and call('ZRANGE', key, 0, 0, 'WITHSCORES') or {}
  if first[2] then
    local size = #ready
    ready[size + 1], ready[size + 2] = index - 1, call('ZCARD', key)
    ready[size + 3], ready[size + 4] = -tonumber(first[2]), tonumber(string.sub(first[1], 1, 15))
  end
end
for index, packed in ipairs(hmget('queue', queues)) do
  local settings = packed and cmsgpack.unpack(packed) or {}
  kinds[index] = settings[1] and 2 or settings[2] and 1 or 0
end
return pack({ ready, kinds })
