import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import { FailurePolicy, JobRole, Trigger } from "../../gen/conveyor/v1/job_pb.ts";
import type { Delivery, ResultSchema } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { serverDefaults } from "../../src/core/job.ts";
import type { JobId } from "../../src/core/names.ts";
import { sleep } from "../../src/runtime/abort.ts";
import { checkInvariants } from "../../src/store/invariants.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { openSqliteStore } from "../../src/store/sqlite/store.ts";
import type { Store } from "../../src/store/store.ts";
import { greet, type ScriptedWorker } from "./scripted-worker.ts";
import { chore, chores, startWorld, type World } from "./world.ts";

type Outcome = NonNullable<MessageInitShape<typeof ResultSchema>["outcome"]>;

const intervals = { heartbeatMs: 40, sessionTtlMs: 400, resumeGraceMs: 40, tickMs: 10, pollMs: 20, cancelGraceMs: 60 };
const seed = Number(process.env.CONVEYOR_TEST_SEED ?? Date.now() % 100_000);

test(`chaos / workers that drop, repeat, vanish and come back leave every chain ended and every count right, in memory (seed ${seed})`, async (t) => {
  const store = await openMemoryStore({ defaults: serverDefaults });
  await survive(t, store);
});

test(`chaos / the same on a SQLite file (seed ${seed})`, async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "conveyor-chaos-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await survive(t, await openSqliteStore(path.join(folder, "jobs.db"), { defaults: serverDefaults }));
});

async function survive(t: TestContext, store: Store): Promise<void> {
  const world = await startWorld(t, { store, intervals });
  t.after(() => store.close());
  const random = mulberry(seed);
  const roots = await enqueueAll(world, random);
  const over = new AbortController();
  const workers = [1, 2, 3, 4].map((salt) => misbehave(world.client, mulberry(seed * 10 + salt), over.signal));
  for (const id of roots) {
    const { reached } = await world.call.waitJob(id, { seconds: 90 });
    assert.equal(reached, true, `${id} ended`);
  }
  over.abort();
  await Promise.all(workers);
  const dump = await store.dump();
  const report = checkInvariants(dump, { drained: true, acknowledged: roots as readonly string[] as readonly JobId[] });
  assert.deepEqual(report.violations, []);
  t.diagnostic(`${dump.jobs.length} jobs, ${dump.jobs.reduce((sum, job) => sum + job.attempt, 0)} attempts`);
}

async function enqueueAll({ call }: World, random: () => number): Promise<readonly string[]> {
  const plain = await call.enqueueChores(150, { maxAttempts: 3, backoff: { kind: 3, initial: { nanos: 5_000_000 } } });
  const ids = plain.results.map(({ id }) => id);
  for (let count = 0; count < 20; count += 1) {
    const node = (role: JobRole, more: object = {}) => ({
      parentIndex: Math.floor(random() * 2),
      node: { role, job: chore("", { maxAttempts: 2, backoff: { kind: 3, initial: { nanos: 5_000_000 } } }), ...more },
    });
    const children = Array.from({ length: 6 }, () =>
      node(JobRole.CHILD, { policy: random() < 0.3 ? FailurePolicy.FAIL_FAST : FailurePolicy.FAIL }),
    );
    const heirs = [node(JobRole.HEIR), node(JobRole.HEIR, { trigger: Trigger.SETTLED })];
    const nodes = [{ node: { job: chore() } }, { ...node(JobRole.CHILD), parentIndex: 0 }, ...children, ...heirs];
    ids.push((await call.enqueue({ case: "tree", value: { nodes } })).id);
  }
  return ids;
}

/** One stream after the other until it is told to stop. */
async function misbehave(client: Client, random: () => number, signal: AbortSignal): Promise<void> {
  let resume: { sessionId: string; held: { leaseId: string }[] } | undefined;
  while (!signal.aborted) {
    const at = await greet(client, {
      subscriptions: [chores],
      capacity: { seq: 1n, maxInFlight: 1 + Math.floor(random() * 20) },
      ...(resume && { resume }),
    });
    const held = new Set(at.welcome.keptLeaseIds);
    const lifeMs = Math.round(50 + random() * 500);
    await live(at, { held, random, until: AbortSignal.any([signal, AbortSignal.timeout(lifeMs)]) });
    const end = random();
    resume =
      end < 0.5 ? { sessionId: at.welcome.sessionId, held: [...held].map((leaseId) => ({ leaseId })) } : undefined;
    if (end > 0.8) {
      at.send({ case: "goodbye", value: {} });
      await at.ended;
    } else at.stream.close(new Error("vanished"));
  }
}

async function live(
  at: ScriptedWorker,
  life: { readonly held: Set<string>; readonly random: () => number; readonly until: AbortSignal },
): Promise<void> {
  const { held, random, until } = life;
  let received = 0n;
  for (const leaseId of held) at.result({ leaseId, outcome: outcomeOf(random) });
  while (!until.aborted && !at.stream.closed) {
    for (const { seq, deliveries } of at.take("deliveries")) {
      received = seq;
      for (const delivery of deliveries) run(at, delivery, life);
    }
    for (const { acks } of at.take("resultAcks")) for (const { leaseId } of acks) held.delete(leaseId);
    for (const { leaseIds } of at.take("leasesLost")) for (const leaseId of leaseIds) held.delete(leaseId);
    for (const { requests } of at.take("cancelRequests")) {
      for (const { leaseId } of requests)
        if (random() < 0.5) at.result({ leaseId, outcome: { case: "release", value: {} } });
    }
    if (random() < 0.1) at.heartbeat({ receivedThrough: Number(received), held: [...held] });
    await sleep(2);
  }
}

function run(
  at: ScriptedWorker,
  { leaseId, depth }: Delivery,
  life: { readonly held: Set<string>; readonly random: () => number },
): void {
  const { held, random } = life;
  const luck = random();
  if (luck < 0.03) return; // never received: a heartbeat will not name it
  held.add(leaseId);
  if (luck < 0.06) return; // received and forgotten: held until the stream ends
  const outcome = outcomeOf(random, depth);
  at.result({ leaseId, outcome });
  if (luck > 0.9) at.result({ leaseId, outcome });
}

function outcomeOf(random: () => number, depth = 9): Outcome {
  const luck = random();
  const error = { name: "E", message: "luck" };
  if (luck < 0.08) return { case: "failure", value: { error } };
  if (luck < 0.1) return { case: "discard", value: { error } };
  if (luck < 0.12) return { case: "snooze", value: { delay: { nanos: 5_000_000 } } };
  if (luck < 0.15) return { case: "release", value: {} };
  if (luck < 0.16) return { case: "cancel", value: { message: "luck" } };
  if (luck < 0.4 && depth < 3) {
    const declarations = Array.from({ length: 3 }, (_, index) => ({
      role: index === 2 ? JobRole.HEIR : JobRole.CHILD,
      job: chore("", { maxAttempts: 2, backoff: { kind: 3, initial: { nanos: 5_000_000 } } }),
    }));
    return { case: "success", value: { declarations } };
  }
  return { case: "success", value: {} };
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32, public domain). */
function mulberry(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
