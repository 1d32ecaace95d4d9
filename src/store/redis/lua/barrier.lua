-- barrier: what a job knows of the nodes directly below it, and what is to be done there.
local Barrier = {}

local barriers, changed = {}, {}

-- In the order in which they are packed.
local fields = {
  'children', 'heirs', 'childrenBad', 'heirsBad', 'judged', 'cascade', 'seen', 'heirList', 'keyed', 'dead', 'deadBad',
  'cancelled', 'cancelledBad', 'reviving', 'broughtIndex', 'broughtLast', 'staged', 'stagedSeen',
}

-- What is to be done below a job: the names of the indexes that it stands in.
local function marksOf(barrier)
  local isDue = barrier.cascade > 0 or barrier.reviving > 0
  -- Nothing is done below a job before all of its staged children are there.
  return { cascade = isDue and barrier.staged == 0, expand = barrier.staged > 0 }
end

local function readBarrier(packed)
  local barrier, values = {}, cmsgpack.unpack(packed)
  for index, name in ipairs(fields) do barrier[name] = values[index] or 0 end
  barrier.marks = marksOf(barrier)
  return barrier
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
  local barrier = { marks = {} }
  for _, name in ipairs(fields) do barrier[name] = 0 end
  barrier.heirList = {}
  barriers[number], changed[number] = barrier, true
  return barrier
end

Writes.onFlush(function()
  for number in pairs(changed) do
    local barrier, values = barriers[number], {}
    for index, name in ipairs(fields) do values[index] = barrier[name] end
    Writes.put('barrier', number, pack(values))
    local marks = marksOf(barrier)
    Rows.mark('cascade', number, marks.cascade, barrier.marks.cascade)
    Rows.mark('expand', number, marks.expand, barrier.marks.expand)
    barrier.marks = marks
  end
  changed = {}
end)

-- The nodes directly below a job that are not terminal, or whose end is not yet counted, or that are still brought back.
function Barrier.open(row)
  local barrier = row.below == 1 and Barrier.get(row.number)
  return barrier and barrier.children + barrier.heirs + barrier.reviving or 0
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
  if row.run == Run.SUCCEEDED and row.cancel == 0 then return 'RUN' end
  local isCancelled = row.run == Run.SUCCEEDED or row.run == Run.CANCELLED
  return isCancelled and row.cancelHeirs == 0 and 'SETTLED_ONLY' or 'NOTHING'
end

-- The reason of what is cancelled below a job.
function Barrier.reason(row)
  local own = row.reason == 0 and row.cancel or row.reason
  if row.run == Run.DEAD or own == Reason.PARENT_FAILED then return Reason.PARENT_FAILED end
  return Reason.PARENT_CANCELLED
end

-- The nodes below are to be cancelled, in steps. BELOW replaces FAIL_FAST and begins anew; `isWider`: more than before is to go.
function Barrier.markCascade(number, kind, isWider)
  local barrier = Barrier.get(number)
  if not barrier then return end
  local isMarked = barrier.cascade > 0 and barrier.cascade <= kind
  if isMarked and not isWider then return end
  barrier.seen = 0
  Barrier.touch(number)
  if isMarked then return end
  barrier.cascade = kind
  Effects.cascadeDue = 1
end

function Barrier.forgetCascade(number)
  local barrier = Barrier.get(number)
  if not barrier or barrier.cascade == 0 then return end
  barrier.cascade, barrier.seen = 0, 0
  Barrier.touch(number)
end

return Barrier
