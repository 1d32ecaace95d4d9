-- settle: takes the outcomes of leases. The items stand in one flat list: a success that declares nothing as its three fields job
-- number, nonce, packed result or false; any other item as [kind, job number, nonce, kind that was sent, problem or false, ..]:
--   1 success  [.., packed result or false, nodes or false, jitter, how many children were staged]
--   2 failure  [.., name, message, stack, fingerprint text, timed out 0|1, own wait in ms or -1, jitter]
--   3 discard  [.., name, message, stack, fingerprint text]
--   4 snooze   [.., delay in ms, jitter]
--   5 release
--   6 cancel   [.., message]
-- Its answer: the job's id = accepted, completed, nothing more to say · false = lost · [0 accepted | 1 repeated, id, recorded,
-- state, problem or false] · [2 conflict, id, recorded].
local Settle = {}
local SUCCESS = 1

local completed = { [0] = struct.pack('BBBBBBBB', 1, State.COMPLETED, Run.SUCCEEDED, SUCCESS, Recorded.SUCCEEDED, 0, 0, 0) }
completed[1] = struct.pack('BBBBBBBB', 1, State.COMPLETED, Run.SUCCEEDED, SUCCESS, Recorded.SUCCEEDED, 1, 0, 0)

-- The usual case without a row: a success that declares nothing, of a job with nothing below it. Nil: not that case.
local function complete(number, nonce, result, raw)
  local state, _, _, staged, _, _, cancel = string.byte(raw, 2, 8)
  local role, policy, _, _, _, below = string.byte(raw, coldFrom + 1, coldFrom + 6)
  if state ~= State.RUNNING or cancel + staged + below ~= 0 or Bytes.nonce(raw) ~= nonce then return nil end
  local version, _, session = struct.unpack('<I4I4I4', raw, 9)
  local lane, _, _, _, _, _, parent = struct.unpack('<I4i4I4I4ddd', raw, coldFrom + 8)
  local field, time = format('%d', number), Bytes.now
  Rows.replace(number, field, completed[parent == 0 and 0 or 1] .. struct.pack('<I4', version + 1) .. string.sub(raw, 13, 20)
    .. time .. string.sub(raw, 29, 36) .. time .. time .. string.sub(raw, coldFrom))
  Writes.leave(liveOf[session], liveMember(lane, number))
  Writes.count(lane, State.RUNNING, -1)
  Writes.count(lane, State.COMPLETED, 1)
  if result then Writes.put('result', field, result) end
  if parent == 0 then
    Writes.add(completedOf[lane], nowText, overMember(number))
  else
    Flips.count(parent, role, policy, State.COMPLETED, 0)
  end
  return Bytes.id(raw)
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

-- Why a success cannot be accepted with what it declares, or nil.
local function problemOf(row, nodes, staged)
  if staged ~= Staged.of(row).total then return 'STAGE_INCOMPLETE' end
  if #nodes + staged == 0 then return nil end
  return Declare.problem(row, Declare.sumOf(nodes))
end

-- Accepts a success with all that it declares, in the general case. What cannot be stored is a failed attempt instead.
-- After a cancel nothing below the job runs: what it declares is stored, and cancelled in steps.
local function succeed(row, item)
  local nodes, staged = item[7] or {}, item[9]
  local problem = problemOf(row, nodes, staged)
  if problem then
    local failure = { kind = End.FAILURE, error = Context.errors[problem], jitter = item[8] }
    return Lease.finish(row, failure, item[4], problem), problem
  end
  if item[6] then Writes.put('result', row.number, item[6]) end
  local hadBelow = row.below == 1
  local isSkipped = row.cancel ~= 0 and (hadBelow or #nodes + staged > 0)
  Rows.touch(row)
  if staged > 0 then Staged.accept(row) else Staged.drop(row) end
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

-- `index` counts the plain settles from 0.
local function settlePlain(number, nonce, result, index)
  local raw = Rows.untouched(number)
  local id = raw and complete(number, nonce, result, raw)
  if id then return id end
  local jitter = struct.unpack('<d', Settle.jitters, index * 8 + 1)
  return settleOne({ SUCCESS, number, nonce, SUCCESS, false, result, false, jitter, 0 })
end

function Settle.all(items)
  local numbers, answers, at, size, plain = {}, {}, 1, #items, 0
  while at <= size do
    local item = items[at]
    local isPlain = type(item) == 'number'
    numbers[#numbers + 1] = isPlain and item or item[2]
    at = at + (isPlain and 3 or 1)
  end
  Rows.fetch(numbers)
  at = 1
  while at <= size do
    local item = items[at]
    if type(item) == 'number' then
      answers[#answers + 1] = settlePlain(item, items[at + 1], items[at + 2], plain)
      at, plain = at + 3, plain + 1
    else
      answers[#answers + 1] = settleOne(item)
      at = at + 1
    end
  end
  Judge.parents()
  return answers
end

return Settle
