-- remove: removes chains by their roots, at most so many jobs in all; a chain that is not gone then is marked for `prune`.
-- ARGV[3]: packed [max, how long to remember in ms, roots]; a root is its id, or its number to go on with one that is marked.
-- Answers a packed list: false = missing, [0 removed, count, more 0|1, number], [1 open, state], [2 below, id of the root].
local most, rememberedMs, roots = unpack(cmsgpack.unpack(ARGV[3]))

local function rootIdOf(row)
  local spec = call('HGET', prefix .. 'spec', text(row.number))
  local _, place = cmsgpack.unpack(spec or pack({}) .. pack({}))
  return place[2] or ''
end

local function removeFrom(row)
  local count, isGone = Removal.chain(row, Removal.isTired() and 0 or most, rememberedMs)
  most = most - count
  if not isGone then Asked.setGoing(row.number) end
  return { 0, count, isGone and 0 or 1, row.number }
end

local function removeById(id)
  local row = Asked.jobs({ { id } })[1].row
  if not row then return false end
  if row.parent ~= 0 then return { 2, rootIdOf(row) } end
  if not isTerminal(row.state) then return { 1, row.state } end
  return removeFrom(row)
end

local answers = {}
for index, root in ipairs(roots) do
  if type(root) == 'string' then
    answers[index] = removeById(root)
  else
    local row = Asked.isGoing(root) and Rows.get(root)
    answers[index] = row and removeFrom(row)
  end
end
Writes.flush(true)
return pack(answers)
