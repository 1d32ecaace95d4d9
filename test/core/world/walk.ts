import assert from "node:assert/strict";
import { type Outcome, serverDefaults } from "../../../src/core/job.ts";
import { defaultQueue, type JobId, type LeaseId, type SessionId } from "../../../src/core/names.ts";
import type { Transition } from "../../../src/core/transition.ts";
import type { CommitBatch } from "../../../src/store/commit.ts";
import type { StoreDump } from "../../../src/store/dump.ts";
import { checkInvariants } from "../../../src/store/invariants.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import { checkStep, type LeaseLedger } from "../../../src/store/step-invariants.ts";
import type { Store } from "../../../src/store/store.ts";
import { child, newJob, plainType, treeOf } from "./jobs.ts";
import { type Draw, drawFrom, fragileTree, randomTree, settleItem } from "./walk-jobs.ts";

/** One step of a walk: which command, and what its details are drawn from. */
export interface WalkStep {
  readonly command: number;
  readonly seed: number;
}

export interface WalkReport {
  readonly transitions: readonly Transition[];
  readonly evaluated: Readonly<Record<string, number>>;
}

const retention = { completedMs: 30_000, cancelledMs: 20_000, deadMs: 600_000 };
const sessions = ["left", "right"] as SessionId[]; // the broker makes session ids; tests name them

/** Walks a memory store through random commands, checks all invariants after each, then drains it and checks that all ended. */
export async function walk(steps: readonly WalkStep[]): Promise<WalkReport> {
  const walker = await openWalker();
  for (const step of steps) await walker.step(step);
  await walker.drain();
  return { transitions: walker.transitions, evaluated: walker.evaluated };
}

async function openWalker() {
  let now = 1_000;
  let count = 0;
  const transitions: Transition[] = [];
  const evaluated: Record<string, number> = {};
  const ledger: LeaseLedger = new Map();
  const epochs = new Map(sessions.map((id) => [id, 1]));
  const defaults = { ...serverDefaults, maxAttempts: 2, crashLimit: 2 };
  const store = await openMemoryStore({
    defaults,
    retention,
    clock: () => now,
    onTransition: (each) => transitions.push(each),
  });
  let before = await store.dump();
  const name = (): string => {
    count += 1;
    return `job${count}`;
  };

  const open = (sessionId: SessionId) =>
    store.openSession({ sessionId, principal: "", worker: "worker", instanceId: "one", ttlMs: 10_000 });
  for (const id of sessions) await open(id);

  async function check(drained: boolean): Promise<StoreDump> {
    const after = await store.dump();
    for (const report of [checkInvariants(after, { now, drained }), checkStep(before, after, ledger)]) {
      assert.deepEqual(report.violations, []);
      for (const [key, value] of Object.entries(report.evaluated)) evaluated[key] = (evaluated[key] ?? 0) + value;
    }
    before = after;
    return after;
  }

  const commit = (batch: Partial<CommitBatch>) =>
    store.commit({ renew: [], settle: [], insert: [], claim: [], ...batch });
  const ref = (draw: Draw) => {
    const sessionId = sessions[draw(sessions.length)] ?? ("left" as SessionId);
    return { sessionId, epoch: epochs.get(sessionId) ?? 1 };
  };
  const claimOf = (draw: Draw, jobsMax: number) => ({
    ...ref(draw),
    nonce: name(),
    jobsMax,
    bytesMax: Number.POSITIVE_INFINITY,
    lanes: [{ queue: defaultQueue, types: [plainType], jobsMax }],
  });

  async function reopen(sessionId: SessionId): Promise<void> {
    const live = (await store.dump()).sessions.some((session) => session.id === sessionId);
    if (live) return;
    await open(sessionId);
    epochs.set(sessionId, 1);
  }

  const picked = (draw: Draw): JobId[] => before.jobs.filter(() => draw(20) === 0).map((job) => job.id);

  async function retry(draw: Draw): Promise<void> {
    const dead = before.jobs.filter((job) => job.state === "DEAD" || draw(20) === 0);
    const items = dead.filter((job) => job.role === "HEIR" || draw(dead.length) < 2);
    await store.retry(items.map(({ id, epoch }) => (draw(9) === 0 ? { id, expectedEpoch: epoch - draw(2) } : { id })));
  }

  async function settle(draw: Draw): Promise<void> {
    const running = before.jobs.filter((job) => job.leaseId !== undefined);
    const items = running.filter(() => draw(3) > 0).map((job) => settleItem(draw, job, name));
    await commit({ settle: items });
    if (items[0] !== undefined && draw(4) === 0) await commit({ settle: [items[0]] });
  }

  /** A child's death takes its siblings with it, all of it is worked off, and the child is retried. */
  async function breakAndRetry(draw: Draw): Promise<void> {
    const fast = before.jobs.filter((job) => job.policy === "FAIL_FAST" && job.leaseId !== undefined);
    for (const { leaseId } of fast.slice(0, 1 + draw(2))) {
      if (leaseId !== undefined) await commit({ settle: [{ leaseId, outcome: discard, sent: "discard", jitter: 0 }] });
    }
    await check(false);
    const stopping = async () => {
      await store.cascade({ max: 1_000 });
      const asked = (await store.dump()).jobs.flatMap((job) => (job.cancelRequested && job.leaseId) || []);
      await commit({ settle: asked.map((leaseId) => ({ leaseId, outcome: ended, sent: "success", jitter: 0 })) });
      await store.propagate({ max: 1_000 });
      await check(false);
    };
    for (let round = 0; round < 3; round += 1) await stopping();
    await store.retry(fast.map(({ id }) => ({ id })));
  }

  const held = (draw: Draw, sessionId: SessionId): LeaseId[] =>
    before.jobs.filter((job) => job.sessionId === sessionId && draw(2) === 0).flatMap((job) => job.leaseId ?? []);

  const commands: readonly ((draw: Draw) => Promise<unknown>)[] = [
    (draw) => commit({ insert: [{ trees: [randomTree(draw, name)] }] }),
    (draw) => commit({ insert: [{ trees: [fragileTree(draw, name)] }] }),
    (draw) =>
      commit({
        insert: [{ trees: [treeOf(newJob(name(), { requestId: `request${draw(50)}` }))] }],
        claim: [claimOf(draw, 1 + draw(3))],
      }),
    (draw) => commit({ claim: [claimOf(draw, 1 + draw(6))] }),
    (draw) => commit({ claim: [claimOf(draw, 1 + draw(6))] }),
    settle,
    settle,
    settle,
    (draw) => store.propagate({ max: 1 + draw(4) }),
    (draw) => store.cascade({ max: 1 + draw(4) }),
    async (draw) => {
      now += draw(20_000);
      return store.promote({ max: 1 + draw(8) });
    },
    (draw) => {
      const session = ref(draw);
      return commit({ renew: [{ ...session, ttlMs: 10_000, buffered: held(draw, session.sessionId) }] });
    },
    async (draw) => {
      now += draw(8_000);
      await store.reap({ max: 1 + draw(4), bufferedMsMax: 3_000, jitter: draw(100) / 100 });
      for (const id of sessions) await reopen(id);
    },
    async (draw) => {
      const { sessionId, epoch } = ref(draw);
      if (draw(2) === 0) return store.detachSession({ sessionId, epoch, graceMs: 1_000 });
      await store.closeSession({ sessionId, epoch });
      return reopen(sessionId);
    },
    async (draw) => {
      const { sessionId, epoch } = ref(draw);
      const leases = held(draw, sessionId).map((leaseId) => ({ leaseId, buffered: draw(2) === 0 }));
      const answer = await store.resumeSession({ sessionId, principal: "", ttlMs: 10_000, held: leases });
      epochs.set(sessionId, answer.kind === "resumed" ? answer.epoch : epoch);
    },
    (draw) => store.cancel(picked(draw).map((id) => ({ id, includeHeirs: draw(3) === 0 }))),
    retry,
    retry,
    breakAndRetry,
    (draw) => store.cascade({ max: 1 + draw(2) }),
    (draw) => {
      const running = before.jobs.flatMap(({ leaseId, staged }) => (leaseId === undefined ? [] : { leaseId, staged }));
      const items = running.filter(() => draw(3) === 0);
      return store.stage(
        items.map(({ leaseId, staged }) => {
          const nodes = Array.from({ length: 1 + draw(3) }, () => child(name()));
          const seq = staged === 0 ? 1 : 1 + draw(4); // a repeat, the next one, or one too far
          return { leaseId, seq, nodes };
        }),
      );
    },
    (draw) => store.expand({ max: 1 + draw(3) }),
    (draw) => {
      const bytes = Uint8Array.of(draw(256));
      return store.report(before.jobs.flatMap(({ leaseId }) => (leaseId === undefined ? [] : { leaseId, bytes })));
    },
    async (draw) => {
      now += draw(4) === 0 ? draw(2 * retention.completedMs) : 0;
      return draw(4) > 0 ? store.prune({ max: 1 + draw(9) }) : store.remove(picked(draw), { max: 1 + draw(6) });
    },
    (draw) => {
      const maxConcurrency = draw(2) === 0 ? undefined : 1 + draw(5);
      return store.updateQueue(defaultQueue, { paused: draw(4) === 0, maxConcurrency });
    },
  ];

  return {
    transitions,
    evaluated,
    async step(step: WalkStep): Promise<void> {
      await commands[step.command % commands.length]?.(drawFrom(step.seed));
      await check(false);
    },
    async drain(): Promise<void> {
      await store.updateQueue(defaultQueue, { paused: false, maxConcurrency: undefined });
      for (let round = 0; round < 500; round += 1) {
        now += 700_000;
        await upkeep(store);
        for (const id of sessions) await reopen(id);
        const open = await check(false);
        if (open.jobs.every((job) => job.finishedAt !== undefined && !job.propagateDue)) break;
        const { claimed } = await commit({ claim: [claimOf(drawFrom(round), 1_000)] });
        const leases = claimed.flatMap((answer) => (answer.kind === "claimed" ? answer.leases : []));
        const items = leases.map(({ leaseId }) => ({ leaseId, outcome: ended, sent: ended.kind, jitter: 0 }));
        await commit({ settle: items });
      }
      await check(true);
    },
  };
}

const ended: Outcome = { kind: "success", nodes: [] };
const discard: Outcome = { kind: "discard", error: { name: "Error", message: "no use", stack: "" } };

async function upkeep(store: Store): Promise<void> {
  await store.reap({ max: 1_000, bufferedMsMax: 0, jitter: 0 });
  await store.promote({ max: 1_000 });
  await store.propagate({ max: 1_000 });
  await store.expand({ max: 1_000 });
  await store.cascade({ max: 1_000 });
}
