-- backoff: the waits of src/core/backoff.ts, number by number, and the fingerprint of src/core/fingerprint.ts.
local Backoff = { EXPONENTIAL = 1, LINEAR = 2 }
local numberMax = 1.7976931348623157e308

-- The wait in ms after failure number `failures`; `policy` is packed [kind, initial ms, max ms, multiplier, jitter].
function Backoff.ms(policy, failures, random)
  local kind, initialMs, maxMs, multiplier, jitter = unpack(policy)
  local grown = initialMs
  if kind == Backoff.EXPONENTIAL then
    grown = initialMs * math.min(numberMax, multiplier ^ (failures - 1))
  elseif kind == Backoff.LINEAR then
    grown = initialMs * failures
  end
  return math.max(1, floor(math.min(maxMs, grown) * (1 - jitter * random) + 0.5))
end

-- The random part of item `index` of a batch that drew one seed.
function Backoff.jitterOf(seed, index)
  return (seed + index * 0.6180339887498949) % 1
end

-- FNV-1a, 64 bit, over the type's characters and a text of UTF-16 code units (little-endian); 16 hex digits.
function Backoff.fingerprint(type, text)
  local high, low, word = 0xcbf29ce4, 0x84222325, 4294967296
  local function add(unit)
    low = bit.bxor(low, unit) % word
    -- Times the prime 2^40 + 0x1b3, modulo 2^64.
    local product = low * 0x1b3
    high = (high * 0x1b3 + floor(product / word) + low * 256) % word
    low = product % word
  end
  for index = 1, #type do add(string.byte(type, index)) end
  for index = 1, #text, 2 do
    local least, most = string.byte(text, index, index + 1)
    add(least + most * 256)
  end
  return format('%08x%08x', high, low)
end

return Backoff
