import { readFileSync } from "node:fs";
import type { ReadScript, ScriptName, WriteScript } from "./connection.ts";

const step = ["step", "writes", "record", "lanes", "rows", "effects"] as const;
/** What a job is to those above and below it. */
const chains = [...step, "barrier", "flips", "end-run", "judge"] as const;
const leases = ["backoff", "staged", "end-lease"] as const;

/** Scripts that change nothing. */
const reads: Readonly<Record<ReadScript, readonly string[]>> = {
  peek: ["read", "peek"],
  due: ["read", "due"],
  over: ["read", "over"],
  remembered: ["read", "remembered"],
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
  commit: [...chains, ...leases, "new-job", "declare", "settle", "memories", "insert", "sessions", "claim", "commit"],
  session: [...chains, ...leases, "sessions", "session"],
  promote: [...chains, "promote"],
  reap: [...chains, ...leases, "sessions", "reap"],
  propagate: [...chains, "propagate"],
  cascade: [...chains, "revive", "bring-back", "cascade"],
  expand: [...chains, "staged", "new-job", "declare", "expand"],
  prune: [...step, "memories", "removal", "prune"],
  forget: ["step", "writes", "memories", "forget"],
  sweep: [...step, "sweep"],
  cancel: [...chains, "asked", "cancel"],
  retry: [...chains, "revive", "dead-below", "asked", "retry"],
  remove: [...step, "memories", "removal", "asked", "remove"],
  stage: [...chains, "staged", "new-job", "declare", "stage"],
  report: [...step, "report"],
  queue: [...step, "queue"],
  reserve: ["step", "writes", "reserve"],
  turn: ["step", "writes", "lanes", "turn"],
  namespace: ["namespace"],
  adopt: ["adopt"],
};

/** The files of `lua/` that each script is put together from, in order. */
export const scriptPieces: Readonly<Record<ScriptName, readonly string[]>> = { ...reads, ...writes };

/** The whole text of a script. */
export function scriptSource(name: ScriptName): string {
  return scriptPieces[name].map(readPiece).join("\n");
}

/** Whether a script leaves nothing behind. */
export function isRead(script: ScriptName): boolean {
  return Object.hasOwn(reads, script);
}

const moduleEnd = /\nreturn ([A-Z][A-Za-z, ]*)\n$/;

/** A piece that ends by returning names is a module: what else is local in it is its own, since a script has room for 200 names. */
function readPiece(piece: string): string {
  const source = readFileSync(new URL(`./lua/${piece}.lua`, import.meta.url), "utf8");
  const names = moduleEnd.exec(source)?.[1];
  return names === undefined ? source : `local ${names} = (function()\n${source}end)()\n`;
}
