-- time: Answers [the time in ms, how often scripts have written to this shard].
return pack({ now(), tonumber(hget('meta', 'writes') or 0) })
