-- find: how jobs stand. Request: a list of ids. Answers at each index [number, state, run, version], or false.
local ids = cmsgpack.unpack(ARGV[2])
local found, numbers, places = {}, {}, {}
for index, number in ipairs(hmget('id', ids)) do
  found[index] = false
  if number then
    numbers[#numbers + 1] = number
    places[#places + 1] = index
  end
end
for index, record in ipairs(hmget('job', numbers)) do
  if record then
    found[places[index]] = { tonumber(numbers[index]), byteOf(record, At.state), byteOf(record, At.run),
      wordOf(record, At.version) }
  end
end
return pack(found)
