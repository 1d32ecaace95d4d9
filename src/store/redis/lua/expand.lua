-- expand: puts staged children of accepted results into their chains, parents by insertion and each one's in staging order,
-- until ARGV[3] are in. Answers packed [count, more 0|1, effects].
local most = tonumber(ARGV[3])

-- Bounds a step: parents.
local parentsMax = 500

local function hasMarks(barrier)
  return barrier.cascade > 0 or barrier.reviving > 0
end

-- Puts at most `limit` nodes in below one job.
local function expandOne(number, limit)
  local row, barrier = Rows.get(number), Barrier.get(number)
  if not row or not barrier then
    Writes.leave('expand', number) -- removed behind the broker's back
    return 0
  end
  local parent = Declare.parentOf(row, call('HGET', prefix .. 'spec', row.number))
  local mayRun = row.run == Run.SUCCEEDED and row.cancel == 0 and barrier.cascade == 0
  local count = 0
  while count < limit and barrier.staged > 0 do
    local piece = Staged.next(number)
    if not piece then
      Staged.advance(row, barrier, barrier.staged, true)
      break
    end
    local nodes, seen = piece[2], barrier.stagedSeen
    local last = math.min(#nodes, seen + limit - count)
    NewJob.useLanes(piece[1])
    for index = seen + 1, last do NewJob.node(nodes[index], parent, mayRun and 0 or Hold.PARENT, 0) end
    Staged.advance(row, barrier, last - seen, last == #nodes)
    count = count + last - seen
  end
  if barrier.staged == 0 and hasMarks(barrier) then Effects.cascadeDue = 1 end
  return count
end

local due = call('ZRANGE', prefix .. 'expand', 0, parentsMax - 1)
for index = 1, #due do due[index] = tonumber(due[index]) end
Rows.fetch(due)
Barrier.fetch(due)
local count = 0
for _, number in ipairs(due) do
  if count < most then count = count + expandOne(number, most - count) end
end
local effects = Effects.answer()
Writes.flush()
return pack({ count, call('ZCARD', prefix .. 'expand') > 0 and 1 or 0, effects })
