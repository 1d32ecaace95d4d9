-- new-job: puts new jobs in. What a script gets of a job: [id, lane name's index, start, priority (false: the parent's), options
-- or false, payload bytes, spec, request id of a root or ""]; of a node besides: [.., metadata (false: the parent's), role,
-- policy, trigger, as result, key, index of its parent in a tree]. `start`: 0 now, above: at that time, below: so long after.
-- The spec of a node is completed here with [metadata, root id, parent id].
local NewJob = {}

local laneInfos = {}

-- Names of the lanes that the new jobs which come next point to.
function NewJob.useLanes(names)
  NewJob.laneNames, laneInfos = names, {}
  Lanes.learn(names)
end

local lastNumber, isNew

local function nextNumber()
  if not isNew then
    lastNumber = lastNumber or tonumber(call('HGET', prefix .. 'meta', 'job') or 0)
    isNew = true
  end
  lastNumber = lastNumber + 1
  return lastNumber
end

Writes.onFlush(function()
  if isNew then Writes.put('meta', 'job', lastNumber) end
  isNew = false
end)

local function runTime(start)
  if start < 0 then return now - start end
  return math.max(now, start)
end

-- A job that nothing but its run time holds back.
local function tell(lane, state, runAt)
  if state == State.READY then Effects.readied(lane) else Effects.dueFrom(runAt) end
end

-- What the insert of plain jobs must know of a lane of the arguments: its number is given when a job comes.
function NewJob.lane(index)
  local info = laneInfos[index]
  if info == nil then
    local type = string.match(NewJob.laneNames[index], ' (.*)$')
    info = { type = type, isGroup = type == 'conveyor.v1.Group' }
    laneInfos[index] = info
  end
  return info
end

local newReady, newScheduled = Bytes.new(State.READY), Bytes.new(State.SCHEDULED)

-- The usual case: a root with nothing below it and no options of its own, which is no group. Its fields stand in `list` from `at` on.
function NewJob.plain(list, at)
  local id, start, priority, request = list[at], list[at + 2], list[at + 3], list[at + 7]
  local info = NewJob.lane(list[at + 1])
  local lane = info.number
  if lane == nil then
    lane = Lanes.number(NewJob.laneNames[list[at + 1]])
    info.number = lane
  end
  local number = nextNumber()
  local runAt, field = now, format('%d', number)
  if start ~= 0 then runAt = runTime(start) end
  if runAt <= now then
    Writes.put('job', field, Bytes.plain(newReady, lane, priority, list[at + 5], runAt, number, id))
    Writes.add(readyOf[lane], format('%d', -priority), format('%015d%015d', runAt, number))
    Writes.count(lane, State.READY, 1)
    Effects.readied(lane)
  else
    Writes.put('job', field, Bytes.plain(newScheduled, lane, priority, list[at + 5], runAt, number, id))
    Writes.add('due', format('%d', runAt), dueMember(number, State.SCHEDULED, lane))
    Writes.count(lane, State.SCHEDULED, 1)
    Effects.dueFrom(runAt)
  end
  Writes.put('id', id, field)
  Writes.put('spec', field, list[at + 6])
  if request ~= '' then Writes.put('request', request, field) end
end

local function make(job, fields)
  local number, lane = nextNumber(), Lanes.number(NewJob.laneNames[job[2]])
  Writes.put('id', job[1], number)
  return Rows.make({
    number = number, state = fields.state, run = 0, sent = 0, recorded = 0, edgeFlipped = 0, propagateDue = 0, cancel = 0,
    version = 1, attempt = 0, session = 0, updatedAt = now, claimedAt = 0, ranAt = 0, finishedAt = 0,
    hold = fields.hold, role = fields.role, policy = fields.policy, trigger = fields.trigger, asResult = fields.asResult,
    depth = fields.depth, below = fields.below, reason = 0, lane = lane, priority = fields.priority, epoch = 0,
    payloadBytes = job[6], runAt = fields.runAt, createdAt = now, parent = fields.parent, root = fields.root or number,
    id = job[1], nonce = '', failures = 0, crashes = 0, snoozes = 0, releases = 0, delayMs = fields.delayMs,
    options = job[5], problem = false, fingerprint = false, resultOf = 0, cancelHeirs = 0, startAt = 0,
  })
end

-- Any root; a group that is due is READY until the caller accepts its run.
function NewJob.root(job, below)
  local runAt = runTime(job[3])
  local state = runAt <= now and State.READY or State.SCHEDULED
  local row = make(job, {
    state = state, hold = 0, role = Role.ROOT, policy = Policy.FAIL, trigger = Trigger.SUCCEEDED, asResult = 0, depth = 0,
    below = below, priority = job[4], runAt = runAt, parent = 0, delayMs = -1,
  })
  Writes.put('spec', row.number, job[7])
  if job[8] ~= '' then Writes.put('request', job[8], row.number) end
  local isDueGroup = state == State.READY and Lanes.isGroup(row.lane)
  if not isDueGroup then tell(row.lane, state, runAt) end
  return row, isDueGroup
end

-- What nodes below a job take from it; those that have metadata of their own do not share it.
local function placeBelow(parent, metadata)
  if metadata then return pack({ metadata, parent.rootId, parent.id }) end
  parent.place = parent.place or pack({ parent.metadata, parent.rootId, parent.id })
  return parent.place
end

local newHeld = Bytes.new(State.HELD)
local newIn = { [State.READY] = newReady, [State.SCHEDULED] = newScheduled, [State.HELD] = newHeld }

-- A node with nothing below it, no options of its own and no delay that is still to come: the most of them.
local function leaf(job, lane, state, hold, priority, runAt, parent)
  local number = nextNumber()
  local field = format('%d', number)
  Rows.replace(number, field, Bytes.node(newIn[state], job, lane, hold, priority, runAt, parent))
  Writes.put('id', job[1], field)
  Writes.count(lane, state, 1)
  if state == State.READY then
    Writes.add(readyOf[lane], format('%d', -priority), placeOf(runAt, number))
  elseif state == State.SCHEDULED then
    Writes.add('due', format('%d', runAt), dueMember(number, state, lane))
  end
  return number
end

-- A node below `parent` {number, id, root, rootId, depth, priority, metadata}: held, or (hold 0) ready or scheduled.
-- Answers its number and, if it has nodes below it, what those must know of it.
function NewJob.node(job, parent, hold, below)
  local start, priority = job[3], job[4] or parent.priority
  local runAt = hold == 0 and runTime(start) or math.max(now, start)
  local state = State.HELD
  if hold == 0 then state = runAt <= now and State.READY or State.SCHEDULED end
  local delayMs = hold ~= 0 and start < 0 and -start or -1
  local info = NewJob.lane(job[2])
  info.number = info.number or Lanes.number(NewJob.laneNames[job[2]])
  local number
  if below == 0 and not job[5] and delayMs < 0 then
    number = leaf(job, info.number, state, hold, priority, runAt, parent)
  else
    number = make(job, {
      state = state, hold = hold, role = job[10], policy = job[11], trigger = job[12], asResult = job[13],
      depth = parent.depth + 1, below = below, priority = priority, runAt = runAt, parent = parent.number,
      root = parent.root, delayMs = delayMs,
    }).number
  end
  Writes.put('spec', number, job[7] .. placeBelow(parent, job[9]))
  Writes.push(parent.chainList, number)
  if job[10] == Role.CHILD then Writes.push(parent.childList, number) end
  if hold == 0 then tell(info.number, state, runAt) end
  if below == 0 then return number end
  return number, NewJob.parent({
    number = number, id = job[1], root = parent.root, rootId = parent.rootId, depth = parent.depth + 1, priority = priority,
    metadata = job[9] or parent.metadata,
  })
end

-- Completes what nodes below a job must know of it.
function NewJob.parent(parent)
  parent.chainList, parent.childList = 'chain:' .. text(parent.root), 'child:' .. text(parent.number)
  return parent
end

return NewJob
