-- sweep: forgets the workers of ended sessions that no job's history names any more, in rounds: a round goes through all jobs
-- there are, a piece a run, and notes the sessions they name; what had ended before it began and was not noted goes then.
-- ARGV[3]: jobs to look at. Answers packed how many were forgotten.
local most = tonumber(ARGV[3])

-- Bounds what the end of a round forgets in one run.
local endedMax = 500

local function readRound()
  local values = readHash('sweep', { 'next', 'last', 'since', 'kept' })
  return { next = tonumber(values[1]), last = tonumber(values[2]), since = tonumber(values[3]), kept = tonumber(values[4]) }
end

local function saveRound(round)
  for name, value in pairs(round) do Writes.put('sweep', name, text(value)) end
end

local function beginRound()
  Writes.remove('used')
  local meta = readHash('meta', { 'low', 'job' })
  return { next = tonumber(meta[1] or 1), last = tonumber(meta[2] or 0), since = now, kept = 0 }
end

local function note(session)
  if session > 0 then Writes.include('used', session) end
end

local function noteHistory(row)
  local limits, fields = Context.limits, {}
  for attempt = 1, row.attempt do
    if attempt <= limits.keptFirst or attempt > row.attempt - limits.keptLast then
      fields[#fields + 1] = text(row.number) .. '.' .. text(attempt)
    end
  end
  for _, entry in ipairs(readHash('attempt', fields)) do
    if entry then note(cmsgpack.unpack(entry)[2]) end
  end
end

local function lookAtJobs(round)
  local numbers = {}
  for number = round.next, math.min(round.last, round.next + most - 1) do numbers[#numbers + 1] = number end
  Rows.fetch(numbers)
  for _, number in ipairs(numbers) do
    local row = Rows.get(number)
    if row and row.attempt > 0 then
      note(row.session)
      noteHistory(row)
    end
  end
  round.next = round.next + #numbers
end

-- Answers how many were forgotten; the round is over when all were seen to.
local function forgetUnused(round)
  local found = call('ZRANGEBYSCORE', prefix .. 'ended', '-inf', '(' .. text(round.since), 'LIMIT', round.kept, endedMax)
  if #found == 0 then
    Writes.remove('sweep')
    return 0
  end
  local forgotten = 0
  for index, isUsed in ipairs(call('SMISMEMBER', prefix .. 'used', unpack(found))) do
    if isUsed == 0 then
      Writes.drop('worker', found[index])
      Writes.leave('ended', found[index])
      forgotten = forgotten + 1
    end
  end
  round.kept = round.kept + #found - forgotten
  saveRound(round)
  return forgotten
end

local round, forgotten = readRound(), 0
if not round.next and call('ZCARD', prefix .. 'ended') > 0 then round = beginRound() end
if round.next then
  if round.next <= round.last then
    lookAtJobs(round)
    saveRound(round)
  else
    forgotten = forgetUnused(round)
  end
  Writes.flush()
end
return pack(forgotten)
