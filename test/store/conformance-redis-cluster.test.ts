import { barrierCases } from "./conformance/barrier.ts";
import { claimCases } from "./conformance/claim.ts";
import { declarationCases } from "./conformance/declarations.ts";
import { insertCases } from "./conformance/insert.ts";
import { leaseCases } from "./conformance/leases.ts";
import { nestingCases } from "./conformance/nesting.ts";
import { outcomeCases } from "./conformance/outcomes.ts";
import { repeatCases } from "./conformance/repeats.ts";
import { runCases } from "./conformance/run-cases.ts";
import { twoBrokerClaimCases } from "./conformance/two-brokers-claims.ts";
import { twoBrokerOutcomeCases } from "./conformance/two-brokers-outcomes.ts";
import { redisEngine } from "./engines/redis.ts";

// The core of the suite: what else it asks goes by the same scripts, which sixteen shards on one server are asked in full.
runCases({
  engine: redisEngine({ shards: 16, cluster: true }),
  cases: [
    ...insertCases,
    ...claimCases,
    ...repeatCases,
    ...leaseCases,
    ...outcomeCases,
    ...declarationCases,
    ...barrierCases,
    ...nestingCases,
    ...twoBrokerClaimCases,
    ...twoBrokerOutcomeCases,
  ],
  concurrency: 4,
});
