import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { DumpedJob, StoreDump } from "../../src/store/dump.ts";
import { checkInvariants } from "../../src/store/invariants.ts";
import { checkStep } from "../../src/store/step-invariants.ts";
import { child, heir, jobId, newJob, treeOf } from "./world/jobs.ts";
import { openWorld, success } from "./world/store-world.ts";

/** A chain whose first child is done, whose second runs, and whose heir is held. */
let good: StoreDump;

before(async () => {
  const world = await openWorld();
  await world.commit({ insert: [{ trees: [treeOf(newJob("root", { requestId: "request" }))] }] });
  const nodes = [child("done", { key: "k" }), child("running"), heir("heir", { asResult: true })];
  await world.run("root", { kind: "success", nodes });
  await world.run("done", success);
  await world.claim(1);
  good = await world.store.dump();
});

function changed(id: string, change: Partial<DumpedJob>): StoreDump {
  return { ...good, jobs: good.jobs.map((job) => (job.id === id ? { ...job, ...change } : job)) };
}

function broken(dump: StoreDump, name: string, options = {}): void {
  const { violations } = checkInvariants(dump, options);
  assert.ok(
    violations.some((text) => text.startsWith(name)),
    `${name} is not among ${JSON.stringify(violations)}`,
  );
}

test("invariants / a good dump has no violations, and says what was put to the test", () => {
  const report = checkInvariants(good, { now: 1_000_000, acknowledged: [jobId("root")] });
  assert.deepEqual(report.violations, []);
  assert.equal(report.evaluated["I1 every acknowledged job is there"], 1);
  assert.equal(report.evaluated["I10 running means: a session and a live lease"], 1);
});

test("invariants / each fault that a dump can show is found", () => {
  const ready = { state: "READY", hold: undefined } as const;
  broken(changed("heir", ready), "I5 a released heir was due");
  broken(changed("root", { state: "COMPLETED", finishedAt: 1 }), "I6 awaiting means");
  broken(changed("done", { edgeFlipped: false }), "I6 a terminal job's edge");
  broken(changed("done", { propagateDue: true }), "I6 a terminal job's edge");
  broken(changed("running", { edgeFlipped: true }), "I6 a terminal job's edge");
  broken(changed("root", { pendingChildren: 0 }), "I6 counters equal");
  broken(changed("root", { pendingChildren: 2 }), "I6 counters equal");
  broken(changed("root", { staged: 1 }), "I6 counters equal");
  broken(changed("root", { reviving: "DEAD" }), "I6 counters equal");
  broken(changed("root", { reviving: "DEAD", pendingChildren: 2 }), "I6 counters equal");
  broken(changed("root", { childrenNotOk: 1 }), "I6 counters equal");
  broken(changed("done", { run: "DEAD" }), "I6 the verdict");
  broken(changed("root", { run: undefined, ranAt: undefined }), "I7 a child that could run");
  broken(changed("root", { run: "DEAD" }), "I7 below a run that died");
  broken(changed("running", { state: "HELD", hold: "PARENT" }), "I7 no child is held");
  broken(changed("heir", { position: 0 }), "I7 the nodes of one parent");
  broken(changed("done", { finishedAt: undefined }), "I9 the record");
  broken(changed("done", { cancelRequested: true }), "I9 the record");
  broken(changed("done", { cancelHeirs: true }), "I9 the record");
  broken(changed("running", { cancelHeirs: true }), "I9 the record");
  broken(changed("done", { staged: 1 }), "I9 the record");
  broken(changed("heir", { staged: 1 }), "I9 the record");
  broken(changed("root", { pruning: true }), "I9 the record");
  broken(changed("root", { barrierJudged: true }), "I9 heirs are held");
  broken(changed("heir", { depth: 2 }), "I9 a chain is a tree");
  broken(changed("running", { key: "k" }), "I9 keys and heirs");
  broken(changed("running", { leaseId: undefined }), "I10 running means");
  broken({ ...good, sessions: [] }, "I10 running means");
  broken(changed("running", { runAt: 2_000_000 }), "I11 nothing started");
  broken({ ...changed("heir", { ...ready, runAt: 9 }) }, "I11 nothing is ready", { now: 8 });
  broken(changed("done", { attempt: 2 }), "I13 every attempt");
  broken(changed("done", { failureCount: 3, maxAttempts: 2 }), "I13 no budget");
  broken(changed("done", { crashCount: 1 }), "I13 the budgets count");
  broken(changed("done", { releaseCount: 1 }), "I13 the budgets count");
  broken(changed("done", { payloadBytes: 1 }), "I16 the payload");
  broken(good, "I17 after draining", { drained: true });
  broken(good, "I1 every acknowledged", { acknowledged: [jobId("lost")] });
  broken({ ...good, jobs: [...good.jobs, ...good.jobs] }, "I14 an id");
  broken(changed("done", { requestId: "request" }), "I14 a request id");
  broken({ ...good, queues: [] }, "I8 kept counters");
  broken(changed("done", { state: "DEAD", reason: "DISCARDED" }), "I8 kept counters");
  const lease = good.jobs.find((job) => job.id === "running")?.leaseId;
  broken(changed("done", { leaseId: lease }), "I3 a lease belongs");
});

function stepBroken(after: StoreDump, name: string, earlier: StoreDump = good): void {
  const { violations } = checkStep(earlier, after);
  assert.ok(
    violations.some((text) => text.startsWith(name)),
    `${name} is not among ${JSON.stringify(violations)}`,
  );
}

test("invariants / standing still is a good step", () => {
  assert.deepEqual(checkStep(good, good).violations, []);
});

test("invariants / each fault that two dumps can show is found", () => {
  stepBroken({ ...good, jobs: good.jobs.slice(1) }, "I1 no job disappears");
  stepBroken(changed("done", { state: "READY" }), "I2 a terminal state stays");
  stepBroken(changed("done", { epoch: -1 }), "I2 epochs never fall");
  stepBroken(changed("done", { result: { type: anyType(), bytes: new Uint8Array(1) } }), "I2 the result");
  stepBroken(changed("done", { attempt: 0 }), "I3 attempts never fall");
  stepBroken(changed("running", { leaseId: "other" as NonNullable<DumpedJob["leaseId"]> }), "I3 a new lease"); // a lease no store made
  stepBroken(changed("done", { priority: 9, failureCount: 1 }), "I4 the version rises");
  const [first] = good.jobs.find((job) => job.id === "done")?.attempts ?? [];
  assert.ok(first !== undefined);
  stepBroken(changed("done", { attempts: [{ ...first, outcome: "FAILED" }] }), "I4 what history says");
  stepBroken(good, "I5 an heir is released at most once", changed("heir", { state: "READY", hold: undefined }));
  stepBroken(changed("done", { edgeFlipped: false }), "I6 a flipped edge");
  stepBroken(changed("root", { run: "DEAD" }), "I6 a run ends once");
  stepBroken(changed("heir", { state: "READY", hold: undefined }), "I5 an heir that is released in a step");
  const revived = { state: "READY", hold: undefined, epoch: 1 } as const;
  const ended = { state: "DEAD", hold: undefined } as const;
  stepBroken(changed("heir", revived), "I5 an heir that is released in a step", changed("heir", ended));
  const without = { ...good, jobs: good.jobs.filter((job) => job.id !== "running") };
  stepBroken(good, "I7 jobs are declared only", without);
  const [queue] = good.queues;
  assert.ok(queue !== undefined);
  const limited = { ...good, queues: [{ ...queue, settings: { ...queue.settings, maxConcurrency: 0, paused: true } }] };
  const idle = { ...changed("running", { leaseId: undefined }), queues: limited.queues };
  stepBroken(limited, "I15 never above", idle);
  stepBroken(limited, "I15 nothing is handed out", idle);
  stepBroken(changed("done", { payload: { type: anyType(), bytes: new Uint8Array(3) } }), "I16 payload");
  const asked = changed("root", { cancelRequested: true });
  stepBroken(changed("root", { state: "COMPLETED" }), "cancel: an awaiting job", asked);
});

test("invariants / a revival brings back each node it counted, once", () => {
  const cancelled = { state: "CANCELLED", run: "CANCELLED", reason: "SIBLING_FAILED" } as const;
  const back = { state: "READY", run: undefined, reason: undefined, edgeFlipped: false, epoch: 1 } as const;
  const begun = dumpOf({ done: cancelled, root: { reviving: "CANCELLED", pendingChildren: 2 } });
  const over = dumpOf({ done: back, root: { pendingChildren: 2 } });
  const name = "I6 a revival counts each";
  const before = changed("done", { ...cancelled });
  assert.deepEqual(found(before, begun, name), []);
  assert.deepEqual(found(begun, over, name), []);
  broken(dumpOf({ done: cancelled, root: { pendingChildren: 2 } }), "I6 counters equal");
  assert.notDeepEqual(found(begun, dumpOf({ done: back, root: { pendingChildren: 3 } }), name), []);
  assert.notDeepEqual(found(before, dumpOf({ root: { reviving: "CANCELLED", pendingChildren: 2 } }), name), []);
});

test("invariants / a chain goes only when it has ended, and under a mark", () => {
  const name = "I1 no job disappears";
  const end = { state: "CANCELLED", run: "CANCELLED", reason: "REQUESTED", finishedAt: 1 } as const;
  const over = dumpOf({ root: end, running: end, heir: end });
  const marked = dumpOf({ root: { ...end, pruning: true }, running: end, heir: end });
  const lacking = (dump: StoreDump) => ({ ...dump, jobs: dump.jobs.filter((job) => job.id !== "heir") });
  assert.deepEqual(found(over, lacking(marked), name), []);
  assert.deepEqual(found(over, { ...over, jobs: [] }, name), []);
  assert.notDeepEqual(found(over, lacking(over), name), []);
  assert.notDeepEqual(found(good, lacking(marked), name), []);
});

test("invariants / staged children come into a chain as many as were staged", () => {
  const name = "I7 jobs are declared only";
  const less = (dump: StoreDump) => ({ ...dump, jobs: dump.jobs.filter((job) => job.id !== "running") });
  assert.deepEqual(found(less(changed("root", { staged: 2 })), changed("root", { staged: 1 }), name), []);
  assert.notDeepEqual(found(less(changed("root", { staged: 2 })), changed("root", { staged: 0 }), name), []);
});

function dumpOf(changes: Readonly<Record<string, Partial<DumpedJob>>>): StoreDump {
  return { ...good, jobs: good.jobs.map((job) => ({ ...job, ...changes[job.id] })) };
}

function found(earlier: StoreDump, after: StoreDump, name: string): readonly string[] {
  return checkStep(earlier, after).violations.filter((text) => text.startsWith(name));
}

test("invariants / a lease id that comes back for another attempt is found over a whole history", () => {
  const running = good.jobs.find((job) => job.id === "running");
  assert.ok(running?.leaseId !== undefined);
  const ledger = new Map([[running.leaseId, "an earlier attempt"]]);
  const { violations } = checkStep(good, good, ledger);
  assert.ok(violations.some((text) => text.startsWith("I3 lease ids never repeat")));
});

function anyType(): DumpedJob["type"] {
  return good.jobs[0]?.type ?? failing();
}

function failing(): never {
  throw new Error("the good dump has jobs");
}
