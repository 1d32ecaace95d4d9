-- peek: what a claim would find here. Request: [names of lanes, queues]. Answers [how many jobs are ready in each lane, whether
-- each queue has a limit 0|1].
local names, queues = unpack(cmsgpack.unpack(ARGV[2]))
local counts, limited = {}, {}
for index, number in ipairs(hmget('laneno', names)) do
  counts[index] = number and call('ZCARD', prefix .. 'ready:' .. number) or 0
end
for index, settings in ipairs(hmget('queue', queues)) do
  limited[index] = settings and cmsgpack.unpack(settings)[2] and 1 or 0
end
return pack({ counts, limited })
