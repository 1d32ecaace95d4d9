import { memoryEngine } from "./engines/memory.ts";
import { sqliteEngine } from "./engines/sqlite.ts";
import { proveLinearizable } from "./linear/prove.ts";

proveLinearizable(memoryEngine);
proveLinearizable(sqliteEngine({ synchronous: "off" }));
