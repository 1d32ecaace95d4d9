-- adopt: makes a shard one of its namespace. KEYS[1]: the prefix of the shard's keys. ARGV[2]: the namespace's identity.
-- Answers it.
local meta = KEYS[1] .. 'meta'
if redis.call('HGET', meta, 'namespace') ~= ARGV[2] then redis.call('HSET', meta, 'namespace', ARGV[2]) end
return ARGV[2]
