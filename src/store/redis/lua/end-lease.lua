-- end-lease: how a lease ends other than by success: by its worker's word, by the loss of its worker, or unharmed.
local Lease = {}

local End = { FAILURE = 2, DISCARD = 3, SNOOZE = 4, RELEASE = 5, CANCEL = 6, CRASH = 7, GIVE_BACK = 8 }

-- Puts the newest attempt of a running job into history, and forgets what is no longer kept.
local function record(row, outcome, error)
  local entry = { outcome, row.session, row.claimedAt, now, row.epoch }
  if error then entry[6], entry[7], entry[8] = error.name, error.message, error.stack end
  local number = text(row.number) .. '.'
  Writes.put('attempt', number .. text(row.attempt), pack(entry))
  local forgotten = row.attempt - Context.limits.keptLast
  if forgotten > Context.limits.keptFirst then Writes.drop('attempt', number .. text(forgotten)) end
end

local function over(recorded, error, run, reason)
  return { recorded = recorded, error = error, run = run, reason = reason }
end

local function failed(row, ended)
  local options, failures = Lanes.options(row), row.failures + 1
  local recorded = ended.timedOut and Recorded.TIMED_OUT or Recorded.FAILED
  local ending = { recorded = recorded, error = ended.error, counts = 'failures' }
  if failures >= options.maxAttempts then
    ending.run, ending.reason = Run.DEAD, Reason.ATTEMPTS_EXHAUSTED
    return ending
  end
  local wait = ended.waitMs
  if wait == nil or wait < 0 then wait = Backoff.ms(options.backoff, failures, ended.jitter) end
  ending.state, ending.runAt = State.RETRYING, now + wait
  return ending
end

local function crashed(row, ended)
  local options, crashes = Lanes.options(row), row.crashes + 1
  local ending = { recorded = Recorded.CRASHED, error = Context.errors.WORKER_LOST, counts = 'crashes' }
  if crashes >= options.crashLimit then
    ending.run, ending.reason = Run.DEAD, Reason.CRASH_LIMIT
    return ending
  end
  ending.state, ending.runAt = State.RETRYING, now + Backoff.ms(options.backoff, crashes, ended.jitter)
  return ending
end

local function endingOf(row, ended)
  local kind = ended.kind
  if kind == End.FAILURE then return failed(row, ended) end
  if kind == End.DISCARD then return over(Recorded.DISCARDED, ended.error, Run.DEAD, Reason.DISCARDED) end
  if kind == End.CRASH then return crashed(row, ended) end
  if kind == End.CANCEL then return over(Recorded.CANCELLED, ended.error, Run.CANCELLED, Reason.REQUESTED) end
  if kind == End.SNOOZE then
    if row.snoozes >= Context.limits.snoozesMax then
      return failed(row, { error = Context.errors.SNOOZE_LIMIT, jitter = ended.jitter })
    end
    return { recorded = Recorded.SNOOZED, state = State.SCHEDULED, runAt = now + ended.delayMs, counts = 'snoozes' }
  end
  return { recorded = Recorded.RELEASED, state = State.READY, runAt = row.runAt, counts = 'releases' }
end

-- Ends the live lease of a running job; its attempt goes into history. `ended`: {kind, and as the kind has it error {name,
-- message, stack, text}, timedOut, waitMs (-1: the policy's), delayMs, jitter}. `sent` is 0 when the lease was taken.
-- Answers what was recorded.
function Lease.finish(row, ended, sent, problem)
  local ending = endingOf(row, ended)
  if row.cancel ~= 0 then
    -- Whatever ends a lease but a success, the job was to be cancelled, and is.
    ending = over(Recorded.CANCELLED, ending.error, Run.CANCELLED, row.cancel)
  end
  record(row, ending.recorded, ending.error)
  Rows.touch(row)
  Staged.drop(row)
  row.sent, row.recorded, row.problem = sent, ending.recorded, problem
  if ending.counts then row[ending.counts] = row[ending.counts] + 1 end
  if ending.run == nil then
    row.runAt = ending.runAt
    Effects.move(row, ending.state)
    return ending.recorded
  end
  if ending.run == Run.DEAD and ending.error then
    row.fingerprint = Backoff.fingerprint(Lanes.type(row.lane), ending.error.text)
  end
  Ending.endRun(row, ending.run, ending.reason)
  return ending.recorded
end

-- Takes a lease back that counts nothing.
function Lease.giveBack(row)
  Lease.finish(row, { kind = End.GIVE_BACK, jitter = 0 }, 0, false)
end

return Lease, End
