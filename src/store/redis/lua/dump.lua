-- dump: everything, in slices. Request: [job number after which to go on, numbers to look at]. Answers [details of read-job.lua,
-- last number looked at or -1 at the end, sessions as [id, packed session, packed buffered or false, …], names of queues].
-- Sessions and queues are told with the first slice.
local after, most = unpack(cmsgpack.unpack(ARGV[2]))
local last = tonumber(hget('meta', 'job') or 0)
local upTo, details = math.min(last, after + most), {}
for from = after + 1, upTo, 500 do
  local fields = {}
  for number = from, math.min(upTo, from + 499) do fields[#fields + 1] = text(number) end
  for index, record in ipairs(hmget('job', fields)) do
    if record then details[#details + 1] = detailOf(tonumber(fields[index]), record) end
  end
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
