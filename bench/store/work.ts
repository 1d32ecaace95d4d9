import type { NewJob, NewNode, Outcome } from "../../src/core/job.ts";
import { defaultQueue, parseTypeName, type SessionId, type TypeName } from "../../src/core/names.ts";
import { createIds } from "../../src/runtime/ids.ts";
import type { ClaimItem, CommitBatch, Lease, SettleItem } from "../../src/store/commit.ts";
import type { Store } from "../../src/store/store.ts";

const ids = createIds();
const session = "bench" as SessionId;
const ttlMs = 3_600_000;
const payload = new Uint8Array(100).fill(7);
const settledAtOnce = 500;

/** A plain job's. */
export const workType: TypeName = parseTypeName("bench.v1.Work");
const parentType = parseTypeName("bench.v1.Parent");
const heirType = parseTypeName("bench.v1.Heir");

/** Begins the session that all claims of a bench are made for. */
export function openBenchSession(store: Store): Promise<void> {
  return store.openSession({ sessionId: session, principal: "", worker: "bench", instanceId: "1", ttlMs });
}

/** Inserts so many plain jobs in one commit. */
export async function insertJobs(store: Store, count: number): Promise<void> {
  const insert = Array.from({ length: count }, () => ({ trees: [{ root: job(workType), nodes: [] }] }));
  await store.commit(batch({ insert }));
}

/** Claims up to so many plain jobs in one commit. */
export function claimJobs(store: Store, max: number): Promise<readonly Lease[]> {
  return claim(store, [workType], max);
}

/** Completes jobs with a result each in one commit. */
export async function completeJobs(store: Store, leases: readonly Lease[]): Promise<void> {
  await store.commit(batch({ settle: leases.map((lease) => settle(lease)) }));
}

/** One chain: a parent declares children and an heir, all run, the parent completes; gives how many jobs that were. */
export async function runChain(store: Store, children: number): Promise<number> {
  await store.commit(batch({ insert: [{ trees: [{ root: job(parentType), nodes: [] }] }] }));
  const nodes = [...Array.from({ length: children }, () => node("CHILD", workType)), node("HEIR", heirType)];
  const parents = await claim(store, [parentType], 1);
  await store.commit(batch({ settle: parents.map((lease) => settle(lease, nodes)) }));
  let done = 0;
  for (;;) {
    const leases = await claim(store, [workType, heirType], settledAtOnce);
    if (leases.length === 0) break;
    await completeJobs(store, leases);
    done += leases.length;
  }
  if (done !== children + 1) throw new Error(`${done} of ${children + 1} nodes ran`);
  return done + 1;
}

async function claim(store: Store, types: readonly TypeName[], jobsMax: number): Promise<readonly Lease[]> {
  const item: ClaimItem = {
    sessionId: session,
    epoch: 1,
    nonce: ids.nonce(),
    jobsMax,
    bytesMax: 4 * 1024 * 1024,
    lanes: [{ queue: defaultQueue, types, jobsMax }],
  };
  const [answer] = (await store.commit(batch({ claim: [item] }))).claimed;
  return answer?.kind === "claimed" ? answer.leases : [];
}

function settle(lease: Lease, nodes: readonly NewNode[] = []): SettleItem {
  const outcome: Outcome = { kind: "success", result: { type: workType, bytes: payload }, nodes };
  return { leaseId: lease.leaseId, outcome, sent: "success", jitter: 0 };
}

function job(type: TypeName): NewJob {
  return {
    id: ids.jobId(),
    payload: { type, bytes: payload },
    queue: defaultQueue,
    start: { kind: "now" },
    schemaId: "bench",
    principal: "",
  };
}

function node(role: "CHILD" | "HEIR", type: TypeName): NewNode {
  return { edge: { role, key: "", policy: "FAIL", trigger: "SUCCEEDED", asResult: false }, job: job(type) };
}

function batch(of: Partial<CommitBatch>): CommitBatch {
  return { renew: [], settle: [], insert: [], claim: [], ...of };
}
