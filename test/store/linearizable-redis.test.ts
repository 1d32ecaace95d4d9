import { redisEngine } from "./engines/redis.ts";
import { proveLinearizable } from "./linear/prove.ts";

proveLinearizable(redisEngine({ shards: 1 }));
