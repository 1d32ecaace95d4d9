-- removal: takes the jobs of ended chains out, the newest first, the root last: what is left is a whole chain down to some place.
local Removal = {}

-- Payload bytes of roots that one step may still read to remember them.
local bytesLeft = 4194304

-- Whether a step has done as much as it may, whatever its caller would allow.
function Removal.isTired()
  return bytesLeft <= 0
end

local function dropAttempts(row)
  local number, limits = text(row.number) .. '.', Context.limits
  for attempt = 1, math.min(row.attempt, limits.keptFirst) do Writes.drop('attempt', number .. text(attempt)) end
  for attempt = math.max(1, row.attempt - limits.keptLast), row.attempt do Writes.drop('attempt', number .. text(attempt)) end
end

local function removeJob(row)
  local number = row.number
  Rows.remove(row)
  Writes.drop('id', row.id)
  for _, hash in ipairs({ 'job', 'spec', 'result', 'progress', 'barrier' }) do Writes.drop(hash, number) end
  dropAttempts(row)
  if row.below == 1 then
    Writes.remove('child:' .. text(number))
    Writes.remove('key:' .. text(number))
  end
end

local function removeRoot(row, rememberedMs)
  local spec = call('HGET', prefix .. 'spec', text(row.number))
  if spec then
    local request = cmsgpack.unpack(spec)[4]
    bytesLeft = bytesLeft - #spec
    Memories.keep(row, spec, request, rememberedMs)
    if request ~= '' and call('HGET', prefix .. 'request', request) == text(row.number) then Writes.drop('request', request) end
  end
  removeJob(row)
end

-- Removes at most `most` jobs of the chain of an ended root, which is marked while it is there. Answers how many, and whether
-- the chain is gone.
function Removal.chain(root, most, rememberedMs)
  local name = 'chain:' .. text(root.number)
  local size = call('LLEN', prefix .. name)
  local count = math.min(most, size)
  local numbers = count > 0 and call('LRANGE', prefix .. name, -count, -1) or {}
  for index = 1, count do numbers[index] = tonumber(numbers[index]) end
  Rows.fetch(numbers)
  for _, number in ipairs(numbers) do
    local row = Rows.get(number)
    if row then removeJob(row) end
  end
  if count == size then Writes.remove(name) else Writes.trim(name, 0, size - count - 1) end
  if count == most then
    Writes.add('pruning', root.number, root.number)
    return count, false
  end
  removeRoot(root, rememberedMs)
  Writes.leave('pruning', root.number)
  return count + 1, true
end

return Removal
