-- declare: the nodes that a success brings.
local Declare = {}

-- Where the spec was removed behind the broker's back.
local noSpec = pack({}) .. pack({ '' })

local function isTwiceIn(keys)
  local seen = {}
  for _, key in ipairs(keys) do
    if seen[key] then return true end
    seen[key] = true
  end
  return false
end

-- What children ask of their parent: {count, children, heirs, results, keys, isTwice: one of the keys stands there twice}.
function Declare.sumOfKeys(count, keys)
  return { count = count, children = count, heirs = 0, results = 0, keys = keys, isTwice = isTwiceIn(keys) }
end

-- As sumOfKeys, for nodes of any kind.
function Declare.sumOf(nodes)
  local keys, heirs, results = {}, 0, 0
  for _, node in ipairs(nodes) do
    if node[10] == Role.HEIR then heirs = heirs + 1 end
    results = results + node[13]
    if node[14] ~= '' then keys[#keys + 1] = node[14] end
  end
  local sum = Declare.sumOfKeys(#nodes, keys)
  sum.children, sum.heirs, sum.results = #nodes - heirs, heirs, results
  return sum
end

local function resultsBelow(barrier)
  local results = 0
  for _, number in ipairs(barrier.heirList) do
    local heir = Rows.get(number)
    if heir and heir.asResult == 1 then results = results + 1 end
  end
  return results
end

-- Why nodes of this sum cannot be stored below a running job beside what is there and what is staged: the first problem in a
-- fixed order, or nil.
function Declare.problem(row, sum)
  local limits, staged = Context.limits, Staged.of(row).total
  if row.depth + 1 > limits.depthMax then return 'CHAIN_TOO_DEEP' end
  if Staged.chainNodes(row.root) + staged + sum.count > limits.chainNodesMax then return 'CHAIN_TOO_LARGE' end
  local barrier = row.below == 1 and Barrier.get(row.number)
  local children = barrier and call('LLEN', prefix .. 'child:' .. text(row.number)) or 0
  if sum.count > limits.declarationsMax or children + staged + sum.children > limits.childrenMax then
    return 'TOO_MANY_CHILDREN'
  end
  if sum.heirs + (barrier and #barrier.heirList or 0) > limits.heirsMax then return 'TOO_MANY_HEIRS' end
  local isStatic = barrier and barrier.keyed == 1 and hasMember('key:' .. text(row.number), sum.keys)
  if sum.isTwice or isStatic or Staged.hasKey(row, sum.keys) then return 'DUPLICATE_KEY' end
  if sum.results + (barrier and resultsBelow(barrier) or 0) > 1 then return 'TREE_INVALID' end
  return nil
end

-- What nodes below a job must know of it; `spec` is its own.
function Declare.parentOf(row, spec)
  local _, place = cmsgpack.unpack(spec or noSpec)
  return NewJob.parent({
    number = row.number, id = row.id, root = row.root, rootId = place[2] or row.id, depth = row.depth,
    priority = row.priority, metadata = place[1],
  })
end

-- Inserts what a job declares, after the nodes that it has: children may run unless they are held, heirs wait.
function Declare.insert(row, nodes, isHeld)
  local parent = Declare.parentOf(row, call('HGET', prefix .. 'spec', row.number))
  local barrier = row.below == 1 and Barrier.get(row.number) or Barrier.make(row.number)
  row.below = 1
  for _, node in ipairs(nodes) do
    if node[10] == Role.HEIR then
      barrier.heirs = barrier.heirs + 1
      barrier.heirList[#barrier.heirList + 1] = NewJob.node(node, parent, Hold.BARRIER, 0)
    else
      NewJob.node(node, parent, isHeld and Hold.PARENT or 0, 0)
      barrier.children = barrier.children + 1
    end
  end
  Barrier.touch(row.number)
end

return Declare
