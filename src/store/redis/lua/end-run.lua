-- end-run: how the own run of a job ends, and what that means for its own edge and what is held below it.
local Ending = {}
-- Filled by judge.lua.
local Judge = {}

local function finish(row, state)
  Effects.move(row, state)
  if row.below == 1 then Barrier.forgetCascade(row.number) end
end

-- Makes a job terminal and counts its end at its parent.
local function finishAndFlip(row, state)
  finish(row, state)
  row.edgeFlipped = row.parent ~= 0 and 1 or 0
  Flips.countRow(row)
end

-- Ends a job's own run as dead, cancelled or skipped: it is terminal and its edge flips, unless something below it is open:
-- that is cancelled in steps, and the job is judged by the last of them.
function Ending.endRun(row, run, reason)
  Effects.ran(row, run)
  row.hold, row.reason = 0, reason
  if Barrier.open(row) > 0 then
    Barrier.markCascade(row.number, Cascade.BELOW)
    Effects.move(row, State.AWAITING)
  else
    finishAndFlip(row, run == Run.DEAD and State.DEAD or State.CANCELLED)
  end
end

-- Makes a held node claimable, now or at its time; a delay counts from here.
function Ending.release(node)
  node.hold = 0
  node.runAt = node.delayMs >= 0 and now + node.delayMs or math.max(now, node.runAt)
  Effects.move(node, node.runAt <= now and State.READY or State.SCHEDULED)
end

local function releaseChildren(number)
  local from = 0
  repeat
    local children = Barrier.children(number, from, chunk)
    Rows.fetch(children)
    for _, child in ipairs(children) do
      local row = Rows.get(child)
      if row and row.state == State.HELD and row.hold == Hold.PARENT then Ending.release(row) end
    end
    from = from + #children
  until #children < chunk
end

-- A job's own run was accepted: frees the children that waited for it (`hasHeld`), has its heirs judged when there are no
-- children, and completes it when nothing is below it.
function Ending.accept(row, hasHeld)
  Effects.ran(row, Run.SUCCEEDED)
  local barrier = row.below == 1 and Barrier.get(row.number)
  if not barrier then
    finishAndFlip(row, State.COMPLETED)
    return
  end
  Effects.move(row, State.AWAITING)
  if hasHeld then releaseChildren(row.number) end
  if barrier.children > 0 then return end
  Judge.conclude(row, barrier)
  if isTerminal(row.state) then
    row.edgeFlipped = row.parent ~= 0 and 1 or 0
    Flips.countRow(row)
  end
end

local sessionIds = {}

-- The id of a session by its number, also after its end.
local function sessionId(number)
  if sessionIds[number] == nil then
    local packed = call('HGET', prefix .. 'worker', number)
    sessionIds[number] = packed and cmsgpack.unpack(packed)[1] or false
  end
  return sessionIds[number]
end

-- Cancels one job as its parent's mode asks: a waiting one's run is over, a running one is asked to stop, one that waits for
-- what is below it has that cancelled. The first reason stays; repeating it changes nothing.
function Ending.cancel(row, reason, mode)
  if isTerminal(row.state) then return end
  if row.state == State.RUNNING then
    if row.cancel ~= 0 then return end
    Rows.touch(row)
    row.cancel = reason
    local session = sessionId(row.session)
    if session then
      local cancels = Effects.cancels
      cancels[#cancels + 1] = { session, row.number, row.nonce, reason }
    end
  elseif row.state == State.AWAITING then
    if row.run ~= Run.SUCCEEDED or row.cancel ~= 0 then return end
    Rows.touch(row)
    row.cancel = reason
    Barrier.markCascade(row.number, Cascade.BELOW)
  else
    Ending.endRun(row, mode == 'NOTHING' and Run.SKIPPED or Run.CANCELLED, reason)
  end
end

-- Whether `cancel` would change this job.
function Ending.canCancel(row)
  local state = row.state
  if isTerminal(state) then return false end
  if state == State.RUNNING then return row.cancel == 0 end
  if state == State.AWAITING then return row.run == Run.SUCCEEDED and row.cancel == 0 end
  return true
end

function Ending.finish(row, state)
  finish(row, state)
end
