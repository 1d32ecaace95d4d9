-- asked: the jobs that a request names by their ids.
local Asked = {}

local going, isAnyGoing = {}, nil

-- Whether the chain of this root is being removed.
function Asked.isGoing(root)
  if isAnyGoing == nil then isAnyGoing = call('ZCARD', prefix .. 'pruning') > 0 end
  if isAnyGoing and going[root] == nil then
    going[root] = #call('ZRANGEBYSCORE', prefix .. 'pruning', root, root) > 0
  end
  return going[root] == true
end

-- It is from this step on.
function Asked.setGoing(root)
  isAnyGoing, going[root] = true, true
end

-- Of a list of [id, argument] the rows with their arguments; no row: there is no such job, or its chain is being removed.
function Asked.jobs(items)
  local ids, numbers, jobs = {}, {}, {}
  for index, item in ipairs(items) do ids[index] = item[1] end
  local found = readHash('id', ids)
  for index = 1, #ids do
    found[index] = tonumber(found[index])
    if found[index] then numbers[#numbers + 1] = found[index] end
  end
  Rows.fetch(numbers)
  for index, item in ipairs(items) do
    local row = found[index] and Rows.get(found[index])
    if row and Asked.isGoing(row.root) then row = nil end
    jobs[index] = { row = row, argument = item[2] }
  end
  return jobs
end

return Asked
