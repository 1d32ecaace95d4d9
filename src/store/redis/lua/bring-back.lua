-- bring-back: brings back one node that ended with its parent or a sibling.
local BringBack = {}

-- Its own run was accepted, also when it was asked to stop by then.
local function wasAccepted(row)
  return row.run == Run.SUCCEEDED or (row.run == Run.SKIPPED and row.attempt > 0 and row.recorded == Recorded.SUCCEEDED)
end

-- Its end is not counted at its parent any more: the parent's barrier has it as open since it was marked.
function BringBack.one(row, parent, scope)
  local isAccepted = wasAccepted(row)
  Revive.refresh(row, scope == Scope.DEAD and Scope.DEAD or Scope.CANCELLED)
  if isAccepted then
    row.run = Run.SUCCEEDED
    if row.ranAt == 0 then row.ranAt = now end
    Effects.move(row, State.AWAITING)
    local barrier = Barrier.get(row.number)
    if barrier and barrier.heirs == 0 then Ending.conclude(row, barrier) end
  elseif row.role == Role.HEIR then
    Revive.runAnew(row, State.HELD, Hold.BARRIER)
  elseif parent.run ~= Run.SUCCEEDED then
    Revive.runAnew(row, State.HELD, Hold.PARENT)
  else
    row.runAt = math.max(now, row.runAt)
    Revive.runAnew(row, row.runAt <= now and State.READY or State.SCHEDULED, 0)
  end
end

return BringBack
