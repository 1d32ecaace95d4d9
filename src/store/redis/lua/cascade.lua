-- cascade: works off what was due below jobs when it began, in the order of their insertion, until ARGV[3] rows were touched:
-- brings back what a revival marked, then cancels. Answers packed [count, more 0|1, effects].
local most = tonumber(ARGV[3])

-- Those that can be brought back, and those that can be cancelled.
local ended, open = { [State.DEAD] = true, [State.CANCELLED] = true }, {}
for _, state in pairs(State) do open[state] = not isTerminal(state) end

-- Bounds a step that finds little to touch: children looked at, and parents.
local lookLeft, parentsMax = 8000, 2000

-- Children from an index on that are in one of these states and wanted, at most `limit`, each with its index; and how far it
-- looked, nil: to the end.
local function findChildren(number, from, limit, states, isWanted)
  local found, window = {}, math.min(chunk, limit)
  while true do
    local children = Barrier.children(number, from, window)
    Rows.fetch(children)
    for index, child in ipairs(children) do
      local row = states[Rows.state(child) or 0] and Rows.get(child)
      if row and isWanted(row) then
        found[#found + 1] = { row = row, index = from + index - 1 }
        if #found == limit then return found, from + index end
      end
    end
    from = from + #children
    lookLeft = lookLeft - #children
    if #children < window then return found, nil end
    if lookLeft <= 0 then return found, from end
  end
end

local function findHeirs(barrier, isWanted)
  local found = {}
  Rows.fetch(barrier.heirList)
  for _, number in ipairs(barrier.heirList) do
    local row = Rows.get(number)
    if row and isWanted(row) then found[#found + 1] = { row = row } end
  end
  return found
end

-- Children and heirs in insertion order.
local function merged(children, heirs)
  for _, heir in ipairs(heirs) do children[#children + 1] = heir end
  table.sort(children, function(one, other) return one.row.number < other.row.number end)
  return children
end

-- Brings back at most `limit` nodes below a job; the mark goes with the last.
local function bringBackBelow(row, barrier, limit)
  local scope, last = barrier.reviving, barrier.broughtLast
  local function isWanted(node)
    return node.number > last and Revive.isTarget(node, scope)
  end
  local targets, lookedTo = findChildren(row.number, barrier.broughtIndex, limit + 1, ended, isWanted)
  local isAll = lookedTo == nil
  -- Heirs are older than staged children: those before the last child that was found come back with it, or never would.
  local newest = #targets > 0 and targets[#targets].row.number or 0
  targets = merged(targets, findHeirs(barrier, function(heir)
    return isWanted(heir) and (isAll or heir.number < newest)
  end))
  local touched = math.min(limit, #targets)
  for index = 1, touched do
    local target = targets[index]
    BringBack.one(target.row, row, scope)
    barrier.broughtLast = target.row.number
    if target.index then barrier.broughtIndex = target.index + 1 end
  end
  if #targets <= limit then
    if isAll then barrier.reviving = 0 else barrier.broughtIndex = lookedTo end
  end
  Rows.touch(row)
  Barrier.touch(row.number)
  return touched
end

-- Cancels at most `limit` nodes below a job, in declaration order; the mark goes when nothing is left to touch.
local function cancelBelow(row, barrier, limit)
  local isFailFast, mode = barrier.cascade == Cascade.FAIL_FAST, Barrier.mode(row)
  local reason = isFailFast and Reason.SIBLING_FAILED or Barrier.reason(row)
  local function canCancel(node)
    return Ending.cancelling(node, mode == 'NOTHING') ~= nil
  end
  local targets, lookedTo = findChildren(row.number, barrier.seen, limit + 1, open, canCancel)
  if not isFailFast then
    targets = merged(targets, findHeirs(barrier, function(heir)
      return canCancel(heir) and (mode == 'NOTHING' or heir.trigger == Trigger.SUCCEEDED)
    end))
  end
  local touched = math.min(limit, #targets)
  local seen = barrier.seen
  for index = 1, touched do
    local target = targets[index]
    Ending.cancel(target.row, reason, mode)
    if target.index then seen = target.index + 1 end
  end
  if #targets <= limit and lookedTo == nil then
    Rows.touch(row)
    Barrier.forgetCascade(row.number)
  else
    barrier.seen = #targets > limit and seen or lookedTo
    Barrier.touch(row.number)
  end
  return touched
end

local function workBelow(number, limit)
  -- Read now: a cascade above, worked just before, may have asked for more.
  local row, barrier = Rows.get(number), Barrier.get(number)
  if not row or not barrier then
    Writes.leave('cascade', number) -- removed behind the broker's back
    return 0
  end
  local touched = 0
  if barrier.reviving > 0 then touched = bringBackBelow(row, barrier, limit) end
  if barrier.cascade > 0 and barrier.reviving == 0 and touched < limit then
    touched = touched + cancelBelow(row, barrier, limit - touched)
  end
  Flips.of(number) -- judged at the end, also when nothing flipped
  return touched
end

local due = call('ZRANGE', prefix .. 'cascade', 0, parentsMax - 1)
for index = 1, #due do due[index] = tonumber(due[index]) end
Rows.fetch(due)
Barrier.fetch(due)
local count = 0
for _, number in ipairs(due) do
  if count < most and lookLeft > 0 then count = count + workBelow(number, most - count) end
end
Judge.parents()
local effects = Effects.answer()
Writes.flush()
return pack({ count, call('ZCARD', prefix .. 'cascade') > 0 and 1 or 0, effects })
