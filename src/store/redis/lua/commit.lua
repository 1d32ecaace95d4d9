-- commit: the one write verb of the hot path. ARGV[3]: packed [lane names, renewals, settles, inserts, claims, jitters of the plain
-- settles in their order, 8 bytes each].
-- Answers packed [renewed, settled, inserted, claimed, effects, lanes of the leases as number and name, their queues
-- as name and settings (lanes.lua)].
local batch = cmsgpack.unpack(ARGV[3])
NewJob.useLanes(batch[1])
Settle.jitters = batch[6]

local renewed = Sessions.renewAll(batch[2])
local settled = Settle.all(batch[3])
local inserted = Insert.all(batch[4])
local claimed, laneNames, settings = {}, {}, {}
if #batch[5] > 0 then
  -- Claims read the indexes, so what came before must stand in them.
  Writes.flush()
  claimed = Claim.all(batch[5])
  laneNames, settings = Claim.lanes()
end
local answer = pack({ renewed, settled, inserted, claimed, Effects.answer(), laneNames, settings })
Writes.flush()
return answer
