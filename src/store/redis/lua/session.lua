-- session: opens, resumes, detaches and closes. ARGV[3]: packed, one of
--   [1 open, id, principal, worker, instance id, ttl ms]            -> true; the same again is the same session
--   [2 resume, id, principal, ttl ms, held as number, nonce, buffered 0|1, epoch or 0, nonce of the call, number of the try,
--     again 0|1]
--       -> false = gone, or a later try of this call was here; or [epoch, kept as number, record, lost as number, nonce, effects, now, lanes, queues' settings]
--   [3 detach, id, epoch, grace ms]                                 -> true
--   [4 close, id, epoch]                                            -> [count, effects]
-- A resume without an epoch raises it; with one it follows another shard, and changes nothing where a newer one came before.
local request = cmsgpack.unpack(ARGV[3])
local operation, id = request[1], request[2]

local function open(principal, worker, instanceId, ttlMs)
  if Sessions.get(id) then return true end
  local number = tonumber(call('HGET', prefix .. 'meta', 'session') or 0) + 1
  Writes.put('meta', 'session', number)
  Writes.put('worker', number, pack({ id, principal, worker, instanceId, now }))
  Sessions.save({ id = id, number = number, epoch = 1, expiresAt = now + ttlMs, principal = principal, fenced = {} })
  return true
end

-- What TypeScript needs to tell of kept leases: names of their lanes by number, settings of their queues.
local function namesOf(rows)
  local names, settings, seen = {}, {}, {}
  for _, row in ipairs(rows) do
    if not seen[row.lane] then
      seen[row.lane] = true
      names[#names + 1], names[#names + 2] = row.lane, Lanes.name(row.lane)
      settings[#settings + 1], settings[#settings + 2] = Lanes.queue(row.lane), Lanes.settings(Lanes.queue(row.lane))
    end
  end
  return names, settings
end

local function resume(principal, ttlMs, held, epoch, nonce, try, again)
  local session = Sessions.get(id)
  if not session or session.principal ~= principal then return false end
  if not Sessions.enter(session, nonce, try, again) then return false end
  local isOverdue = epoch ~= 0 and epoch < session.epoch
  if not isOverdue then
    session.epoch = epoch ~= 0 and epoch or session.epoch + 1
    session.expiresAt = now + ttlMs
  end
  local missing, order, buffered = {}, {}, {}
  for index = 1, #held, 3 do
    local key = text(held[index]) .. '.' .. held[index + 1]
    if not missing[key] then order[#order + 1] = key end
    missing[key] = { held[index], held[index + 1] }
    if held[index + 2] == 1 then
      buffered[#buffered + 1] = held[index]
      buffered[#buffered + 1] = held[index + 1]
    end
  end
  local rows, kept, lost = {}, {}, {}
  local numbers = Sessions.leases(session)
  Rows.fetch(numbers)
  for _, number in ipairs(numbers) do
    local row = Sessions.leased(session, number)
    local key = row and text(number) .. '.' .. row.nonce
    if row and missing[key] then
      missing[key] = nil
      rows[#rows + 1] = row
      kept[#kept + 1], kept[#kept + 2] = number, Record.write(row)
    elseif row and not isOverdue then
      Lease.giveBack(row)
    end
  end
  for _, key in ipairs(order) do
    if missing[key] then lost[#lost + 1], lost[#lost + 2] = missing[key][1], missing[key][2] end
  end
  if not isOverdue then
    Sessions.save(session)
    Sessions.buffer(id, buffered)
  end
  Judge.parents()
  local names, settings = namesOf(rows)
  return { session.epoch, kept, lost, Effects.answer(), now, names, settings }
end

local function detach(epoch, graceMs)
  local session = Sessions.live(id, epoch)
  if session then
    session.expiresAt = math.min(session.expiresAt, now + graceMs)
    Sessions.save(session)
  end
  return true
end

local function close(epoch)
  local session = Sessions.live(id, epoch)
  if not session then return { 0, Effects.answer() } end
  local numbers, count = Sessions.leases(session), 0
  Rows.fetch(numbers)
  for _, number in ipairs(numbers) do
    local row = Sessions.leased(session, number)
    if row then
      Lease.giveBack(row)
      count = count + 1
    end
  end
  Sessions.remove(session)
  Judge.parents()
  return { count, Effects.answer() }
end

local operations = { open, resume, detach, close }
local answer = pack(operations[operation](unpack(request, 3)))
Writes.flush()
return answer
