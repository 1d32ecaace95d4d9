-- rows: the jobs that a step has read, changed or made, each once, and the indexes that follow from their state.
local Rows = {}

-- By number: bytes as they are or will be in the store (false: no such job), and the row that was made of them.
local raws, rows = {}, {}
local dirty = {}

-- Reads those of these jobs that are not known yet, together.
function Rows.fetch(numbers)
  local unknown = {}
  for _, number in ipairs(numbers) do
    if raws[number] == nil then
      raws[number] = false
      unknown[#unknown + 1] = number
    end
  end
  local values = readNumbered('job', unknown)
  for index = 1, #unknown do raws[unknown[index]] = values[index] end
end

-- The bytes of a job, or false; undefined once a row was made of them and changed.
function Rows.raw(number)
  local raw = raws[number]
  if raw == nil then
    raw = call('HGET', prefix .. 'job', text(number))
    raws[number] = raw
  end
  return raw
end

-- The bytes, if they are all there is of it yet: then a loop may change them without a row.
function Rows.untouched(number)
  if rows[number] ~= nil then return nil end
  return Rows.raw(number)
end

-- The state of a job, without a row where there is none yet; nil: no such job.
function Rows.state(number)
  local row = rows[number]
  if row ~= nil then return row.state end
  local raw = Rows.raw(number)
  return raw and string.byte(raw, 2) or nil
end

-- Puts changed bytes in place; the caller sees to the indexes. No row of it must be in use. `field` is the number as text.
function Rows.replace(number, field, bytes)
  raws[number] = bytes
  Writes.put('job', field, bytes)
end

-- Open, and on its way to an end that was not its own.
function Rows.isEnding(row)
  return not isTerminal(row.state) and (row.cancel ~= 0 or row.run == Run.CANCELLED or row.run == Run.SKIPPED)
end

local function remember(row)
  row.was = {
    state = row.state, runAt = row.runAt, session = row.session, cancel = row.cancel, isEnding = Rows.isEnding(row),
    propagateDue = row.propagateDue == 1,
  }
end

function Rows.get(number)
  local row = rows[number]
  if row ~= nil then return row end
  local raw = Rows.raw(number)
  if not raw then return nil end
  row = Record.read(number, raw)
  remember(row)
  rows[number] = row
  return row
end

-- To be called with each change: the version rises once a step.
function Rows.touch(row)
  if row.dirty then return end
  row.dirty = true
  row.version = row.version + 1
  row.updatedAt = now
  dirty[#dirty + 1] = row
end

-- A new job. `row` names what is not as a plain root has it.
function Rows.make(row)
  row.dirty = true
  row.was = false
  rows[row.number] = row
  raws[row.number] = ''
  dirty[#dirty + 1] = row
  return row
end

-- Roots that have ended, by the time of their end: what retention looks at.
local over = { [State.COMPLETED] = 'over:7:', [State.DEAD] = 'over:8:', [State.CANCELLED] = 'over:9:' }

local function overOf(row, state)
  return over[state] .. Lanes.queue(row.lane)
end

-- The name of the index of completed roots, by lane.
local completedOf = setmetatable({}, {
  __index = function(self, lane)
    local name = over[State.COMPLETED] .. Lanes.queue(lane)
    self[lane] = name
    return name
  end,
})

-- As a member of such an index: those that ended at one time stand in insertion order.
local function overMember(number)
  return format('%015d', number)
end

local kept = { [State.AWAITING] = 'state:5', [State.DEAD] = 'state:8', [State.CANCELLED] = 'state:9' }

local function unindex(row, was)
  local state = was.state
  if state == State.READY then
    Writes.leave(readyOf[row.lane], placeOf(was.runAt, row.number))
  elseif state == State.SCHEDULED or state == State.RETRYING then
    Writes.leave('due', dueMember(row.number, state, row.lane))
  elseif state == State.RUNNING then
    Writes.leave(liveOf[was.session], liveMember(row.lane, row.number))
    if was.cancel ~= 0 then Writes.drop(stopOf[was.session], row.number) end
  end
  if kept[state] then Writes.leave(kept[state], row.number) end
  if row.parent == 0 and isTerminal(state) then Writes.leave(overOf(row, state), overMember(row.number)) end
end

local function index(row)
  local state = row.state
  if state == State.READY then
    Writes.add(readyOf[row.lane], -row.priority, placeOf(row.runAt, row.number))
  elseif state == State.SCHEDULED or state == State.RETRYING then
    Writes.add('due', row.runAt, dueMember(row.number, state, row.lane))
  elseif state == State.RUNNING then
    Writes.add(liveOf[row.session], row.claimedAt, liveMember(row.lane, row.number))
    if row.cancel ~= 0 then Writes.put(stopOf[row.session], row.number, row.cancel) end
  end
  if kept[state] then Writes.add(kept[state], row.number, row.number) end
  if row.parent == 0 and isTerminal(state) then Writes.add(overOf(row, state), row.finishedAt, overMember(row.number)) end
end

-- Puts a job into an index of numbers, or takes it out.
function Rows.mark(name, number, isIn, wasIn)
  if isIn and not wasIn then Writes.add(name, number, number) end
  if wasIn and not isIn then Writes.leave(name, number) end
end

local function save(row)
  local was = row.was
  local bytes = Record.write(row)
  Writes.put('job', row.number, bytes)
  raws[row.number] = bytes
  if not was then
    index(row)
    Writes.count(row.lane, row.state, 1)
  elseif was.state ~= row.state or was.runAt ~= row.runAt or was.session ~= row.session or was.cancel ~= row.cancel then
    unindex(row, was)
    index(row)
    if was.state ~= row.state then
      Writes.count(row.lane, was.state, -1)
      Writes.count(row.lane, row.state, 1)
    end
  end
  Rows.mark('propagate', row.number, row.propagateDue == 1, was and was.propagateDue)
  Rows.mark('ending', row.number, Rows.isEnding(row), was and was.isEnding)
  row.dirty = false
  remember(row)
end

-- Takes a job that ended, and that this step has not changed, out of all indexes and counters.
function Rows.remove(row)
  unindex(row, row.was)
  Writes.count(row.lane, row.state, -1)
  raws[row.number], rows[row.number] = false, nil
end

Writes.onFlush(function()
  for _, row in ipairs(dirty) do save(row) end
  dirty = {}
  -- Whoever comes after the flush begins from the bytes.
  rows = {}
end)

return Rows, completedOf, overMember
