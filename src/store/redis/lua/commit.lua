-- commit: the one write verb of the hot path. ARGV[3]: packed [lane names, renewals, settles, inserts, claims].
-- Answers packed [renewed, settled, inserted, claimed, effects, lanes of the leases as number and name, settings of the queues
-- claimed from as queue and [..] or false].
local batch = cmsgpack.unpack(ARGV[3])
NewJob.laneNames = batch[1]
Lanes.learn(batch[1])

local renewed = Sessions.renewAll(batch[2])
local settled = Settle.all(batch[3])
local inserted = Insert.all(batch[4])
local claimed, laneNames, settings = {}, {}, {}
if #batch[5] > 0 then
  -- Claims read the indexes, so what came before must stand in them.
  Writes.flush()
  claimed = Claim.all(batch[5])
  for _, name in ipairs(batch[1]) do
    laneNames[#laneNames + 1] = Lanes.find(name) or 0
    laneNames[#laneNames + 1] = name
  end
  for _, item in ipairs(batch[5]) do
    for _, lane in ipairs(item[9]) do
      settings[#settings + 1] = lane[1]
      settings[#settings + 1] = Lanes.settings(lane[1])
    end
  end
end
local answer = pack({ renewed, settled, inserted, claimed, Effects.answer(), laneNames, settings })
Writes.flush()
return answer
