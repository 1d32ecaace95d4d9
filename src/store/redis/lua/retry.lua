-- retry: revives dead jobs and pulls waiting ones forward, one after the other. ARGV[3]: packed list of [id, expected epoch or
-- false]. Answers packed [answers, effects]; an answer is false = missing, [0 retried | 1 unchanged, state, epoch], or [2 refused,
-- why, state, id of the job in the way or ""].
local Answer = { RETRIED = 0, UNCHANGED = 1, REFUSED = 2 }

local function refused(row, why, blocker)
  return { Answer.REFUSED, why, row.state, blocker and blocker.id or '' }
end

-- A group has no run of its own to be claimed: `promote` runs it.
local function pullForward(row)
  Rows.touch(row)
  if row.attempt == 0 and row.delayMs < 0 and row.startAt == 0 then row.startAt = row.runAt end
  row.runAt = now
  if Lanes.isGroup(row.lane) then Effects.dueFrom(now) else Effects.move(row, State.READY) end
end

-- The job and the terminal ones above it, from the bottom up, and the nearest ancestor that is not terminal, if any; instead of
-- them what is in the way: one above that is over for good or being stopped, or is gone (false).
local function pathOf(row)
  local path, open, at = { row }, nil, row
  while at.parent ~= 0 do
    local above = Rows.get(at.parent)
    if not above then return nil, nil, false end
    local isOver = above.state == State.COMPLETED or above.state == State.CANCELLED
    if isOver or above.cancel ~= 0 or above.run ~= Run.SUCCEEDED then return nil, nil, above end
    if not open then
      if isTerminal(above.state) then path[#path + 1] = above else open = above end
    end
    at = above
  end
  return path, open
end

-- Bounds what is looked at for one job; where more is ending, that is answer enough.
local endingMax = 2000

-- Whether a node directly below, but this one, is just being cancelled, or ended and is not yet counted.
local function hasEndingBelow(number, barrier, except)
  local function isEnding(row)
    if not row or row.parent ~= number or row.number == except then return false end
    if isTerminal(row.state) then return row.edgeFlipped == 0 end
    return Rows.isEnding(row)
  end
  for _, heir in ipairs(barrier.heirList) do
    if isEnding(Rows.get(heir)) then return true end
  end
  local name = prefix .. 'child:' .. text(number)
  local first, last = call('LRANGE', name, 0, 0)[1], call('LRANGE', name, -1, -1)[1]
  if not first then return false end
  for _, index in ipairs({ 'ending', 'propagate' }) do
    local found = call('ZRANGEBYSCORE', prefix .. index, first, last, 'LIMIT', 0, endingMax)
    if #found == endingMax then return true end
    for each = 1, #found do found[each] = tonumber(found[each]) end
    Rows.fetch(found)
    for _, each in ipairs(found) do
      if isEnding(Rows.get(each)) then return true end
    end
  end
  return false
end

-- Why nothing below this open ancestor can be revived now, or nil; `node` is the one directly below it on the way.
local function refusalOf(open, node)
  local barrier = Barrier.get(open.number)
  if not barrier then return nil end
  if barrier.judged == 1 then return 'BARRIER' end
  if barrier.cascade > 0 or barrier.reviving > 0 or hasEndingBelow(open.number, barrier, node.number) then return 'BUSY' end
  return nil
end

-- Takes back the end of the node on the way down, which its parent had counted, and marks what comes back beside it.
local function reopenAbove(row, node)
  local barrier = Barrier.get(row.number)
  Rows.touch(row)
  if barrier then
    if node.edgeFlipped == 1 then Flips.takeBack(node, barrier) end
    Revive.mark(row.number, barrier, node.role == Role.HEIR and Scope.HEIRS or Scope.CANCELLED)
  end
  if isTerminal(row.state) then
    Revive.reopen(row)
    Effects.move(row, State.AWAITING)
  end
  Flips.of(row.number)
end

-- Its run begins anew or, where that was accepted, what died below it comes back.
local function reopenRetried(row)
  local wasAccepted = row.run == Run.SUCCEEDED
  Revive.refresh(row, wasAccepted and Scope.DEAD or Scope.CANCELLED)
  Flips.of(row.number)
  if wasAccepted then
    Effects.move(row, State.AWAITING)
    return
  end
  row.runAt = now
  if row.role == Role.HEIR then Revive.runAnew(row, State.HELD, Hold.BARRIER) else Revive.runAnew(row, State.READY, 0) end
end

-- Answers a refusal, or nil once it is done.
local function revive(row)
  local path, open, above = pathOf(row)
  if not path then return refused(row, 'ANCESTOR', above) end
  local why = open and refusalOf(open, path[#path])
  if why then return refused(row, why, open) end
  if row.run == Run.SUCCEEDED and not DeadBelow.hasDeadRun(row) then
    return refused(row, 'NOTHING_DEAD', DeadBelow.cancelled(row))
  end
  if open then reopenAbove(open, path[#path]) end
  for index = #path, 2, -1 do reopenAbove(path[index], path[index - 1]) end
  reopenRetried(row)
  Judge.parents()
  return nil
end

local function retryOne(row, expected)
  local state = row.state
  local isUnchanged = state == State.READY
  if expected and row.epoch < expected then return refused(row, 'EPOCH') end
  if isUnchanged or (expected and row.epoch > expected) then return { Answer.UNCHANGED, state, row.epoch } end
  local refusal
  if state == State.SCHEDULED or state == State.RETRYING then pullForward(row)
  elseif state == State.DEAD then refusal = revive(row)
  elseif state == State.CANCELLED then refusal = refused(row, 'CANCELLED')
  else refusal = refused(row, 'STATE') end
  return refusal or { Answer.RETRIED, row.state, row.epoch }
end

local answers = {}
for index, item in ipairs(Asked.jobs(cmsgpack.unpack(ARGV[3]))) do
  answers[index] = item.row and retryOne(item.row, item.argument) or false
end
local answer = pack({ answers, Effects.answer() })
Writes.flush()
return answer
