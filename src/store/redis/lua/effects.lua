-- effects: what a step did beyond its answers.
local Effects = { propagateDue = 0, cascadeDue = 0, expandDue = 0, dueAt = -1, cancels = {} }

local readied, ended, endedOrder = {}, {}, {}

-- Lanes that got claimable jobs.
function Effects.readied(lane)
  readied[lane] = true
end

function Effects.dueFrom(runAt)
  if Effects.dueAt < 0 or runAt < Effects.dueAt then Effects.dueAt = runAt end
end

-- A job's own run ended, or it turned terminal: told once, with its last state.
function Effects.ended(row)
  if ended[row.number] then return end
  ended[row.number] = true
  endedOrder[#endedOrder + 1] = row
end

-- Moves a job to a state, and tells and counts what follows from it.
function Effects.move(row, state)
  Rows.touch(row)
  row.state = state
  if state == State.READY then
    Effects.readied(row.lane)
  elseif state == State.SCHEDULED or state == State.RETRYING then
    Effects.dueFrom(row.runAt)
  elseif isTerminal(state) then
    row.finishedAt = now
    row.cancel, row.cancelHeirs = 0, 0
    Effects.ended(row)
  end
end

-- Says how a job's own run ended.
function Effects.ran(row, run)
  Rows.touch(row)
  row.run = run
  row.ranAt = now
  Effects.ended(row)
end

-- [readied lanes by name, ended as id and state, cancels, propagate due, cascade due, due at or -1, expand due]
function Effects.answer()
  local lanes, ids = {}, {}
  for lane in pairs(readied) do lanes[#lanes + 1] = Lanes.name(lane) end
  for _, row in ipairs(endedOrder) do
    ids[#ids + 1] = row.id
    ids[#ids + 1] = row.state
  end
  return { lanes, ids, Effects.cancels, Effects.propagateDue, Effects.cascadeDue, Effects.dueAt, Effects.expandDue }
end

return Effects
