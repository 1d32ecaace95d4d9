-- Takes a job's record away, as an operator would. KEYS[1]: the shard's prefix. ARGV[1]: the id.
local number = redis.call('HGET', KEYS[1] .. 'id', ARGV[1])
if number then redis.call('HDEL', KEYS[1] .. 'job', number) end
