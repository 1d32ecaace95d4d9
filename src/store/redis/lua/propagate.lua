-- propagate: carries the end of at most ARGV[3] marked jobs one level up. Answers packed [count, more 0|1, effects].
local marked = call('ZRANGE', prefix .. 'propagate', 0, tonumber(ARGV[3]) - 1)
local count = 0
for index = 1, #marked do marked[index] = tonumber(marked[index]) end
Rows.fetch(marked)
for _, number in ipairs(marked) do
  local row = Rows.get(number)
  if row then
    Rows.touch(row)
    row.propagateDue, row.edgeFlipped = 0, 1
    Flips.countRow(row)
    count = count + 1
  else
    Writes.leave('propagate', number) -- removed behind the broker's back
  end
end
Judge.parents()
local effects = Effects.answer()
Writes.flush()
return pack({ count, call('ZCARD', prefix .. 'propagate') > 0 and 1 or 0, effects })
