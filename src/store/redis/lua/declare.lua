-- declare: the nodes that a success brings.
local Declare = {}

-- Where the spec was removed behind the broker's back.
local noSpec = pack({}) .. pack({ '' })

-- Why these nodes cannot be stored below a job: the first problem in a fixed order, or nil.
function Declare.problem(row, nodes)
  local limits = Context.limits
  if row.depth + 1 > limits.depthMax then return 'CHAIN_TOO_DEEP' end
  local chainNodes = call('LLEN', prefix .. 'chain:' .. text(row.root)) + #Writes.pushed('chain:' .. text(row.root)) + 1
  if chainNodes + #nodes > limits.chainNodesMax then return 'CHAIN_TOO_LARGE' end
  if #nodes > limits.declarationsMax then return 'TOO_MANY_CHILDREN' end
  local barrier = row.below == 1 and Barrier.get(row.number)
  local heirs, results = 0, 0
  if barrier then
    heirs = #barrier.heirList
    for _, number in ipairs(barrier.heirList) do
      local heir = Rows.get(number)
      if heir and heir.asResult == 1 then results = results + 1 end
    end
  end
  local keys, declared, isTwice = {}, {}, false
  for _, node in ipairs(nodes) do
    if node[10] == Role.HEIR then heirs = heirs + 1 end
    results = results + node[13]
    local key = node[14]
    if key ~= '' then
      isTwice = isTwice or declared[key] == true
      declared[key] = true
      keys[#keys + 1] = key
    end
  end
  if heirs > limits.heirsMax then return 'TOO_MANY_HEIRS' end
  if not isTwice and barrier and barrier.keyed == 1 then
    for first = 1, #keys, chunk do
      local some = { unpack(keys, first, math.min(first + chunk - 1, #keys)) }
      for _, has in ipairs(call('SMISMEMBER', prefix .. 'key:' .. text(row.number), unpack(some))) do
        if has == 1 then isTwice = true end
      end
    end
  end
  if isTwice then return 'DUPLICATE_KEY' end
  if results > 1 then return 'TREE_INVALID' end
  return nil
end

-- What nodes below a job must know of it; `spec` is its own.
function Declare.parentOf(row, spec)
  local _, place = cmsgpack.unpack(spec)
  return NewJob.parent({
    number = row.number, id = row.id, root = row.root, rootId = place[2] or row.id, depth = row.depth,
    priority = row.priority, metadata = place[1],
  })
end

-- Inserts what a job declares, after the nodes that it has: children may run unless they are held, heirs wait.
function Declare.insert(row, nodes, isHeld)
  local parent = Declare.parentOf(row, call('HGET', prefix .. 'spec', row.number) or noSpec)
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
