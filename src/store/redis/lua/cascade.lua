-- cascade: works off the cascades that were due when it began, in the order of their jobs' insertion, until ARGV[3] rows were
-- touched. Answers packed [count, more 0|1, effects].
local most = tonumber(ARGV[3])

-- Bounds a step that finds little to touch: children looked at, and parents.
local lookLeft, parentsMax = 20000, 2000

local function canCancel(number)
  local row = Rows.get(number)
  return row and Ending.canCancel(row)
end

-- Open children after those seen to, at most `limit`, each with its index; and how far it looked, nil: to the end.
local function openChildren(number, from, limit)
  local open = {}
  while true do
    local children = Barrier.children(number, from, chunk)
    Rows.fetch(children)
    for index, child in ipairs(children) do
      if canCancel(child) then
        open[#open + 1] = { number = child, index = from + index - 1 }
        if #open == limit then return open, from + index end
      end
    end
    from = from + #children
    lookLeft = lookLeft - #children
    if #children < chunk then return open, nil end
    if lookLeft <= 0 then return open, from end
  end
end

local function openHeirs(barrier, mode)
  local open = {}
  Rows.fetch(barrier.heirList)
  for _, number in ipairs(barrier.heirList) do
    if canCancel(number) and (mode == 'NOTHING' or Rows.get(number).trigger == Trigger.SUCCEEDED) then
      open[#open + 1] = { number = number }
    end
  end
  return open
end

-- Cancels at most `limit` nodes below one job, in declaration order; the mark goes when nothing is left to touch.
local function cascadeBelow(number, limit)
  -- Read now: a cascade above, worked just before, may have asked for more.
  local row, barrier = Rows.get(number), Barrier.get(number)
  if not row or not barrier then
    Writes.leave('cascade', number) -- removed behind the broker's back
    return 0
  end
  if barrier.cascade == 0 then return 0 end
  local isFailFast, mode = barrier.cascade == Cascade.FAIL_FAST, Barrier.mode(row)
  local reason = isFailFast and Reason.SIBLING_FAILED or Barrier.reason(row)
  local targets, lookedTo = openChildren(number, barrier.seen, limit + 1)
  if not isFailFast then
    for _, heir in ipairs(openHeirs(barrier, mode)) do targets[#targets + 1] = heir end
    table.sort(targets, function(one, other) return one.number < other.number end)
  end
  local touched = math.min(limit, #targets)
  local seen = barrier.seen
  for index = 1, touched do
    local target = targets[index]
    Ending.cancel(Rows.get(target.number), reason, mode)
    if target.index then seen = target.index + 1 end
  end
  if #targets <= limit and lookedTo == nil then
    Barrier.forgetCascade(number)
  else
    barrier.seen = #targets > limit and seen or lookedTo
    Barrier.touch(number)
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
  if count < most and lookLeft > 0 then count = count + cascadeBelow(number, most - count) end
end
Judge.parents()
local effects = Effects.answer()
Writes.flush()
return pack({ count, call('ZCARD', prefix .. 'cascade') > 0 and 1 or 0, effects })
