-- cancel: cancels jobs by request, one after the other. ARGV[3]: packed list of [id, with all heirs 0|1].
-- Answers packed [answers, effects]; an answer is false = missing, or [state, changed 0|1].
local answers = {}
for index, item in ipairs(Asked.jobs(cmsgpack.unpack(ARGV[3]))) do
  local row = item.row
  if row then
    local isChanged = Ending.cancel(row, Reason.REQUESTED, 'RUN', item.argument == 1)
    Judge.parents()
    answers[index] = { row.state, isChanged and 1 or 0 }
  else
    answers[index] = false
  end
end
local answer = pack({ answers, Effects.answer() })
Writes.flush()
return answer
