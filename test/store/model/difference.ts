import type { DumpedJob, StoreDump } from "../../../src/store/dump.ts";
import { comparableQueues, comparableSessions } from "../comparable.ts";

/** Where two values first differ, as `path: left != right`; undefined: nowhere. Undefined and missing are the same. */
export function difference(left: unknown, right: unknown, path = ""): string | undefined {
  if (Object.is(left, right)) return undefined;
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right) === 0 ? undefined : `${path}: other bytes`;
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    return `${path}: ${JSON.stringify(left)} != ${JSON.stringify(right)}`;
  }
  return fieldDifference(left, right, path, nothing);
}

/** As `difference` of two jobs, without what stores may count differently. */
function jobDifference(left: DumpedJob, right: DumpedJob, path: string): string | undefined {
  if ((left.leaseId === undefined) !== (right.leaseId === undefined)) return `${path}.leaseId: only one has a lease`;
  return fieldDifference(left, right, path, countedFreely);
}

const nothing: ReadonlySet<string> = new Set();
const countedFreely: ReadonlySet<string> = new Set(["version", "updatedAt", "leaseId"]);

// The proof spends its time here: no copies are made, and equal primitives cost one comparison.
function fieldDifference(left: object, right: object, path: string, skip: ReadonlySet<string>): string | undefined {
  for (const key in left) {
    const mine = of(left, key);
    const theirs = of(right, key);
    if (mine === theirs || skip.has(key)) continue;
    const found = difference(mine, theirs, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  for (const key in right) {
    if (skip.has(key) || of(right, key) === undefined || of(left, key) !== undefined) continue;
    return `${path}.${key}: undefined != ${JSON.stringify(of(right, key))}`;
  }
  return undefined;
}

/** Where two dumps differ in what stores have to agree on, see `comparable.ts`. */
export function dumpDifference(left: StoreDump, right: StoreDump): string | undefined {
  if (left.jobs.length !== right.jobs.length) return `jobs: ${left.jobs.length} != ${right.jobs.length}`;
  const others = new Map(right.jobs.map((job) => [job.id, job]));
  for (const job of left.jobs) {
    const other = others.get(job.id);
    if (other === undefined) return `job ${job.id}: missing on the right`;
    const found = jobDifference(job, other, `job ${job.id} `);
    if (found !== undefined) return found;
  }
  return (
    difference(comparableSessions(left), comparableSessions(right), "sessions ") ??
    difference(comparableQueues(left), comparableQueues(right), "queues ")
  );
}

/** The job whose version did not rise although it changed, or whose update time fell. */
export function staleVersion(before: StoreDump, after: StoreDump): string | undefined {
  const known = new Map(before.jobs.map((job) => [job.id, job]));
  for (const job of after.jobs) {
    const old = known.get(job.id);
    if (old === undefined) continue;
    if (job.updatedAt < old.updatedAt || job.version < old.version) return `job ${job.id}: version or update time fell`;
    if (job.version > old.version) continue;
    const changed = jobDifference(old, job, `job ${job.id} changed at version ${job.version}: `);
    if (changed !== undefined) return changed;
  }
  return undefined;
}

function of(value: object, key: string): unknown {
  return (value as Record<string, unknown>)[key]; // an own key of one of the two
}
