-- probe: whether the user may do what the scripts of this store do. KEYS[1]: the prefix of a shard's keys. Tries each command on
-- a key of its own, which it removes. Answers the names of the commands that are refused, with a blank between them.
local key = KEYS[1] .. 'probe'
local tries = {
  { 'TIME' }, { 'TYPE', key },
  { 'HSET', key, 'a', 1 }, { 'HINCRBY', key, 'a', 1 }, { 'HGET', key, 'a' }, { 'HMGET', key, 'a' }, { 'HGETALL', key },
  { 'HKEYS', key }, { 'HVALS', key }, { 'HLEN', key }, { 'HDEL', key, 'a' },
  { 'RPUSH', key, 'a' }, { 'LLEN', key }, { 'LRANGE', key, 0, 0 }, { 'LTRIM', key, 0, 0 }, { 'UNLINK', key },
  { 'ZADD', key, 1, 'a' }, { 'ZCARD', key }, { 'ZCOUNT', key, 1, 1 }, { 'ZRANGE', key, 0, 0 }, { 'ZRANGEBYSCORE', key, 1, 1 },
  { 'ZREVRANGEBYSCORE', key, 1, 1 }, { 'ZREM', key, 'a' },
  { 'SADD', key, 'a' }, { 'SMISMEMBER', key, 'a' }, { 'SMEMBERS', key }, { 'UNLINK', key },
}
local refused = {}
for _, each in ipairs(tries) do
  local answer = redis.pcall(unpack(each))
  local problem = type(answer) == 'table' and answer.err or ''
  local isRefused = string.find(problem, 'NOPERM', 1, true) or string.find(problem, 'ACL failure', 1, true)
    or string.find(problem, "can't run this", 1, true) or string.find(problem, "can't access", 1, true)
  if isRefused then refused[#refused + 1] = each[1] end
end
return table.concat(refused, ' ')
