-- Takes or makes a namespace. KEYS[1] its metadata, a hash. ARGV: layout version, shards asked for ("" = any), shards when new,
-- its identity when new. Answers [layout version, shards, identity] as they stand, or nothing when the key is not ours.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  local shards = ARGV[2] == '' and ARGV[3] or ARGV[2]
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'shards', shards, 'identity', ARGV[4])
  return { ARGV[1], shards, ARGV[4] }
end
if kind ~= 'hash' then return {} end
local found = redis.call('HMGET', KEYS[1], 'layout', 'shards', 'identity')
if not found[1] or not found[2] then return {} end
if not found[3] then
  redis.call('HSET', KEYS[1], 'identity', ARGV[4])
  found[3] = ARGV[4]
end
return found
