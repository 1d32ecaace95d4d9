-- insert: puts trees in, those of one item together or not at all: what stands in the way is found before anything is put.
-- The items stand in one flat list: a plain root as its eight fields (new-job.lua), any other item as a list of [root, nodes
-- or false]. An answer: true = inserted, all of it new · [0, per tree the id of the job that it repeats or false] · [1, index
-- of the tree in the way, 1 JOB_ID_EXISTS | 2 REQUEST_ID_REUSED, id].
local Insert = {}
local stride = 8

-- What holds an id or request id: {id, number} of a stored job; {id, job} of one that this step brings, or where it stands in
-- the list of items; a memory (memories.lua) of a removed one.
local byId, byRequest, items = {}, {}, nil
-- Removed roots that are remembered, by the ids and request ids of this step's roots.
local goneById, goneByRequest = {}, {}

local function learn(names, hash, holders)
  local found, numbers = readHash(hash, names), {}
  for index = 1, #names do
    local number = tonumber(found[index])
    if number then numbers[#numbers + 1] = number end
    found[index] = number
  end
  if #numbers == 0 then return end
  Rows.fetch(numbers)
  for index = 1, #names do
    local number = found[index]
    local row = number and Rows.get(number) -- nil: removed behind the broker's back, its names are free
    if row then holders[names[index]] = { id = row.id, number = number } end
  end
end

local function learnAll()
  local ids, roots, requests = {}, {}, {}
  local function add(id, request)
    ids[#ids + 1], roots[#roots + 1] = id, id
    if request ~= '' then requests[#requests + 1] = request end
  end
  local at, size = 1, #items
  while at <= size do
    local item = items[at]
    if type(item) == 'string' then
      add(item, items[at + 7])
      at = at + stride
    else
      for _, tree in ipairs(item) do
        add(tree[1][1], tree[1][8])
        for _, node in ipairs(tree[2] or {}) do ids[#ids + 1] = node[1] end
      end
      at = at + 1
    end
  end
  learn(ids, 'id', byId)
  learn(requests, 'request', byRequest)
  goneById, goneByRequest = Memories.byIds(roots), Memories.byRequests(requests)
end

-- The holder of a name, as a table.
local function holderIn(holders, name)
  local holder = holders[name]
  if type(holder) ~= 'number' then return holder end
  return { id = items[holder], job = { unpack(items, holder, holder + stride - 1) } }
end

-- A repeat is welcome when type and payload are the same, whatever else differs.
local function isRepeat(holder, job)
  if holder.digest then return Memories.isOf(holder, NewJob.lane(job[2]).type, job[7]) end
  local type, spec
  if holder.number then
    type = Lanes.type(Rows.get(holder.number).lane)
    spec = call('HGET', prefix .. 'spec', text(holder.number))
  else
    type, spec = NewJob.lane(holder.job[2]).type, holder.job[7]
  end
  if not spec or type ~= NewJob.lane(job[2]).type then return false end
  return cmsgpack.unpack(spec)[1] == cmsgpack.unpack(job[7])[1]
end

local function remember(job)
  local holder = { id = job[1], job = job }
  byId[job[1]] = holder
  if job[8] ~= '' then byRequest[job[8]] = holder end
end

-- Who holds the id of a new root, else its request id, among what is stored, what its item brings, and what is remembered.
local function holderOf(root, brought)
  local holder = holderIn(byId, root[1]) or brought.ids[root[1]] or goneById[root[1]]
  if holder then return holder, 1 end
  if root[8] == '' then return nil end
  return brought.requests[root[8]] or holderIn(byRequest, root[8]) or goneByRequest[root[8]], 2
end

-- Takes a tree's ids into `brought`; answers the first that is taken.
local function clash(root, nodes, brought)
  local function take(job)
    if byId[job[1]] or brought.ids[job[1]] then return job[1] end
    brought.ids[job[1]] = { id = job[1], job = job }
  end
  local taken = take(root)
  for _, node in ipairs(nodes) do taken = taken or take(node) end
  if not taken and root[8] ~= '' then brought.requests[root[8]] = brought.ids[root[1]] end
  return taken
end

local function countBelow(nodes)
  local below = {}
  for index = 0, #nodes do below[index] = { children = 0, heirs = 0 } end
  for _, node in ipairs(nodes) do
    local counts = below[node[15]]
    if node[10] == Role.CHILD then counts.children = counts.children + 1 else counts.heirs = counts.heirs + 1 end
  end
  return below
end

local function isOver(counts)
  return counts.children + counts.heirs == 0
end

local function barrierFor(number, counts)
  local barrier = Barrier.make(number)
  barrier.children, barrier.heirs = counts.children, counts.heirs
  return barrier
end

local function insertNodes(root, spec, nodes)
  local below = countBelow(nodes)
  local places, barriers = { [0] = Declare.parentOf(root, spec) }, { [0] = barrierFor(root.number, below[0]) }
  for index, node in ipairs(nodes) do
    local parent, own = places[node[15]], below[index]
    local hold = node[10] == Role.CHILD and Hold.PARENT or Hold.BARRIER
    local number, place = NewJob.node(node, parent, hold, isOver(own) and 0 or 1)
    places[index] = place
    if place then barriers[index] = barrierFor(number, own) end
    local barrier = barriers[node[15]]
    if node[10] == Role.HEIR then barrier.heirList[#barrier.heirList + 1] = number end
    if node[14] ~= '' then
      barrier.keyed = 1
      Writes.include('key:' .. text(parent.number), node[14])
    end
    remember(node)
  end
end

local function insertTree(root, nodes)
  remember(root)
  local row, isDueGroup = NewJob.root(root, #nodes > 0 and 1 or 0)
  if #nodes > 0 then insertNodes(row, root[7], nodes) end
  if isDueGroup then Ending.accept(row, true) end
end

local function insertTrees(trees)
  local brought, repeats, isNew = { ids = {}, requests = {} }, {}, true
  for index, tree in ipairs(trees) do
    local root, nodes = tree[1], tree[2] or {}
    local holder, code = holderOf(root, brought)
    if holder then
      if not isRepeat(holder, root) then return { 1, index - 1, code, holder.id } end
      isNew = false
    else
      local taken = clash(root, nodes, brought)
      if taken then return { 1, index - 1, 1, taken } end
    end
    repeats[index] = holder and holder.id or false
  end
  for index, tree in ipairs(trees) do
    if not repeats[index] then insertTree(tree[1], tree[2] or {}) end
  end
  return isNew or { 0, repeats }
end

-- Inserts the plain root that stands at this place.
local function insertPlain(at)
  local id, request = items[at], items[at + 7]
  local isFree = byId[id] == nil and goneById[id] == nil
    and (request == '' or (byRequest[request] == nil and goneByRequest[request] == nil))
  if not isFree or items[at + 4] or NewJob.lane(items[at + 1]).isGroup then
    return insertTrees({ { { unpack(items, at, at + stride - 1) }, false } })
  end
  NewJob.plain(items, at)
  byId[id] = at
  if request ~= '' then byRequest[request] = at end
  return true
end

function Insert.all(list)
  local answers, at, size = {}, 1, #list
  items = list
  learnAll()
  while at <= size do
    local item = items[at]
    if type(item) == 'string' then
      answers[#answers + 1] = insertPlain(at)
      at = at + stride
    else
      answers[#answers + 1] = insertTrees(item)
      at = at + 1
    end
  end
  return answers
end

return Insert
