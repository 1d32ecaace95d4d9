-- sessions: the registrations of workers on this shard.
local Sessions = {}

local known = {}

-- Bounds how many nonces a session remembers.
local fencedMax = 16

-- {id, number, epoch, expiresAt, principal, fenced}, or nil when it ended or never was.
function Sessions.get(id)
  if known[id] == nil then
    local packed = call('HGET', prefix .. 'session', id)
    known[id] = false
    if packed then
      local number, epoch, expiresAt, principal, fenced = unpack(cmsgpack.unpack(packed))
      known[id] = {
        id = id, number = number, epoch = epoch, expiresAt = expiresAt, principal = principal, fenced = fenced or {},
      }
    end
  end
  return known[id] or nil
end

-- The session, when it is there and the caller's epoch is its newest.
function Sessions.live(id, epoch)
  local session = Sessions.get(id)
  return session and session.epoch == epoch and session or nil
end

function Sessions.save(session)
  known[session.id] = session
  local fields = { session.number, session.epoch, session.expiresAt, session.principal }
  if #session.fenced > 0 then fields[5] = session.fenced end
  Writes.put('session', session.id, pack(fields))
  Writes.add('expiry', session.expiresAt, session.id)
end

-- Whether this try of a call may change anything. Once a call was sent again, an earlier try, should it come only then, must do
-- nothing, since nobody waits for it: a claim would lease jobs to nobody, a resume shut its successor out. Calls are told apart
-- by their nonces, tries numbered by who sends them; `again` as in claim.lua, else 1.
function Sessions.enter(session, nonce, try, again)
  local fenced, place = session.fenced, nil
  for index = 1, #fenced, 2 do
    if fenced[index] == nonce then place = index end
  end
  if place and (again == 0 or try <= fenced[place + 1]) then return false end
  if again == 0 then return true end
  if not place then
    place = #fenced + 1
    fenced[place] = nonce
  end
  fenced[place + 1] = try
  if #fenced > fencedMax * 2 then
    table.remove(fenced, 1)
    table.remove(fenced, 1)
  end
  Sessions.save(session)
  return true
end

function Sessions.remove(session)
  known[session.id] = false
  Writes.drop('session', session.id)
  Writes.drop('buffered', session.id)
  Writes.leave('expiry', session.id)
  Writes.add('ended', now, session.number)
end

-- Replaces the leases that the worker named as buffered: a flat list of job number and nonce.
function Sessions.buffer(id, leases)
  if #leases > 0 then Writes.put('buffered', id, pack(leases)) else Writes.drop('buffered', id) end
end

-- A set of "<number>.<nonce>" of such a list, packed or nil.
function Sessions.bufferedSet(packed)
  local set = {}
  local list = packed and cmsgpack.unpack(packed) or {}
  for index = 1, #list, 2 do set[text(list[index]) .. '.' .. list[index + 1]] = true end
  return set
end

local members = {}

-- Numbers of these members of a session's `live`, in insertion order.
function Sessions.numbersOf(found)
  local numbers = {}
  for index = 1, #found do
    local number = numberOfPlace(found[index])
    numbers[index], members[number] = number, found[index]
  end
  table.sort(numbers)
  return numbers
end

-- Numbers of the jobs that a session has leased, in insertion order.
function Sessions.leases(session)
  return Sessions.numbersOf(call('ZRANGE', prefix .. liveOf[session.number], 0, -1))
end

-- The running job of this number, when the session has its lease; else the index is wrong and is put right.
function Sessions.leased(session, number)
  local row = Rows.get(number)
  if row and row.state == State.RUNNING and row.session == session.number then return row end
  Writes.leave(liveOf[session.number], members[number])
  -- Removed behind the broker's back.
  if not row then Writes.count(tonumber(string.sub(members[number], 1, 51)), State.RUNNING, -1) end
  return nil
end

-- Leases whose job should be stopped: flat list of number, nonce, reason.
local function cancelsOf(session)
  local asked = call('HKEYS', prefix .. stopOf[session.number])
  if #asked == 0 then return {} end
  for index = 1, #asked do asked[index] = tonumber(asked[index]) end
  table.sort(asked)
  Rows.fetch(asked)
  local cancels = {}
  for _, number in ipairs(asked) do
    local row = Rows.get(number)
    if row and row.state == State.RUNNING and row.session == session.number and row.cancel ~= 0 then
      cancels[#cancels + 1] = number
      cancels[#cancels + 1] = row.nonce
      cancels[#cancels + 1] = row.cancel
    else
      Writes.drop(stopOf[session.number], number)
    end
  end
  return cancels
end

-- Items [id, epoch, ttl ms, buffered leases]; answers false = gone, else the cancels.
function Sessions.renewAll(items)
  local answers = {}
  for index, item in ipairs(items) do
    local session = Sessions.live(item[1], item[2])
    if session then
      session.expiresAt = now + item[3]
      Sessions.save(session)
      Sessions.buffer(session.id, item[4])
    end
    answers[index] = session and cancelsOf(session) or false
  end
  return answers
end

return Sessions
