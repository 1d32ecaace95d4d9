-- lease: who was given a lease. Request: [job number, nonce]. Answers the packed worker of its session, or false when it is not
-- its job's newest lease.
local number, nonce = unpack(cmsgpack.unpack(ARGV[2]))
local record = hget('job', text(number))
if not record or nonce == '' or nonceOf(record) ~= nonce then return pack(false) end
return pack(hget('worker', wordOf(record, At.session)))
