-- stage: keeps frames of children under the leases of running jobs. ARGV[3]: packed list of [job number, nonce, seq, nodes, keys,
-- pieces of packed [lane names, nodes]]. Answers a packed list: false = lost, [0 staged, total], [1 gap, expected seq],
-- [2 refused, problem].
local answers = {}
for index, item in ipairs(cmsgpack.unpack(ARGV[3])) do
  local number, nonce, seq, count, keys, pieces = unpack(item)
  local row = Rows.get(number)
  if not row or row.state ~= State.RUNNING or row.nonce ~= nonce then
    answers[index] = false
  else
    local staged = Staged.of(row)
    local problem = seq == staged.seq + 1 and Declare.problem(row, Declare.sumOfKeys(count, keys))
    if problem then
      answers[index] = { 2, problem }
    elseif seq > staged.seq + 1 then
      answers[index] = { 1, staged.seq + 1 }
    else
      if seq == staged.seq + 1 then Staged.keep(row, seq, count, keys, pieces) end
      answers[index] = { 0, staged.total }
    end
  end
end
Writes.flush()
return pack(answers)
