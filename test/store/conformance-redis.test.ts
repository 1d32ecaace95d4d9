import { allCases } from "./conformance/all-cases.ts";
import { runCases } from "./conformance/run-cases.ts";
import { redisEngine } from "./engines/redis.ts";

runCases({ engine: redisEngine({ shards: 1 }), cases: allCases, concurrency: 4 });
