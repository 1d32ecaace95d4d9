-- promote: makes due jobs claimable, those first that were due first; a group's run is accepted instead. ARGV[3]: how many at most.
-- Answers packed [count, ms until the next is due or -1, effects].
local due = call('ZRANGEBYSCORE', prefix .. 'due', '-inf', now, 'LIMIT', 0, tonumber(ARGV[3]))
local numbers, count = {}, 0
for index = 1, #due do numbers[index] = tonumber(string.sub(due[index], 1, 15)) end
Rows.fetch(numbers)
for index, number in ipairs(numbers) do
  local row = Rows.get(number)
  if not row then
    -- Removed behind the broker's back.
    local state, lane = string.match(due[index], '%.(%d+)%.(%d+)$')
    Writes.leave('due', due[index])
    Writes.count(tonumber(lane), tonumber(state), -1)
  elseif Lanes.isGroup(row.lane) then
    Ending.accept(row, true)
    count = count + 1
  else
    Effects.move(row, State.READY)
    count = count + 1
  end
end
Judge.parents()
local effects = Effects.answer()
Writes.flush()
local first = call('ZRANGE', prefix .. 'due', 0, 0, 'WITHSCORES')
local nextInMs = first[2] and math.max(0, tonumber(first[2]) - now) or -1
return pack({ count, nextInMs, effects })
