-- peek: what a claim would find here. Request: [names of lanes, queues]. Answers [how many jobs are ready, the highest
-- priority among them, the earliest run time of those that have it, whether each queue has a limit 0|1].
local names, queues = unpack(cmsgpack.unpack(ARGV[2]))
local count, best, earliest, limited = 0, nil, 0, {}
for _, number in ipairs(hmget('laneno', names)) do
  local first = number and call('ZRANGE', prefix .. 'ready:' .. number, 0, 0, 'WITHSCORES') or {}
  if first[2] then
    local priority = -tonumber(first[2])
    count = count + call('ZCARD', prefix .. 'ready:' .. number)
    local runAt = tonumber(string.sub(first[1], 1, 15))
    if best == nil or priority > best or (priority == best and runAt < earliest) then best, earliest = priority, runAt end
  end
end
for index, settings in ipairs(hmget('queue', queues)) do
  limited[index] = settings and cmsgpack.unpack(settings)[2] and 1 or 0
end
return pack({ count, best or 0, earliest, limited })
