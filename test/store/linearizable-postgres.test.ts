import { postgresEngine } from "./engines/postgres.ts";
import { proveLinearizable } from "./linear/prove.ts";

proveLinearizable(postgresEngine(), "item");
