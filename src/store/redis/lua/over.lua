-- over: removed roots that need not be remembered any more. Request: how many at most. Answers [id, request id or "", …].
local ids, list = call('ZRANGEBYSCORE', prefix .. 'forget', '-inf', now(), 'LIMIT', 0, cmsgpack.unpack(ARGV[2])), {}
for index, packed in ipairs(hmget('gone', ids)) do
  list[#list + 1] = ids[index]
  list[#list + 1] = packed and cmsgpack.unpack(packed)[1] or ''
end
return pack(list)
