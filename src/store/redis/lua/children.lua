-- children: the children beside the heir that holds a live lease. Request: [job number of the lease, its nonce, type or false,
-- completed only 0|1, children seen, rows at most, bytes at most or -1]. Answers false when the lease is not live or no heir's,
-- else [[record, key, type, packed result or false, packed attempt with the last error or false], …], children seen or -1 at the end].
-- The first row counts whatever its size. Looks at a bounded number of children and bytes.
local number, nonce, type, completedOnly, seen, rowsMax, bytesMax = unpack(cmsgpack.unpack(ARGV[2]))
local lookedMax, window, readMax = 5000, 200, 8388608

local heir = hget('job', text(number))
local isLive = heir and byteOf(heir, At.state) == State.RUNNING and byteOf(heir, At.role) == Role.HEIR
  and nonceOf(heir) == nonce and doubleOf(heir, At.parent) > 0
if not isLive then return pack(false) end
local key = prefix .. 'child:' .. text(doubleOf(heir, At.parent))

local function lastError(child, record)
  if byteOf(record, At.run) ~= Run.DEAD then return false end
  local attempts = attemptsOf(child, record)
  for index = #attempts, 2, -2 do
    if #cmsgpack.unpack(attempts[index]) > 5 then return attempts[index] end
  end
  return false
end

local function isWanted(record)
  if type and typeOf(record) ~= type then return false end
  return completedOnly == 0 or byteOf(record, At.state) == State.COMPLETED
end

-- As they travel: the result's bytes and the texts of the error.
local function sizeOf(result, failure)
  local size = result and #cmsgpack.unpack(result)[2] or 0
  if failure then
    local entry = cmsgpack.unpack(failure)
    size = size + #entry[6] + #entry[7] + #entry[8]
  end
  return size
end

local rows, bytes, looked, read = {}, 0, 0, 0
while looked < lookedMax and read < readMax do
  local children = call('LRANGE', key, seen, seen + window - 1)
  for index, record in ipairs(hmget('job', children)) do
    if record and isWanted(record) then
      local child = tonumber(children[index])
      local result, failure = resultOf(child, record), lastError(child, record)
      if completedOnly == 0 or result then
        bytes = bytes + sizeOf(result, failure)
        local isFull = #rows == rowsMax or (#rows > 0 and bytesMax >= 0 and bytes > bytesMax)
        if isFull then return pack({ rows, seen }) end
        local own, _, size = specOf(child, false)
        rows[#rows + 1] = { record, own and own[5] or '', typeOf(record), result, failure }
        read = read + size + (result and #result or 0)
      end
    end
    seen, looked = seen + 1, looked + 1
    if read >= readMax then return pack({ rows, seen }) end
  end
  if #children < window then return pack({ rows, -1 }) end
end
return pack({ rows, seen })
