-- chain: walks down a chain for a while. Request: entries [number, depth, children seen], -1 children seen: the job itself
-- comes first. Answers [nodes, entries that are left]. A node is [depth, number, parent number, how many, type, state, role, trigger, reason,
-- id, pending children, pending heirs, has something below 0|1]; leaves alike (parent, role, type, state) are one node, the
-- first of them by number. Looks at a bounded number of jobs.
local entries = cmsgpack.unpack(ARGV[2])
local lookedMax, window = 2000, 500
local nodes, alike, looked = {}, {}, 0

local function barrierOf(number)
  local barrier = hget('barrier', text(number))
  return barrier and cmsgpack.unpack(barrier) or { 0, 0, 0, 0, 0, 0, 0, {} }
end

local function nodeOf(number, record, depth)
  local below = byteOf(record, At.below)
  local pending = below == 1 and barrierOf(number) or { 0, 0 }
  return { depth, number, doubleOf(record, At.parent), 1, typeOf(record), byteOf(record, At.state), byteOf(record, At.role),
    byteOf(record, At.trigger), byteOf(record, At.reason), idOf(record), pending[1], pending[2], below }
end

local function add(number, record, depth)
  if byteOf(record, At.below) == 1 then
    nodes[#nodes + 1] = nodeOf(number, record, depth)
    entries[#entries + 1] = { number, depth, 0 }
    return
  end
  local key = table.concat({ text(doubleOf(record, At.parent)), byteOf(record, At.role), byteOf(record, At.state), typeOf(record) }, ' ')
  local known = alike[key]
  if known == nil then
    alike[key] = nodeOf(number, record, depth)
    nodes[#nodes + 1] = alike[key]
    return
  end
  local count = known[4] + 1
  if number < known[2] then
    for index, value in ipairs(nodeOf(number, record, depth)) do known[index] = value end
  end
  known[4] = count
end

local function addAll(numbers, depth)
  for index, record in ipairs(hmget('job', numbers)) do
    if record then add(tonumber(numbers[index]), record, depth) end
  end
  looked = looked + #numbers
end

local first = 1
while first <= #entries and looked < lookedMax do
  local number, depth, seen = unpack(entries[first])
  if seen < 0 then
    addAll({ text(number) }, depth)
    first = first + 1
  else
    if seen == 0 then
      local heirs = {}
      for index, heir in ipairs(barrierOf(number)[8]) do heirs[index] = text(heir) end
      addAll(heirs, depth + 1)
    end
    local children = call('LRANGE', prefix .. 'child:' .. text(number), seen, seen + window - 1)
    addAll(children, depth + 1)
    if #children < window then first = first + 1
    else entries[first] = { number, depth, seen + window } end
  end
end
local left = {}
for index = first, #entries do left[#left + 1] = entries[index] end
return pack({ nodes, left })
