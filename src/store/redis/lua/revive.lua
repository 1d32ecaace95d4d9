-- revive: takes back the ends of jobs, and counts and marks what comes back below them.
local Revive = {}

-- Whether a revival of this scope brings the ended node back.
function Revive.isTarget(row, scope)
  if row.role == Role.CHILD and scope == Scope.HEIRS then return false end
  if row.state == State.CANCELLED then return row.reason ~= Reason.REQUESTED end
  return row.state == State.DEAD and scope == Scope.DEAD
end

-- Children that come back, and how many of them counted as failed, as the barrier has kept count of them.
local function childTargets(barrier, scope)
  if scope == Scope.HEIRS then return 0, 0 end
  local count, bad = barrier.cancelled, barrier.cancelledBad
  barrier.cancelled, barrier.cancelledBad = 0, 0
  if scope == Scope.DEAD then
    count, bad = count + barrier.dead, bad + barrier.deadBad
    barrier.dead, barrier.deadBad = 0, 0
  end
  return count, bad
end

local function heirTargets(barrier, scope)
  local count, bad = 0, 0
  Rows.fetch(barrier.heirList)
  for _, number in ipairs(barrier.heirList) do
    local heir = Rows.get(number)
    if heir and Revive.isTarget(heir, scope) then
      count = count + 1
      if heir.state == State.DEAD and heir.policy ~= Policy.IGNORE then bad = bad + 1 end
    end
  end
  return count, bad
end

-- Counts what is to come back below a job as open from now on, and marks the job; `cascade` brings it back in steps.
function Revive.mark(number, barrier, scope)
  local children, childrenBad = childTargets(barrier, scope)
  local heirs, heirsBad = heirTargets(barrier, scope)
  barrier.children, barrier.childrenBad = barrier.children + children, barrier.childrenBad - childrenBad
  barrier.heirs, barrier.heirsBad = barrier.heirs + heirs, barrier.heirsBad - heirsBad
  barrier.judged = 0
  if children + heirs > 0 then
    barrier.reviving, barrier.broughtIndex, barrier.broughtLast = scope, 0, 0
    Effects.cascadeDue = 1
  end
  Barrier.touch(number)
end

-- A success has no row in history as long as the record says all of it: with the next epoch it no longer does.
local function keepNewestAttempt(row)
  if row.attempt == 0 or row.recorded ~= Recorded.SUCCEEDED then return end
  local field = text(row.number) .. '.' .. text(row.attempt)
  if call('HGET', prefix .. 'attempt', field) then return end
  Writes.put('attempt', field, pack({ row.recorded, row.session, row.claimedAt, row.ranAt, row.epoch }))
end

-- Takes back the end of a job; its state is for the caller to move.
function Revive.reopen(row)
  Rows.touch(row)
  keepNewestAttempt(row)
  row.epoch = row.epoch + 1
  row.reason, row.finishedAt, row.resultOf, row.edgeFlipped, row.propagateDue = 0, 0, 0, 0, 0
end

-- As it was before it ever ran, but for its history; what is to come back below it is marked.
function Revive.refresh(row, scope)
  Revive.reopen(row)
  row.failures, row.crashes, row.snoozes, row.cancel, row.cancelHeirs, row.fingerprint = 0, 0, 0, 0, 0, false
  local barrier = row.below == 1 and Barrier.get(row.number)
  if barrier then Revive.mark(row.number, barrier, scope) end
end

-- A refreshed job's own run begins anew.
function Revive.runAnew(row, state, hold)
  row.run, row.ranAt, row.hold = 0, 0, hold
  Effects.move(row, state)
end

return Revive
