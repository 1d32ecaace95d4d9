import type { ReadScript, ScriptName, WriteScript } from "./connection.ts";

const step = ["step", "writes", "record", "rows", "lanes", "effects"] as const;
/** What a job is to those above and below it. */
const chains = [...step, "barrier", "end-run", "judge"] as const;
const leases = ["backoff", "end-lease"] as const;

/** Scripts that change nothing. */
const reads: Readonly<Record<ReadScript, readonly string[]>> = {
  peek: ["read", "peek"],
  due: ["read", "due"],
  probe: ["probe"],
  find: ["read", "find"],
  detail: ["read", "read-job", "detail"],
  list: ["read", "read-job", "list"],
  chain: ["read", "chain"],
  names: ["read", "names"],
  children: ["read", "read-job", "children"],
  lease: ["read", "lease"],
  "queue-state": ["read", "queue-state"],
  time: ["read", "time"],
  dump: ["read", "read-job", "dump"],
};

const writes: Readonly<Record<WriteScript, readonly string[]>> = {
  commit: [...chains, ...leases, "new-job", "declare", "settle", "insert", "sessions", "claim", "commit"],
  session: [...chains, ...leases, "sessions", "session"],
  promote: [...chains, "promote"],
  reap: [...chains, ...leases, "sessions", "reap"],
  propagate: [...chains, "propagate"],
  cascade: [...chains, "cascade"],
  queue: [...step, "queue"],
  reserve: ["step", "writes", "reserve"],
  turn: ["step", "writes", "lanes", "turn"],
  namespace: ["namespace"],
};

/** The files of `lua/` that each script is put together from, in order. */
export const scriptPieces: Readonly<Record<ScriptName, readonly string[]>> = { ...reads, ...writes };

/** Whether a script leaves nothing behind. */
export function isRead(script: ScriptName): boolean {
  return Object.hasOwn(reads, script);
}
