-- dead-below: looks for what made a chain fail, without going through all that it has. Finds children by the index of their state,
-- in which those of others may lie between them.
local DeadBelow = {}

local window = 500
-- Bounds what one run of the script looks at.
local lookLeft = 20000

-- Calls `visit` with each child of this job in this state, in insertion order, until it answers true or too much was looked at.
local function eachChild(number, state, visit)
  local name = prefix .. 'child:' .. text(number)
  local first, last = call('LRANGE', name, 0, 0)[1], call('LRANGE', name, -1, -1)[1]
  while first and lookLeft > 0 do
    local found = call('ZRANGEBYSCORE', prefix .. 'state:' .. state, first, last, 'LIMIT', 0, window)
    for index = 1, #found do found[index] = tonumber(found[index]) end
    Rows.fetch(found)
    lookLeft = lookLeft - #found
    for _, each in ipairs(found) do
      local row = Rows.get(each)
      if row and row.parent == number and row.state == state and visit(row) then return end
    end
    first = #found == window and '(' .. text(found[window]) or nil
  end
end

local function heirsOf(number)
  local barrier = Barrier.get(number)
  local heirs = {}
  for _, each in ipairs(barrier and barrier.heirList or {}) do heirs[#heirs + 1] = Rows.get(each) end
  return heirs
end

-- Whether a dead run is reached through dead jobs. After a look at too many it says so without having found it: then a retry
-- brings back nothing, and the job is dead again.
function DeadBelow.hasDeadRun(row)
  local open, isFound = { row.number }, false
  local function visit(node)
    if node.state == State.DEAD and node.run == Run.DEAD then isFound = true
    elseif node.state == State.DEAD then open[#open + 1] = node.number end
    return isFound
  end
  while #open > 0 and not isFound do
    local number = table.remove(open)
    for _, heir in ipairs(heirsOf(number)) do visit(heir) end
    if not isFound then eachChild(number, State.DEAD, visit) end
  end
  return isFound or lookLeft <= 0
end

-- The first node below in insertion order that counts as failed, or nil.
local function firstBad(number)
  local first
  local function visit(node)
    local isBad = node.policy ~= Policy.IGNORE
      and (node.state == State.DEAD or (node.state == State.CANCELLED and (node.role == Role.CHILD or node.reason == Reason.REQUESTED)))
    if not isBad then return false end
    if not first or node.number < first.number then first = node end
    return true
  end
  for _, heir in ipairs(heirsOf(number)) do visit(heir) end
  eachChild(number, State.DEAD, visit)
  eachChild(number, State.CANCELLED, visit)
  return first
end

-- The cancelled job that made a chain fail, found along the first failed node of each level, or nil.
function DeadBelow.cancelled(row)
  local at = row
  repeat at = firstBad(at.number) until not at or at.state == State.CANCELLED
  return at
end

return DeadBelow
