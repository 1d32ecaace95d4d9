-- dump: everything, in slices. Request: [job number after which to go on, numbers to look at]. Answers [details of read-job.lua
-- with [.., children staged under a live lease, its chain is being removed (of a root)], last number looked at or -1 at the end, sessions as [id, packed session, packed buffered or false, …], names of queues].
-- Sessions and queues are told with the first slice. A slice also ends when it has read much: only what lies in one is as it was
-- at one moment.
local bytesMax = 8388608
local after, most = unpack(cmsgpack.unpack(ARGV[2]))
local last = tonumber(hget('meta', 'job') or 0)
local from = math.max(after + 1, tonumber(hget('meta', 'low') or 1))
local upTo, details, bytes = math.min(last, from + most - 1), {}, 0

local function stagedUnder(number)
  local packed = hget('staged', number)
  return packed and cmsgpack.unpack(packed)[2] or 0
end

while from <= upTo do
  local fields = {}
  for number = from, math.min(upTo, from + 499) do fields[#fields + 1] = text(number) end
  for index, record in ipairs(hmget('job', fields)) do
    local detail, size = nil, 0
    if record then detail, size = detailOf(tonumber(fields[index]), record) end
    if detail then
      local number = fields[index]
      detail[11] = stagedUnder(number)
      detail[12] = #call('ZRANGEBYSCORE', prefix .. 'pruning', number, number) > 0
    end
    details[#details + 1] = detail
    bytes = bytes + size
    if bytes > bytesMax then
      upTo = tonumber(fields[index])
      break
    end
  end
  from = from + 500
end
local sessions, queues = {}, {}
if after == 0 then
  local known = call('HGETALL', prefix .. 'session')
  for index = 1, #known, 2 do
    sessions[#sessions + 1] = known[index]
    sessions[#sessions + 1] = known[index + 1]
    sessions[#sessions + 1] = hget('buffered', known[index])
  end
  for _, name in ipairs(call('HKEYS', prefix .. 'queue')) do queues[#queues + 1] = name end
  for _, lane in ipairs(call('HVALS', prefix .. 'lane')) do queues[#queues + 1] = string.match(lane, '^%S+') end
end
return pack({ details, upTo < last and upTo or -1, sessions, queues })
