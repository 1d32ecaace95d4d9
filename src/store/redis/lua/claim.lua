-- claim: leases ready jobs to sessions. An item is [session id, epoch, nonce, again, number of the try, jobs max, bytes max
-- or -1, jobs that it has of other shards already, their bytes, lowest priority that it takes or false, lanes as [queue, jobs
-- max, indexes of lane names, room, token]].
-- Again: 0 = the first try; 1 = looks first for what an earlier one leased; 2 = goes on after such a look at all shards.
-- Room: -1 = by this shard's own limit; on several shards -2 = none where there is a limit, else what may still run, for who
-- comes with the token of the turn (turn.lua).
-- Its answer: false = gone, else the leases as a flat list of job number, record, spec.
local Claim = {}

-- The lanes of what was leased, and their queues' settings, for who reads the leases.
local leasedLanes = {}

local feeds = {}

-- The ready jobs of a lane in their order, read a piece at a time. What is taken is not offered again in this step.
local function feedOf(lane)
  local feed = feeds[lane]
  if feed == nil then
    feed = { lane = lane, entries = {}, at = 1, size = 0, from = 0, isOver = false, piece = 0 }
    feeds[lane] = feed
  end
  return feed
end

-- A place in the lane without a job: its record was removed behind the broker's back.
local function forget(lane, place)
  Writes.leave(readyOf[lane], place)
  Writes.count(lane, State.READY, -1)
end

local function readMore(feed, most)
  local places = call('ZRANGE', prefix .. readyOf[feed.lane], feed.from, feed.from + most - 1)
  feed.from = feed.from + #places
  if #places < most then feed.isOver = true end
  local fields, numbers = {}, {}
  for index = 1, #places do
    local number = numberOfPlace(places[index])
    numbers[index], fields[index] = number, format('%d', number)
  end
  local records, size = readHash('job', fields), 0
  local entries = {}
  for index = 1, #places do
    local raw = records[index]
    if raw and string.byte(raw, 2) ~= State.READY then
      Writes.leave(readyOf[feed.lane], places[index]) -- a leftover of who changed the store by hand
    elseif raw then
      size = size + 1
      entries[size] = { number = numbers[index], field = fields[index], place = places[index], raw = raw, lane = feed.lane }
    else
      forget(feed.lane, places[index])
    end
  end
  feed.entries, feed.at, feed.size = entries, 1, size
end

-- The next job of the lane, or nil. The first piece that is read has `piece` jobs, each further one twice as many.
local function peek(feed, piece)
  while feed.at > feed.size do
    if feed.isOver then return nil end
    feed.piece = math.min(500, math.max(piece, feed.piece * 2))
    readMore(feed, feed.piece)
  end
  return feed.entries[feed.at]
end

local priorityFrom, payloadBytesFrom = 65, 73

-- Whether one job's turn is before another's: priority (higher first), run time, insertion.
local function isBefore(one, other)
  if one.priority ~= other.priority then return one.priority > other.priority end
  return one.place < other.place
end

-- A heap of feeds by the turn of their next job: the first one stands at 1.
local function sink(heap, at)
  local size = #heap
  while true do
    local least, left, right = at, at * 2, at * 2 + 1
    if left <= size and isBefore(heap[left].head, heap[least].head) then least = left end
    if right <= size and isBefore(heap[right].head, heap[least].head) then least = right end
    if least == at then return end
    heap[at], heap[least] = heap[least], heap[at]
    at = least
  end
end

local function setHead(feed, entry)
  if entry and not entry.priority then entry.priority = struct.unpack('<i4', entry.raw, priorityFrom) end
  feed.head = entry
end

local function heapOf(lanes, piece)
  local heap = {}
  for _, lane in ipairs(lanes) do
    local feed = feedOf(lane)
    setHead(feed, peek(feed, piece))
    if feed.head then heap[#heap + 1] = feed end
  end
  for at = floor(#heap / 2), 1, -1 do sink(heap, at) end
  return heap
end

-- Puts the first feed, from which a job was taken, into its place again.
local function refill(heap, piece)
  local feed = heap[1]
  setHead(feed, peek(feed, piece))
  if not feed.head then
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  if #heap > 1 then sink(heap, 1) end
end

-- Jobs of limited queues that this step has taken.
local takenOf = {}

-- How many more jobs of the queue may run.
local function roomOf(queue, room, token)
  local settings = Lanes.settings(queue)
  if not settings then return math.huge end
  if settings[1] then return 0 end
  if not settings[2] then return math.huge end
  if room == -1 then return math.max(0, settings[2] - Lanes.running(queue)) end
  if room < 0 or tonumber(call('HGET', prefix .. 'fence', queue) or 0) ~= token then return 0 end
  return math.max(0, room - (takenOf[queue] or 0))
end

local function pickFrom(asked, most, picks)
  local lanes, seen = {}, {}
  for _, index in ipairs(asked) do
    local lane = Lanes.find(NewJob.laneNames[index])
    if lane and not seen[lane] then
      seen[lane] = true
      lanes[#lanes + 1] = lane
    end
  end
  if most <= 0 then return false end
  local piece = math.max(1, math.ceil(math.min(most, 500) / math.max(1, #lanes)))
  local heap = heapOf(lanes, piece)
  for taken = 0, most - 1 do
    if taken > 0 then refill(heap, piece) end
    local feed = heap[1]
    if not feed then return false end
    local entry = feed.head
    local bytes = struct.unpack('<I4', entry.raw, payloadBytesFrom)
    if picks.priorityMin and entry.priority < picks.priorityMin then return false end
    if picks.count > 0 and picks.bytesMax >= 0 and picks.bytes + bytes > picks.bytesMax then return true end
    feed.at = feed.at + 1
    picks.count, picks.bytes, picks.size = picks.count + 1, picks.bytes + bytes, picks.size + 1
    picks.entries[picks.size] = entry
    -- Counted here, so that the room of the next lane is right.
    Writes.count(entry.lane, State.READY, -1)
    Writes.count(entry.lane, State.RUNNING, 1)
  end
  return false
end

local function withoutProblem(tail)
  if tail == '' then return tail end
  local fields = cmsgpack.unpack(tail)
  fields[7] = false
  return pack(fields)
end

local running, never = struct.pack('BBBBBBBB', 1, State.RUNNING, 0, 0, 0, 0, 0, 0), struct.pack('<dd', 0, 0)

-- `lease`: the nonce as the record has it.
local function take(entry, session, lease)
  local raw = entry.raw
  local version, attempt = struct.unpack('<I4I4', raw, 9)
  local _, tailFrom = Bytes.nonce(raw)
  local bytes = running .. struct.pack('<I4I4I4', version + 1, attempt + 1, session.number) .. Bytes.now .. Bytes.now .. never
    .. string.sub(raw, coldFrom, idFrom + string.byte(raw, idFrom)) .. lease .. withoutProblem(string.sub(raw, tailFrom))
  local field = entry.field
  leasedLanes[entry.lane] = true
  Rows.replace(entry.number, field, bytes)
  Writes.leave(readyOf[entry.lane], entry.place)
  Writes.add(liveOf[session.number], nowText, liveMember(entry.lane, entry.number))
  return bytes
end

-- What an earlier claim with this nonce leased and the session still holds.
local function claimedBefore(session, nonce)
  local leases, numbers = {}, Sessions.leases(session)
  Rows.fetch(numbers)
  local mine = {}
  for _, number in ipairs(numbers) do
    local raw = Rows.raw(number)
    if raw then
      local row = Record.read(number, raw)
      if row.state == State.RUNNING and row.nonce == nonce then
        mine[#mine + 1] = number
        leasedLanes[row.lane] = true
      end
    end
  end
  local specs = readNumbered('spec', mine)
  for index, number in ipairs(mine) do
    if specs[index] then
      local size = #leases
      leases[size + 1], leases[size + 2], leases[size + 3] = number, Rows.raw(number), specs[index]
    end
  end
  return leases
end

local function claimOne(item)
  local session = Sessions.live(item[1], item[2])
  if not session then return false end
  local nonce = item[3]
  local isNewest = Sessions.enter(session, nonce, item[5], item[4])
  if item[4] == 1 or not isNewest then
    local before = claimedBefore(session, nonce)
    if #before > 0 or not isNewest then return before end
  end
  local picks = { entries = {}, size = 0, count = item[8], bytes = item[9], bytesMax = item[7], priorityMin = item[10] }
  for _, lane in ipairs(item[11]) do
    local queue, before = lane[1], picks.count
    local most = math.min(lane[2], item[6] - before, roomOf(queue, lane[4], lane[5]))
    local isFull = pickFrom(lane[3], most, picks)
    takenOf[queue] = (takenOf[queue] or 0) + picks.count - before
    if isFull then break end
  end
  local fields, leases, size = {}, {}, 0
  for index, entry in ipairs(picks.entries) do fields[index] = entry.field end
  local specs, lease = readHash('spec', fields), struct.pack('Bc0', #nonce, nonce)
  for index, entry in ipairs(picks.entries) do
    if specs[index] then
      leases[size + 1], leases[size + 2], leases[size + 3] = entry.number, take(entry, session, lease), specs[index]
      size = size + 3
    else
      -- No payload, no job.
      Writes.count(entry.lane, State.RUNNING, -1)
      Writes.leave(readyOf[entry.lane], entry.place)
    end
  end
  return leases
end

-- What tells the names and options of the leases: lanes as number and name, their queues as name and settings or false.
function Claim.lanes()
  local names, settings = {}, {}
  for lane in pairs(leasedLanes) do
    local queue = Lanes.queue(lane)
    names[#names + 1], names[#names + 2] = lane, Lanes.name(lane)
    settings[#settings + 1], settings[#settings + 2] = queue, Lanes.settings(queue)
  end
  return names, settings
end

function Claim.all(items)
  local answers = {}
  for index, item in ipairs(items) do answers[index] = claimOne(item) end
  return answers
end

return Claim
