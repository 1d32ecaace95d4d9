-- reap: deals with the leases of expired sessions in the order of their jobs' insertion, and ends each session with its last; then
-- takes back what living sessions have had buffered for too long. ARGV[3]: packed [max, buffered ms max, jitter].
-- Answers packed [count, more 0|1, effects, ended sessions, taken as session id, job number, nonce].
local most, bufferedMsMax, jitter = unpack(cmsgpack.unpack(ARGV[3]))

-- Bounds what one step looks at.
local sessionsMax = 1000

local function byNumber(one, other)
  return one.number < other.number
end

local function fetchRows(leases)
  local numbers = {}
  for index, lease in ipairs(leases) do numbers[index] = lease.number end
  Rows.fetch(numbers)
end

local function leaseKey(row)
  return text(row.number) .. '.' .. row.nonce
end

local function expiredSessions()
  local ids = call('ZRANGEBYSCORE', prefix .. 'expiry', '-inf', now, 'LIMIT', 0, sessionsMax)
  local sessions = {}
  local buffered = readHash('buffered', ids)
  for index, id in ipairs(ids) do
    local session = Sessions.get(id)
    if session then
      session.buffered = Sessions.bufferedSet(buffered[index])
      sessions[#sessions + 1] = session
    else
      Writes.leave('expiry', id)
    end
  end
  return sessions
end

local function endExpired()
  local leases, ended, count, sessions = {}, {}, 0, expiredSessions()
  for _, session in ipairs(sessions) do
    local numbers = Sessions.leases(session)
    session.left = #numbers
    for _, number in ipairs(numbers) do leases[#leases + 1] = { number = number, session = session } end
  end
  table.sort(leases, byNumber)
  fetchRows({ unpack(leases, 1, math.min(#leases, most, chunk)) })
  for _, lease in ipairs(leases) do
    if count == most then break end
    local session = lease.session
    local row = Sessions.leased(session, lease.number)
    session.left = session.left - 1
    if row then
      if session.buffered[leaseKey(row)] then
        Lease.giveBack(row)
      else
        Lease.finish(row, { kind = End.CRASH, jitter = Backoff.jitterOf(jitter, count) }, 0, false)
      end
      count = count + 1
    end
  end
  for _, session in ipairs(sessions) do
    if session.left == 0 then
      Sessions.remove(session)
      ended[#ended + 1] = session.id
    end
  end
  return count, ended, #sessions - #ended
end

-- Whether these bytes are of a running job that this session was leased before a time, by this nonce.
local function isLeasedBefore(raw, session, nonce, time)
  return raw and string.byte(raw, 2) == State.RUNNING and struct.unpack('<I4', raw, 17) == session.number
    and struct.unpack('<d', raw, 29) < time and Bytes.nonce(raw) == nonce
end

-- Leases of living sessions that were named as buffered, claimed too long ago. Most sessions have no lease that old.
local function staleLeases()
  local all, stale, before = call('HGETALL', prefix .. 'buffered'), {}, now - bufferedMsMax
  for index = 1, #all, 2 do
    local session = Sessions.get(all[index])
    local isAlive = session and session.expiresAt > now
    if isAlive and call('ZCOUNT', prefix .. liveOf[session.number], '-inf', '(' .. text(before)) > 0 then
      local buffered, numbers = cmsgpack.unpack(all[index + 1]), {}
      for place = 1, #buffered, 2 do numbers[#numbers + 1] = buffered[place] end
      Rows.fetch(numbers)
      for place = 1, #buffered, 2 do
        local number = buffered[place]
        if isLeasedBefore(Rows.untouched(number), session, buffered[place + 1], before) then
          stale[#stale + 1] = { number = number, session = session }
        end
      end
    end
  end
  table.sort(stale, byNumber)
  return stale
end

local count, ended, left = endExpired()
local stale, taken = staleLeases(), {}
local room = math.min(most - count, #stale)
for index = 1, room do
  local row = Rows.get(stale[index].number)
  local size = #taken
  taken[size + 1], taken[size + 2], taken[size + 3] = stale[index].session.id, row.number, row.nonce
  Lease.giveBack(row)
end
Judge.parents()
local effects = Effects.answer()
Writes.flush()
local more = (left > 0 or room < #stale) and 1 or 0
return pack({ count + room, more, effects, ended, taken })
