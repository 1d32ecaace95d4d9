-- queue: changes what is set for a queue. ARGV[3]: packed [queue, changes as index (lanes.lua) and value or false].
local queue, changes = unpack(cmsgpack.unpack(ARGV[3]))
local settings = Lanes.settings(queue) or { false }
for index = #settings + 1, 9 do settings[index] = false end
for index = 1, #changes, 2 do settings[changes[index]] = changes[index + 1] end
Writes.put('queue', queue, pack(settings))
Writes.flush()
return pack(true)
