-- names: what never changes of jobs. Request: a list of numbers. Answers at each index [key, root id or "", parent id or ""],
-- false for what is gone; stops early when it has read much, so that fewer may be answered than asked.
local bytesMax, bytes, names = 8388608, 0, {}
for index, number in ipairs(cmsgpack.unpack(ARGV[2])) do
  local spec = hget('spec', text(number))
  if spec then
    local own, more = cmsgpack.unpack(spec)
    names[index] = { own[5], more[2] or '', more[3] or '' }
    bytes = bytes + #spec
    if bytes > bytesMax then break end
  else
    names[index] = false
  end
end
return pack(names)
