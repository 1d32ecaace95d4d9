-- settle: takes the outcomes of leases. An item is [kind, job number, nonce, kind that was sent, problem or false, ..]:
--   1 success  [.., packed result or false, nodes or false, jitter]
--   2 failure  [.., name, message, stack, fingerprint text, timed out 0|1, own wait in ms or -1, jitter]
--   3 discard  [.., name, message, stack, fingerprint text]
--   4 snooze   [.., delay in ms, jitter]
--   5 release
--   6 cancel   [.., message]
-- Its answer: the job's id = accepted, completed, nothing more to say · false = lost · [0 accepted | 1 repeated, id, recorded,
-- state, problem or false] · [2 conflict, id, recorded].
local Settle = {}
local SUCCESS = 1

-- The usual case without a row: a success that declares nothing, of a job with nothing below it. Nil: not that case.
local function complete(item, raw)
  local _, state, run, sent, recorded, edgeFlipped, propagateDue, cancel, version, attempt, session,
    updatedAt, claimedAt, ranAt, finishedAt, hold, role, policy, trigger, asResult, depth, below, reason,
    lane, priority, epoch, payloadBytes, runAt, createdAt, parent, root, id, nonce = struct.unpack(recordFormat, raw)
  if state ~= State.RUNNING or nonce ~= item[3] or cancel ~= 0 or below ~= 0 then return nil end
  local number = item[2]
  local hot = struct.pack(hotFormat, 1, State.COMPLETED, Run.SUCCEEDED, SUCCESS, Recorded.SUCCEEDED, parent ~= 0 and 1 or 0,
    0, 0, version + 1, attempt, session, now, claimedAt, now, now)
  Rows.replace(number, hot .. string.sub(raw, coldFrom))
  Writes.leave('live:' .. text(session), number)
  Writes.count(lane, State.RUNNING, -1)
  Writes.count(lane, State.COMPLETED, 1)
  if item[6] then Writes.put('result', number, item[6]) end
  if parent ~= 0 then Flips.count(parent, role, policy, State.COMPLETED, 0) end
  return id
end

local function errorOf(item)
  return { name = item[6], message = item[7], stack = item[8], text = item[9] }
end

local function endOf(item)
  local kind = item[1]
  if kind == End.FAILURE then
    return { kind = kind, error = errorOf(item), timedOut = item[10] == 1, waitMs = item[11], jitter = item[12] }
  end
  if kind == End.DISCARD then return { kind = kind, error = errorOf(item) } end
  if kind == End.SNOOZE then return { kind = kind, delayMs = item[6], jitter = item[7] } end
  if kind == End.CANCEL and item[6] ~= '' then
    return { kind = kind, error = { name = 'CANCELLED', message = item[6], stack = '' } }
  end
  return { kind = kind }
end

-- Accepts a success with all that it declares, in the general case. What cannot be stored is a failed attempt instead.
-- After a cancel nothing below the job runs: what it declares is stored, and cancelled in steps.
local function succeed(row, item)
  local nodes = item[7] or {}
  local problem = #nodes > 0 and Declare.problem(row, nodes) or nil
  if problem then
    local failure = { kind = End.FAILURE, error = Context.errors[problem], jitter = item[8] }
    return Lease.finish(row, failure, item[4], problem), problem
  end
  if item[6] then Writes.put('result', row.number, item[6]) end
  local hadBelow = row.below == 1
  local isSkipped = row.cancel ~= 0 and (hadBelow or #nodes > 0)
  Rows.touch(row)
  row.sent, row.recorded, row.problem = item[4], Recorded.SUCCEEDED, item[5]
  if #nodes > 0 then Declare.insert(row, nodes, isSkipped) end
  if isSkipped then
    Ending.endRun(row, Run.SKIPPED, row.cancel)
  else
    Ending.accept(row, hadBelow)
  end
  return Recorded.SUCCEEDED, item[5]
end

local function settleOne(item)
  local number = item[2]
  if item[1] == SUCCESS and not item[7] and not item[5] and item[4] == SUCCESS then
    local raw = Rows.untouched(number)
    local id = raw and complete(item, raw)
    if id then return id end
  end
  local row = Rows.get(number)
  if not row or row.attempt == 0 or row.nonce ~= item[3] then return false end
  if row.state ~= State.RUNNING then
    if row.sent == 0 then return false end
    if row.sent ~= item[4] then return { 2, row.id, row.recorded } end
    return { 1, row.id, row.recorded, row.state, row.problem }
  end
  local recorded, problem
  if item[1] == SUCCESS then
    recorded, problem = succeed(row, item)
  else
    recorded, problem = Lease.finish(row, endOf(item), item[4], item[5]), item[5]
  end
  return { 0, row.id, recorded, row.state, problem or false }
end

function Settle.all(items)
  local numbers, answers = {}, {}
  for index, item in ipairs(items) do numbers[index] = item[2] end
  Rows.fetch(numbers)
  for index, item in ipairs(items) do answers[index] = settleOne(item) end
  Judge.parents()
  return answers
end
