-- read-job: jobs as they are answered whole.
local attemptsFirst, attemptsLast = 20, 20

-- What never changes of a job, in its two parts, and the size of them.
local function specOf(number, withPayload)
  local spec = hget('spec', number)
  if not spec then return false, false, 0 end
  local own, more = cmsgpack.unpack(spec)
  if not withPayload then own[1] = '' end
  return own, more, #spec
end

-- [number, record, both parts of its spec, packed barrier or false, lane], and the size of what was read
local function rowOf(number, record, withPayload)
  local own, more, size = specOf(number, withPayload)
  if not own then return nil, 0 end
  local barrier = byteOf(record, At.below) == 1 and hget('barrier', number) or false
  return { number, record, own, more, barrier, laneOf(record) }, size
end

-- Numbers of the attempts that are kept.
local function attemptsKept(record)
  local last, kept = wordOf(record, At.attempt), {}
  for attempt = 1, math.min(last, attemptsFirst) do kept[#kept + 1] = attempt end
  for attempt = math.max(attemptsFirst + 1, last - attemptsLast + 1), last do kept[#kept + 1] = attempt end
  return kept
end

-- [attempt, its packed entry, …] of those that have one, oldest first
local function attemptsOf(number, record)
  local kept, fields, found = attemptsKept(record), {}, {}
  for index, attempt in ipairs(kept) do fields[index] = text(number) .. '.' .. attempt end
  for index, entry in ipairs(hmget('attempt', fields)) do
    if entry then
      found[#found + 1] = kept[index]
      found[#found + 1] = entry
    end
  end
  return found
end

-- Of the number whose own result is the job's; false: none.
local function resultOf(number, record)
  local source = tailOf(record)[9] or 0
  return hget('result', text(source > 0 and source or number))
end

-- A row of `rowOf` with [.., packed result or false, attempts, [session number, packed worker, …] of all that it names, packed
-- progress or false]
local function detailOf(number, record)
  local row, size = rowOf(number, record, true)
  if row == nil then return nil, 0 end
  local attempts, workers, seen = attemptsOf(number, record), {}, {}
  local function name(session)
    if session == 0 or seen[session] then return end
    seen[session] = true
    workers[#workers + 1] = session
    workers[#workers + 1] = hget('worker', session) or false
  end
  for index = 2, #attempts, 2 do
    name(cmsgpack.unpack(attempts[index])[2])
    size = size + #attempts[index]
  end
  name(wordOf(record, At.session))
  row[7], row[8], row[9] = resultOf(number, record), attempts, workers
  row[10] = hget('progress', number)
  return row, size + (row[7] and #row[7] or 0)
end
