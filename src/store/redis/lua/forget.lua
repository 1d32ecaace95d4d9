-- forget: forgets removed roots whose time is over. ARGV[3]: packed list of ids. Answers packed true.
Memories.forget(cmsgpack.unpack(ARGV[3]))
Writes.flush(true)
return pack(true)
