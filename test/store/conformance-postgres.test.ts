import { allCases } from "./conformance/all-cases.ts";
import { runCases } from "./conformance/run-cases.ts";
import { postgresEngine } from "./engines/postgres.ts";

runCases({ engine: postgresEngine(), cases: allCases, concurrency: 4 });
