-- remembered: which removed roots still answer repeats. Request: a list of ids. Answers 1 or 0 at each index.
local answers, time = {}, now()
for index, packed in ipairs(hmget('gone', cmsgpack.unpack(ARGV[2]))) do
  answers[index] = packed and cmsgpack.unpack(packed)[4] > time and 1 or 0
end
return pack(answers)
