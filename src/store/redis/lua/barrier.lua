-- barrier: what a job knows of the nodes directly below it, what ended there in this step, and what is to be done there.
local Barrier = {}

local barriers, changed = {}, {}

local function readBarrier(packed)
  local children, heirs, childrenBad, heirsBad, judged, cascade, seen, heirList, keyed = unpack(cmsgpack.unpack(packed))
  return {
    children = children, heirs = heirs, childrenBad = childrenBad, heirsBad = heirsBad, judged = judged,
    cascade = cascade, seen = seen, heirList = heirList, keyed = keyed, wasDue = cascade > 0,
  }
end

-- Reads those of these jobs that are not known yet, together.
function Barrier.fetch(numbers)
  local unknown = {}
  for _, number in ipairs(numbers) do
    if barriers[number] == nil then unknown[#unknown + 1] = number end
  end
  local values = readNumbered('barrier', unknown)
  for index = 1, #unknown do barriers[unknown[index]] = values[index] and readBarrier(values[index]) end
end

-- Nil: the job has nothing below it, or was removed behind the broker's back.
function Barrier.get(number)
  if barriers[number] == nil then Barrier.fetch({ number }) end
  return barriers[number] or nil
end

-- To be called with each change.
function Barrier.touch(number)
  changed[number] = true
end

function Barrier.make(number)
  barriers[number] = {
    children = 0, heirs = 0, childrenBad = 0, heirsBad = 0, judged = 0, cascade = 0, seen = 0, heirList = {}, keyed = 0,
    wasDue = false,
  }
  changed[number] = true
  return barriers[number]
end

Writes.onFlush(function()
  for number in pairs(changed) do
    local barrier = barriers[number]
    Writes.put('barrier', number, pack({
      barrier.children, barrier.heirs, barrier.childrenBad, barrier.heirsBad, barrier.judged, barrier.cascade,
      barrier.seen, barrier.heirList, barrier.keyed,
    }))
    local isDue = barrier.cascade > 0
    if isDue and not barrier.wasDue then Writes.add('cascade', number, number) end
    if barrier.wasDue and not isDue then Writes.leave('cascade', number) end
    barrier.wasDue = isDue
  end
  changed = {}
end)

-- The nodes directly below a job that are not terminal, or whose end is not yet counted.
function Barrier.open(row)
  local barrier = row.below == 1 and Barrier.get(row.number)
  return barrier and barrier.children + barrier.heirs or 0
end

-- Numbers of the children, in order, those that this step adds too; `from` counts from 0, `most` is how many.
function Barrier.children(number, from, most)
  local name = 'child:' .. text(number)
  local found = call('LRANGE', prefix .. name, from, from + most - 1)
  for index = 1, #found do found[index] = tonumber(found[index]) end
  local pushed = Writes.pushed(name)
  if #pushed == 0 then return found end
  local stored = call('LLEN', prefix .. name)
  for index = math.max(0, from - stored) + 1, #pushed do
    if #found < most then found[#found + 1] = tonumber(pushed[index]) end
  end
  return found
end

-- What may still run below a job whose own run is over.
function Barrier.mode(row)
  if row.run == Run.SUCCEEDED then return row.cancel == 0 and 'RUN' or 'SETTLED_ONLY' end
  return row.run == Run.CANCELLED and 'SETTLED_ONLY' or 'NOTHING'
end

-- The reason of what is cancelled below a job.
function Barrier.reason(row)
  local own = row.reason == 0 and row.cancel or row.reason
  if row.run == Run.DEAD or own == Reason.PARENT_FAILED then return Reason.PARENT_FAILED end
  return Reason.PARENT_CANCELLED
end

-- The nodes below are to be cancelled, in steps. BELOW replaces FAIL_FAST and begins afresh.
function Barrier.markCascade(number, kind)
  local barrier = Barrier.get(number)
  if not barrier or (barrier.cascade > 0 and barrier.cascade <= kind) then return end
  barrier.cascade, barrier.seen = kind, 0
  Barrier.touch(number)
  Effects.cascadeDue = 1
end

function Barrier.forgetCascade(number)
  local barrier = Barrier.get(number)
  if not barrier or barrier.cascade == 0 then return end
  barrier.cascade, barrier.seen = 0, 0
  Barrier.touch(number)
end

-- The ends that are to be counted at each parent.
local Flips = {}
local flips = {}

-- What ended below this parent in this step. Asking makes sure that the parent is judged.
function Flips.of(parent)
  local sum = flips[parent]
  if sum == nil then
    sum = { children = 0, childrenBad = 0, heirs = 0, heirsBad = 0, failFast = false }
    flips[parent] = sum
  end
  return sum
end

-- Counts the end of a terminal node at its parent; the caller has marked its edge as flipped.
function Flips.count(parent, role, policy, state, reason)
  if parent == 0 then return end
  local sum = Flips.of(parent)
  local isBad = policy ~= Policy.IGNORE and state ~= State.COMPLETED
  if role == Role.CHILD then
    sum.children = sum.children + 1
    if isBad then
      sum.childrenBad = sum.childrenBad + 1
      if policy == Policy.FAIL_FAST and reason ~= Reason.SIBLING_FAILED then sum.failFast = true end
    end
  else
    sum.heirs = sum.heirs + 1
    if isBad and (state == State.DEAD or reason == Reason.REQUESTED) then sum.heirsBad = sum.heirsBad + 1 end
  end
end

function Flips.countRow(row)
  Flips.count(row.parent, row.role, row.policy, row.state, row.reason)
end

-- Adds what ended below a job to its barrier; nothing is left to count then.
function Flips.take(number, barrier)
  local sum = flips[number]
  if sum == nil then return end
  flips[number] = nil
  barrier.children = barrier.children - sum.children
  barrier.heirs = barrier.heirs - sum.heirs
  barrier.childrenBad = barrier.childrenBad + sum.childrenBad
  barrier.heirsBad = barrier.heirsBad + sum.heirsBad
  Barrier.touch(number)
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
