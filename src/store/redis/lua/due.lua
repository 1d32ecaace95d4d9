-- due: what upkeep would find here. Answers [jobs that are due, run time of the next one or -1, jobs marked to propagate, jobs with
-- a due cascade, expired sessions, sessions with buffered leases, the time, jobs whose staged children are to be put in,
-- chains that are being removed].
local first = call('ZRANGE', prefix .. 'due', 0, 0, 'WITHSCORES')
local time = now()
return pack({
  call('ZCOUNT', prefix .. 'due', '-inf', time),
  first[2] and tonumber(first[2]) or -1,
  call('ZCARD', prefix .. 'propagate'),
  call('ZCARD', prefix .. 'cascade'),
  call('ZCOUNT', prefix .. 'expiry', '-inf', time),
  call('HLEN', prefix .. 'buffered'),
  time,
  call('ZCARD', prefix .. 'expand'),
  call('ZCARD', prefix .. 'pruning'),
})
