-- detail: one job with everything. Request: its id. Answers a detail of read-job.lua, or false.
local number = hget('id', cmsgpack.unpack(ARGV[2]))
local record = number and hget('job', number)
if not record then return pack(false) end
return pack(detailOf(tonumber(number), record) or false)
