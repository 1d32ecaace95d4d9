-- Takes a job's record away, as an operator would, and its place in the counters. KEYS[1]: the shard's prefix. ARGV[1]: the id.
local prefix = KEYS[1]
local number = redis.call('HGET', prefix .. 'id', ARGV[1])
local record = number and redis.call('HGET', prefix .. 'job', number)
if not record then return end
redis.call('HDEL', prefix .. 'job', number)
local lane = struct.unpack('<I4', record, 61)
redis.call('HINCRBY', prefix .. 'count', string.format('%.0f.%d', lane, string.byte(record, 2)), -1)
