// How fast the SQLite store alone is: insert, claim and settle in batches, in this process, no network.
// node tools/bootstrap.mjs bench/store/cycle.ts [seconds] [folder]; the figures are medians of rounds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type NewJob, type NewNode, type Outcome, serverDefaults } from "../../src/core/job.ts";
import { defaultQueue, parseTypeName, type SessionId, type TypeName } from "../../src/core/names.ts";
import { createIds } from "../../src/runtime/ids.ts";
import { openSqliteStore } from "../../src/store/sqlite/store.ts";
import type { ClaimItem, CommitBatch, Lease, SettleItem, Store } from "../../src/store/store.ts";

const secondsEach = Number(process.argv[2] ?? 5);
const folder = mkdtempSync(path.join(process.argv[3] ?? tmpdir(), "conveyor-bench-"));
const ids = createIds();
const session = "bench" as SessionId;
const payload = new Uint8Array(100).fill(7);
const workType = parseTypeName("bench.v1.Work");
const parentType = parseTypeName("bench.v1.Parent");
const heirType = parseTypeName("bench.v1.Heir");

try {
  const store = await openSqliteStore(path.join(folder, "bench.db"), { defaults: serverDefaults });
  await store.openSession({ sessionId: session, principal: "", worker: "bench", instanceId: "1", ttlMs: 3_600_000 });
  for (const size of [1, 10, 100, 500])
    report(`plain jobs, batches of ${size}`, await rounds(() => plain(store, size)));
  report("parent, 1,000 children, heir: nodes", await rounds(() => chain(store, 1_000)));
  await store.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

interface Round {
  /** Jobs a second. */
  readonly rate: number;
  /** CPU of this process in µs a job: steadier than the rate where the machine has other work. */
  readonly cpu: number;
}

/** As many rounds of half a second as fit into the time. */
async function rounds(round: () => Promise<number>): Promise<Round[]> {
  const all: Round[] = [];
  const end = performance.now() + secondsEach * 1_000;
  while (performance.now() < end) {
    const begun = performance.now();
    const cpuBegun = process.cpuUsage();
    let jobs = 0;
    while (performance.now() - begun < 500) jobs += await round();
    const { user, system } = process.cpuUsage(cpuBegun);
    all.push({ rate: (jobs * 1_000) / (performance.now() - begun), cpu: (user + system) / jobs });
  }
  return all;
}

function report(what: string, all: readonly Round[]): void {
  const rate = median(all.map((each) => each.rate));
  const cpu = median(all.map((each) => each.cpu));
  console.log(
    `${what.padEnd(36)} ${Math.round(rate).toLocaleString("en").padStart(8)} /s ${cpu.toFixed(1).padStart(8)} µs CPU`,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/** One cycle: a batch is inserted, claimed and completed, a commit each. */
async function plain(store: Store, size: number): Promise<number> {
  const insert = Array.from({ length: size }, () => ({ trees: [{ root: job(workType), nodes: [] }] }));
  await store.commit(batch({ insert }));
  const leases = await claim(store, [workType], size);
  await store.commit(batch({ settle: leases.map((lease) => settle(lease)) }));
  return leases.length;
}

/** One chain: a parent declares children and an heir, all run, the parent completes. */
async function chain(store: Store, children: number): Promise<number> {
  await store.commit(batch({ insert: [{ trees: [{ root: job(parentType), nodes: [] }] }] }));
  const nodes = [...Array.from({ length: children }, () => node("CHILD", workType)), node("HEIR", heirType)];
  const parents = await claim(store, [parentType], 1);
  await store.commit(batch({ settle: parents.map((lease) => settle(lease, nodes)) }));
  let done = 0;
  for (;;) {
    const leases = await claim(store, [workType, heirType], 500);
    if (leases.length === 0) break;
    await store.commit(batch({ settle: leases.map((lease) => settle(lease)) }));
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
