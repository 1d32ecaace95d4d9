-- flips: the ends of nodes as their parents count them, summed per parent over a step.
local Flips = {}
local flips = {}

-- Ends that a barrier keeps apart; `dead` and `cancelled` (not by request) are children of any policy, what a revival may bring back.
local kinds = { 'childrenBad', 'heirsBad', 'dead', 'deadBad', 'cancelled', 'cancelledBad' }

-- Adds the bad end of a node to these counts, or (`by` -1) takes it away.
local function tally(counts, by, role, policy, state, reason)
  local isBad = policy ~= Policy.IGNORE
  local function add(kind)
    counts[kind] = counts[kind] + by
    if isBad then counts[kind .. 'Bad'] = counts[kind .. 'Bad'] + by end
  end
  if role ~= Role.CHILD then
    if isBad and (state == State.DEAD or reason == Reason.REQUESTED) then counts.heirsBad = counts.heirsBad + by end
    return
  end
  if isBad then counts.childrenBad = counts.childrenBad + by end
  if state == State.DEAD then add('dead') elseif reason ~= Reason.REQUESTED then add('cancelled') end
end

-- What ended below this parent in this step. Asking makes sure that the parent is judged.
function Flips.of(parent)
  local sum = flips[parent]
  if sum == nil then
    sum = { children = 0, heirs = 0, failFast = false }
    for _, kind in ipairs(kinds) do sum[kind] = 0 end
    flips[parent] = sum
  end
  return sum
end

-- Counts the end of a terminal node at its parent; the caller has marked its edge as flipped.
function Flips.count(parent, role, policy, state, reason)
  if parent == 0 then return end
  local sum = Flips.of(parent)
  if role == Role.CHILD then sum.children = sum.children + 1 else sum.heirs = sum.heirs + 1 end
  if state == State.COMPLETED then return end
  tally(sum, 1, role, policy, state, reason)
  if role == Role.CHILD and policy == Policy.FAIL_FAST and reason ~= Reason.SIBLING_FAILED then sum.failFast = true end
end

function Flips.countRow(row)
  Flips.count(row.parent, row.role, row.policy, row.state, row.reason)
end

-- Takes back that the end of this terminal node was counted at its parent: it is open there again.
function Flips.takeBack(row, barrier)
  if row.role == Role.CHILD then barrier.children = barrier.children + 1 else barrier.heirs = barrier.heirs + 1 end
  if row.state ~= State.COMPLETED then tally(barrier, -1, row.role, row.policy, row.state, row.reason) end
  Barrier.touch(row.parent)
end

-- Adds what ended below a job to its barrier; nothing is left to count then. Answers whether anything had.
function Flips.take(number, barrier)
  local sum = flips[number]
  if sum == nil then return false end
  flips[number] = nil
  barrier.children = barrier.children - sum.children
  barrier.heirs = barrier.heirs - sum.heirs
  for _, kind in ipairs(kinds) do barrier[kind] = barrier[kind] + sum[kind] end
  Barrier.touch(number)
  return sum.children + sum.heirs > 0
end

-- The parents in the order of insertion.
function Flips.parents()
  local numbers = {}
  for number in pairs(flips) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  return numbers
end

function Flips.forget(number)
  flips[number] = nil
end

return Flips
