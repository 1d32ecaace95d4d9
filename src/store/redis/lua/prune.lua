-- prune: goes on with chains that are being removed, then takes those whose retention is over, by queue, state, end and
-- insertion; at most so many jobs. ARGV[3]: packed [max, how long to remember in ms, retention ms when completed, cancelled,
-- dead, how many memories that are over to forget]. Answers packed [count, more 0|1, effects].
local most, rememberedMs, completedMs, cancelledMs, deadMs, forgetMax = unpack(cmsgpack.unpack(ARGV[3]))

-- In the order in which a queue's chains go: state, index of the queue's own retention, the server's.
local kinds = { { State.COMPLETED, 7, completedMs }, { State.DEAD, 9, deadMs }, { State.CANCELLED, 8, cancelledMs } }

local function queueNames()
  local names, seen = {}, {}
  for _, lane in ipairs(call('HVALS', prefix .. 'lane')) do
    local queue = string.match(lane, '^[^ ]*')
    if not seen[queue] then
      seen[queue] = true
      names[#names + 1] = queue
    end
  end
  table.sort(names)
  return names
end

-- Members of due roots of one queue and state, at most `limit`.
local function dueIn(queue, kind, limit)
  local settings = Lanes.settings(queue) or {}
  local before = now - (settings[kind[2]] or kind[3])
  return call('ZRANGEBYSCORE', prefix .. 'over:' .. kind[1] .. ':' .. queue, '-inf', before, 'LIMIT', 0, limit)
end

local count, done = 0, {}

local function take(numbers)
  Rows.fetch(numbers)
  for _, number in ipairs(numbers) do
    if count >= most or Removal.isTired() then return end
    local row = Rows.get(number)
    if row and not done[number] then
      done[number] = true
      count = count + Removal.chain(row, most - count, rememberedMs)
    elseif not row then
      Writes.leave('pruning', number) -- removed behind the broker's back
    end
  end
end

local function numbersOf(members)
  local numbers = {}
  for index = 1, #members do numbers[index] = tonumber(members[index]) end
  return numbers
end

local function takeDue(queue, kind)
  -- Those that are being removed stand there too.
  local members = dueIn(queue, kind, most - count + call('ZCARD', prefix .. 'pruning'))
  take(numbersOf(members))
  for _, member in ipairs(members) do
    if Rows.raw(tonumber(member)) == false then Writes.leave('over:' .. kind[1] .. ':' .. queue, member) end
  end
end

local queues = queueNames()
take(numbersOf(call('ZRANGE', prefix .. 'pruning', 0, most - 1)))
for _, queue in ipairs(queues) do
  for _, kind in ipairs(kinds) do
    if count < most and not Removal.isTired() then takeDue(queue, kind) end
  end
end
-- Raises the number below which there is no job, which is where lists end, as far as a step may.
local function raiseLowest()
  local meta = readHash('meta', { 'low', 'job' })
  local lowest, last = tonumber(meta[1] or 1), tonumber(meta[2] or 0)
  local at, upTo = lowest, math.min(last, lowest + 4999)
  while at <= upTo and not Rows.raw(at) do
    local numbers = {}
    for number = at, math.min(upTo, at + 999) do numbers[#numbers + 1] = number end
    Rows.fetch(numbers)
    while at <= numbers[#numbers] and not Rows.raw(at) do at = at + 1 end
  end
  if at > lowest then Writes.put('meta', 'low', text(at)) end
end

-- What makes room comes first, which is all that a full server takes.
if count > 0 then raiseLowest() end
Memories.forget(Memories.over(forgetMax))
local effects = Effects.answer()
Writes.flush(true)

local function hasMore()
  if call('ZCARD', prefix .. 'pruning') > 0 then return true end
  for _, queue in ipairs(queues) do
    for _, kind in ipairs(kinds) do
      if #dueIn(queue, kind, 1) > 0 then return true end
    end
  end
  return false
end

return pack({ count, hasMore() and 1 or 0, effects })
