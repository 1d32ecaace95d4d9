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
  -- One that has run, or was pulled forward, has another run time by now than the one that it was to start at.
  local startAt = node.startAt == 0 and node.attempt == 0 and node.runAt or node.startAt
  node.runAt = node.delayMs >= 0 and now + node.delayMs or math.max(now, startAt)
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
  Ending.conclude(row, barrier)
end

-- Judges a job whose own run is over, unless it waits for children or what a revival brings back; its edge flips with its end.
function Ending.conclude(row, barrier)
  if barrier.children > 0 or barrier.reviving > 0 then return end
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

-- What cancelling does to a job, with all heirs below it or not: nil = nothing, else ASK, WIDEN (it was asked before, now the
-- heirs go too) or END. Once done it does nothing more.
function Ending.cancelling(row, heirs)
  local state = row.state
  if isTerminal(state) then return nil end
  if state == State.RUNNING then
    if row.cancel == 0 then return 'ASK' end
    return heirs and row.cancelHeirs == 0 and 'WIDEN' or nil
  end
  if state ~= State.AWAITING then return 'END' end
  local mode = Barrier.mode(row)
  if mode == 'RUN' then return 'ASK' end
  return mode == 'SETTLED_ONLY' and heirs and 'WIDEN' or nil
end

local function tellToStop(row)
  local session = sessionId(row.session)
  if not session then return end
  local cancels = Effects.cancels
  cancels[#cancels + 1] = { session, row.number, row.nonce, row.cancel }
end

-- Cancels one job as its parent's mode asks, or a request with all heirs: a waiting one's run is over, a running one is asked to
-- stop, one that waits for what is below it has that cancelled. The first reason stays. Answers whether it changed anything.
function Ending.cancel(row, reason, mode, includeHeirs)
  local heirs = includeHeirs or mode == 'NOTHING'
  local kind = Ending.cancelling(row, heirs)
  if kind == nil then return false end
  Rows.touch(row)
  if heirs then row.cancelHeirs = 1 end
  if kind == 'END' then
    Ending.endRun(row, mode == 'NOTHING' and Run.SKIPPED or Run.CANCELLED, reason)
    return true
  end
  if kind == 'ASK' then row.cancel = reason end
  if row.state == State.AWAITING then
    Barrier.markCascade(row.number, Cascade.BELOW, kind == 'WIDEN')
  elseif kind == 'ASK' then
    tellToStop(row)
  end
  return true
end

function Ending.finish(row, state)
  finish(row, state)
end

return Ending, Judge
