-- peek: what a claim would find here. Request: [names of lanes, queues]. Answers [how many jobs are ready, the highest
-- priority among them, whether each queue has a limit 0|1].
local names, queues = unpack(cmsgpack.unpack(ARGV[2]))
local count, best, limited = 0, nil, {}
for _, number in ipairs(hmget('laneno', names)) do
  local first = number and call('ZRANGE', prefix .. 'ready:' .. number, 0, 0, 'WITHSCORES') or {}
  if first[2] then
    local priority = -tonumber(first[2])
    count = count + call('ZCARD', prefix .. 'ready:' .. number)
    if best == nil or priority > best then best = priority end
  end
end
for index, settings in ipairs(hmget('queue', queues)) do
  limited[index] = settings and cmsgpack.unpack(settings)[2] and 1 or 0
end
return pack({ count, best or 0, limited })
