-- judge: counts at the direct parents what ended below them in a step, opens barriers, gives verdicts. Nothing here climbs.
local function judgeHeirs(parent, barrier)
  local mode, hasFailed = Barrier.mode(parent), barrier.childrenBad > 0
  Rows.fetch(barrier.heirList)
  for _, number in ipairs(barrier.heirList) do
    local heir = Rows.get(number)
    if heir and heir.state == State.HELD and heir.hold == Hold.BARRIER then
      local onSuccess = heir.trigger == Trigger.SUCCEEDED
      if mode == 'NOTHING' or (mode == 'SETTLED_ONLY' and onSuccess) then
        Ending.cancel(heir, Barrier.reason(parent), mode)
      elseif heir.trigger == Trigger.SETTLED or onSuccess ~= hasFailed then
        Ending.release(heir)
      else
        Ending.endRun(heir, Run.SKIPPED, onSuccess and Reason.DEPENDENCY_FAILED or Reason.TRIGGER_NOT_MET)
      end
    end
  end
end

-- The job whose own result is the result of this one, or 0.
local function resultHeir(barrier)
  for _, number in ipairs(barrier.heirList) do
    local heir = Rows.get(number)
    if heir and heir.asResult == 1 and heir.state == State.COMPLETED then
      return heir.resultOf ~= 0 and heir.resultOf or number
    end
  end
  return 0
end

-- Everything below is terminal: the job takes its verdict.
local function verdict(row, barrier)
  if row.run == Run.DEAD then
    Ending.finish(row, State.DEAD)
  elseif row.run ~= Run.SUCCEEDED or row.cancel ~= 0 then
    if row.reason == 0 then row.reason = row.cancel end
    Ending.finish(row, State.CANCELLED)
  elseif barrier.childrenBad + barrier.heirsBad > 0 then
    row.reason = Reason.CHAIN_FAILED
    Ending.finish(row, State.DEAD)
  else
    row.resultOf = resultHeir(barrier)
    Ending.finish(row, State.COMPLETED)
  end
end

-- Opens the barrier of a job whose own run is over and that waits for no child, and ends it when nothing is open.
function Judge.conclude(row, barrier)
  if barrier.judged == 0 then
    Rows.touch(row)
    judgeHeirs(row, barrier)
    barrier.judged = 1
    Barrier.touch(row.number)
    Flips.take(row.number, barrier)
  end
  if barrier.children + barrier.heirs <= 0 then verdict(row, barrier) end
end

local function judgeParent(number)
  local failFast = Flips.of(number).failFast
  local row, barrier = Rows.get(number), Barrier.get(number)
  if not row or not barrier then
    Flips.forget(number) -- removed behind the broker's back
    return
  end
  if Flips.take(number, barrier) then Rows.touch(row) end
  if failFast and barrier.children > 0 and row.run ~= 0 and Barrier.mode(row) == 'RUN' then
    Barrier.markCascade(number, Cascade.FAIL_FAST)
  end
  if row.run == 0 or barrier.children > 0 or barrier.reviving > 0 or isTerminal(row.state) then return end
  Judge.conclude(row, barrier)
  if isTerminal(row.state) and row.parent ~= 0 then
    row.propagateDue = 1
    Effects.propagateDue = 1
  end
end

-- Judges, once each and by insertion, the parents of all that ended in this step. One that so turns terminal is marked: the
-- level above is a step of its own.
function Judge.parents()
  local numbers = Flips.parents()
  Rows.fetch(numbers)
  Barrier.fetch(numbers)
  for _, number in ipairs(numbers) do judgeParent(number) end
end
