-- Removes all keys of a shard, found by what it counts: no scan over what other tests keep in the server. KEYS[1]: its prefix.
local prefix = KEYS[1]
local function last(of) return tonumber(redis.call('HGET', prefix .. 'meta', of) or 0) end
local doomed = {
  'job', 'spec', 'id', 'request', 'result', 'attempt', 'barrier', 'due', 'propagate', 'cascade', 'session', 'expiry', 'buffered',
  'worker', 'lane', 'laneno', 'queue', 'count', 'meta', 'reserved', 'turn', 'fence', 'ending', 'expand', 'staged', 'waiting',
  'progress', 'pruning', 'gone', 'gonerequest', 'forget', 'ended', 'sweep', 'used',
}
local function add(names, upTo)
  for number = 1, upTo do
    for _, name in ipairs(names) do doomed[#doomed + 1] = name .. ':' .. number end
  end
end
add({ 'child', 'chain', 'key', 'frame', 'stagedkey' }, last('job'))
add({ 'live', 'stop' }, last('session'))
add({ 'ready' }, last('lane'))
add({ 'state' }, 9)
for _, lane in ipairs(redis.call('HVALS', prefix .. 'lane')) do
  for _, state in ipairs({ 7, 8, 9 }) do doomed[#doomed + 1] = 'over:' .. state .. ':' .. string.match(lane, '^[^ ]*') end
end
for _, name in ipairs(doomed) do redis.call('UNLINK', prefix .. name) end
