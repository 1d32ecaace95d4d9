-- staged: children that were sent before their parent's success: kept invisible under its lease, then accepted with it, and put
-- into the chain in steps.
local Staged = {}

local known = {}

local function framesOf(number) return 'frame:' .. text(number) end
local function keysOf(number) return 'stagedkey:' .. text(number) end

-- What is staged under the live lease of a running job: {seq of the last frame, total, keyed, keys that this step added}.
function Staged.of(row)
  local entry = known[row.number]
  if entry == nil then
    local packed = row.recorded == 1 and call('HGET', prefix .. 'staged', text(row.number))
    local seq, total, keyed = 0, 0, 0
    if packed then seq, total, keyed = unpack(cmsgpack.unpack(packed)) end
    entry = { seq = seq, total = total, keyed = keyed, added = {} }
    known[row.number] = entry
  end
  return entry
end

-- Whether a child with one of these keys is staged.
function Staged.hasKey(row, keys)
  local entry = Staged.of(row)
  for _, key in ipairs(keys) do
    if entry.added[key] then return true end
  end
  return entry.keyed == 1 and hasMember(keysOf(row.number), keys)
end

-- Keeps one frame: packed pieces of [lane names, nodes]. Nothing else of the job changes but the mark in its record.
function Staged.keep(row, seq, count, keys, pieces)
  local entry, field = Staged.of(row), text(row.number)
  for _, piece in ipairs(pieces) do Writes.push(framesOf(row.number), piece) end
  for _, key in ipairs(keys) do
    entry.added[key], entry.keyed = true, 1
    Writes.include(keysOf(row.number), key)
  end
  entry.seq, entry.total = seq, entry.total + count
  Writes.put('staged', field, pack({ entry.seq, entry.total, entry.keyed }))
  if row.recorded == 1 then return end
  row.recorded = 1
  Rows.replace(row.number, field, Bytes.staged(Rows.raw(row.number)))
end

local function forget(row)
  local entry = Staged.of(row)
  known[row.number] = nil
  Writes.drop('staged', row.number)
  if entry.keyed == 1 then Writes.remove(keysOf(row.number)) end
  return entry.total
end

-- The lease of a running job ended without them.
function Staged.drop(row)
  if row.recorded ~= 1 then return end
  forget(row)
  Writes.remove(framesOf(row.number))
end

local waiting = {}

-- Accepted nodes that are not yet in the chain of this root.
local function waitingIn(root)
  if waiting[root] == nil then waiting[root] = tonumber(call('HGET', prefix .. 'waiting', text(root)) or 0) end
  return waiting[root]
end

local function countWaiting(root, by)
  waiting[root] = waitingIn(root) + by
  if waiting[root] > 0 then Writes.put('waiting', root, text(waiting[root])) else Writes.drop('waiting', root) end
end

-- The success came: they are counted as children, and come into the chain later.
function Staged.accept(row)
  local total = forget(row)
  local barrier = row.below == 1 and Barrier.get(row.number) or Barrier.make(row.number)
  row.below = 1
  barrier.children, barrier.staged, barrier.stagedSeen = barrier.children + total, total, 0
  Barrier.touch(row.number)
  countWaiting(row.root, total)
  Effects.expandDue = 1
end

-- Pieces of each job that this step has finished.
local finished = {}

-- Of accepted nodes the piece that comes next as [lane names, nodes]; nil: it was removed behind the broker's back.
function Staged.next(number)
  local at = finished[number] or 0
  local piece = call('LRANGE', prefix .. framesOf(number), at, at)[1]
  return piece and cmsgpack.unpack(piece)
end

-- So many more nodes of the piece are in the chain; `isWhole`: that were its last.
function Staged.advance(row, barrier, count, isWhole)
  barrier.staged = math.max(0, barrier.staged - count)
  barrier.stagedSeen = isWhole and 0 or barrier.stagedSeen + count
  if isWhole then
    finished[row.number] = (finished[row.number] or 0) + 1
    Writes.trim(framesOf(row.number), finished[row.number], -1)
  end
  Barrier.touch(row.number)
  countWaiting(row.root, -count)
end

-- Jobs of a chain, those included that are accepted and not yet in it.
function Staged.chainNodes(root)
  local name = 'chain:' .. text(root)
  return call('LLEN', prefix .. name) + #Writes.pushed(name) + 1 + waitingIn(root)
end

return Staged
