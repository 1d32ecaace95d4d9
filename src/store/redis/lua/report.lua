-- report: keeps the newest progress of running jobs. ARGV[3]: packed list of [job number, nonce, bytes]. Answers packed true.
for _, item in ipairs(cmsgpack.unpack(ARGV[3])) do
  local number, nonce, bytes = unpack(item)
  local row = Rows.get(number)
  if row and row.state == State.RUNNING and row.nonce == nonce then
    Rows.touch(row)
    Writes.put('progress', number, pack({ row.attempt, now, bytes }))
  end
end
Writes.flush()
return pack(true)
