-- record: reads and writes a job's record; its layout is told in record.ts. The bytes that claim and settle change come first.
local Record = {}

-- Bytes 1 to 52: what changes with each lease. Then up to 108 what seldom does; then id, nonce of the newest lease, tail.
local hotFormat = '<BBBBBBBBI4I4I4dddd'
local recordFormat = hotFormat .. 'BBBBBBBBI4i4I4I4ddddBc0Bc0'
local coldFrom, idFrom = 53, 109

-- A row: the record as a table. 0 is none. `was`: what it was when it was read or last written, for the indexes.
function Record.read(number, bytes)
  local _, state, run, sent, recorded, edgeFlipped, propagateDue, cancel, version, attempt, session,
    updatedAt, claimedAt, ranAt, finishedAt, hold, role, policy, trigger, asResult, depth, below, reason,
    lane, priority, epoch, payloadBytes, runAt, createdAt, parent, root, id, nonce, tailFrom = struct.unpack(recordFormat, bytes)
  local row = {
    number = number, state = state, run = run, sent = sent, recorded = recorded, edgeFlipped = edgeFlipped,
    propagateDue = propagateDue, cancel = cancel, version = version, attempt = attempt, session = session,
    updatedAt = updatedAt, claimedAt = claimedAt, ranAt = ranAt, finishedAt = finishedAt, hold = hold, role = role,
    policy = policy, trigger = trigger, asResult = asResult, depth = depth, below = below, reason = reason, lane = lane,
    priority = priority, epoch = epoch, payloadBytes = payloadBytes, runAt = runAt, createdAt = createdAt,
    parent = parent, root = root, id = id, nonce = nonce,
    failures = 0, crashes = 0, snoozes = 0, releases = 0, delayMs = -1, options = false, problem = false,
    fingerprint = false, resultOf = 0, cancelHeirs = 0, startAt = 0, was = false, dirty = false,
  }
  if tailFrom <= #bytes then
    local tail = cmsgpack.unpack(string.sub(bytes, tailFrom))
    row.failures, row.crashes, row.snoozes, row.releases, row.delayMs = tail[1], tail[2], tail[3], tail[4], tail[5]
    row.options, row.problem, row.fingerprint, row.resultOf = tail[6], tail[7], tail[8], tail[9]
    row.cancelHeirs, row.startAt = tail[10] or 0, tail[11] or 0
  end
  return row
end

local function tailOf(row)
  local isEmpty = row.failures + row.crashes + row.snoozes + row.releases + row.resultOf + row.cancelHeirs + row.startAt == 0 and row.delayMs < 0
    and not (row.options or row.problem or row.fingerprint)
  if isEmpty then return '' end
  return pack({
    row.failures, row.crashes, row.snoozes, row.releases, row.delayMs, row.options, row.problem, row.fingerprint,
    row.resultOf, row.cancelHeirs, row.startAt,
  })
end

function Record.write(row)
  return struct.pack(recordFormat, 1, row.state, row.run, row.sent, row.recorded, row.edgeFlipped, row.propagateDue,
    row.cancel, row.version, row.attempt, row.session, row.updatedAt, row.claimedAt, row.ranAt, row.finishedAt,
    row.hold, row.role, row.policy, row.trigger, row.asResult, row.depth, row.below, row.reason,
    row.lane, row.priority, row.epoch, row.payloadBytes, row.runAt, row.createdAt, row.parent, row.root,
    #row.id, row.id, #row.nonce, row.nonce) .. tailOf(row)
end

-- Pieces of records for the loops that make many without a row: what each takes from the bytes of a record that was read.
local Bytes = { now = struct.pack('<d', now) }

-- The beginning of a new job's record: what each lease changes.
function Bytes.new(state)
  return struct.pack(hotFormat, 1, state, 0, 0, 0, 0, 0, 0, 1, 0, 0, now, 0, 0, 0)
end

local zeros = string.rep('\0', 8)

-- A plain root's record that begins so. Made in one piece, here as below, since each string that Lua makes costs by its length.
function Bytes.plain(new, lane, priority, payloadBytes, runAt, number, id)
  return struct.pack('<c52c8I4i4I4I4ddddBc0B', new, zeros, lane, priority, 0, payloadBytes, runAt, now, 0, number,
    #id, id, 0)
end

-- The record of a node `job` (new-job.lua) that has nothing below it.
function Bytes.node(new, job, lane, hold, priority, runAt, parent)
  local id = job[1]
  return struct.pack('<c52BBBBBBBBI4i4I4I4ddddBc0B', new, hold, job[10], job[11], job[12], job[13], parent.depth + 1, 0, 0,
    lane, priority, 0, job[6], runAt, now, parent.number, parent.root, #id, id, 0)
end

-- A running job's record with the mark that children are staged under its lease.
function Bytes.staged(raw)
  return string.sub(raw, 1, 4) .. string.char(1) .. string.sub(raw, 6)
end

-- Nonce of the newest lease, and where the tail begins.
function Bytes.nonce(raw)
  local from = idFrom + 1 + string.byte(raw, idFrom)
  local size = string.byte(raw, from)
  return string.sub(raw, from + 1, from + size), from + size + 1
end

function Bytes.id(raw)
  return string.sub(raw, idFrom + 1, idFrom + string.byte(raw, idFrom))
end

return Record, Bytes, coldFrom, idFrom
