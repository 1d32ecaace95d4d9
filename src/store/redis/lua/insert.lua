-- insert: puts trees in, those of one item together or not at all: what stands in the way is found before anything is put.
-- An item is a root (new-job.lua), plain; or a list of [root, nodes or false]. Its answer: true = inserted, all of it new ·
-- [0, per tree the id of the job that it repeats or false] · [1, index of the tree in the way, 1 JOB_ID_EXISTS | 2
-- REQUEST_ID_REUSED, id].
local Insert = {}

-- What holds an id or request id: {id, number} of a stored job, {id, job} of one that this step brings.
local byId, byRequest = {}, {}

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

local function learnAll(items)
  local ids, requests = {}, {}
  local function add(job)
    ids[#ids + 1] = job[1]
    if job[8] ~= '' then requests[#requests + 1] = job[8] end
  end
  for _, item in ipairs(items) do
    if type(item[1]) == 'string' then
      add(item)
    else
      for _, tree in ipairs(item) do
        add(tree[1])
        for _, node in ipairs(tree[2] or {}) do ids[#ids + 1] = node[1] end
      end
    end
  end
  learn(ids, 'id', byId)
  learn(requests, 'request', byRequest)
end

local function typeOf(laneName)
  return string.match(laneName, '[^ ]*$')
end

-- A repeat is welcome when type and payload are the same, whatever else differs.
local function isRepeat(holder, job)
  local laneName, spec
  if holder.number then
    laneName = Lanes.name(Rows.get(holder.number).lane)
    spec = call('HGET', prefix .. 'spec', holder.number)
  else
    laneName, spec = NewJob.laneNames[holder.job[2]], holder.job[7]
  end
  if not spec or typeOf(laneName) ~= typeOf(NewJob.laneNames[job[2]]) then return false end
  return cmsgpack.unpack(spec)[1] == cmsgpack.unpack(job[7])[1]
end

local function remember(job)
  local holder = { id = job[1], job = job }
  byId[job[1]] = holder
  if job[8] ~= '' then byRequest[job[8]] = holder end
end

-- Who holds the id of a new root, else its request id, among what is stored and what its item brings.
local function holderOf(root, brought)
  local holder = byId[root[1]] or brought.ids[root[1]]
  if holder then return holder, 1 end
  if root[8] == '' then return nil end
  return brought.requests[root[8]] or byRequest[root[8]], 2
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
    local place = NewJob.node(node, parent, hold, isOver(own) and 0 or 1)
    places[index] = place
    if not isOver(own) then barriers[index] = barrierFor(place.number, own) end
    local barrier = barriers[node[15]]
    if node[10] == Role.HEIR then barrier.heirList[#barrier.heirList + 1] = place.number end
    if node[14] ~= '' then
      barrier.keyed = 1
      Writes.include('key:' .. text(parent.number), node[14])
    end
    remember(node)
  end
end

local function insertTree(root, nodes)
  remember(root)
  if #nodes == 0 and not root[5] and typeOf(NewJob.laneNames[root[2]]) ~= 'conveyor.v1.Group' then
    NewJob.plain(root)
    return
  end
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

local function insertItem(item)
  if type(item[1]) ~= 'string' then return insertTrees(item) end
  local isFree = not byId[item[1]] and (item[8] == '' or not byRequest[item[8]])
  if not isFree then return insertTrees({ { item, false } }) end
  insertTree(item, {})
  return true
end

function Insert.all(items)
  local answers = {}
  learnAll(items)
  for index, item in ipairs(items) do answers[index] = insertItem(item) end
  return answers
end
