import assert from "node:assert/strict";
import { type NewNode, type NewTree, type Outcome, serverDefaults, type TreeNode } from "../../../src/core/job.ts";
import {
  defaultQueue,
  groupType,
  type JobId,
  type LeaseId,
  parseTypeName,
  type SessionId,
} from "../../../src/core/names.ts";
import type { Transition } from "../../../src/core/transition.ts";
import { checkInvariants } from "../../../src/store/invariants.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import { checkStep, type LeaseLedger } from "../../../src/store/step-invariants.ts";
import type { CommitBatch, DumpedJob, SettleItem, Store, StoreDump } from "../../../src/store/store.ts";
import { below, child, heir, newJob, plainType, treeOf } from "./jobs.ts";

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
const resultType = parseTypeName("test.v1.Result");

/** Walks a memory store through random commands, checks all invariants after each, then drains it and checks that all ended. */
export async function walk(steps: readonly WalkStep[]): Promise<WalkReport> {
  const walker = await openWalker();
  for (const step of steps) await walker.step(step);
  await walker.drain();
  return { transitions: walker.transitions, evaluated: walker.evaluated };
}

type Draw = (below: number) => number;

/** A small generator of numbers below a bound (mulberry32), so that a step is a pure function of its seed. */
function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
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

function settleItem(draw: Draw, { leaseId, staged }: DumpedJob, name: () => string): SettleItem {
  if (leaseId === undefined) throw new Error("only running jobs are settled");
  const drawn = randomOutcome(draw, name);
  const outcome = drawn.kind === "success" && draw(9) > 0 ? { ...drawn, staged } : drawn;
  return { leaseId, outcome, sent: outcome.kind, jitter: draw(100) / 100 };
}

function randomOutcome(draw: Draw, name: () => string): Outcome {
  const error = { name: "Error", message: "broken", stack: "" };
  switch (draw(12)) {
    case 0:
    case 1:
    case 2:
      return { kind: "failure", error, timedOut: draw(2) === 0 };
    case 3:
      return { kind: "discard", error };
    case 4:
      return { kind: "snooze", delayMs: draw(5_000) };
    case 5:
      return { kind: "release" };
    case 6:
      return { kind: "cancel", message: "" };
    case 7:
    case 8:
      return { kind: "success", nodes: randomNodes(draw, 1 + draw(4), name) };
    default:
      return { kind: "success", nodes: [], result: { type: resultType, bytes: new TextEncoder().encode(name()) } };
  }
}

function randomNodes(draw: Draw, count: number, name: () => string): NewNode[] {
  let given = false;
  return Array.from({ length: count }, () => {
    const asResult = !given && draw(3) === 0;
    const node = randomNode(draw, { name: name(), asResult });
    given ||= node.edge.asResult;
    return node;
  });
}

function randomNode(draw: Draw, node: { readonly name: string; readonly asResult: boolean }): NewNode {
  const delayMs = draw(3) === 0 ? draw(5_000) : 0;
  const job = { start: { kind: "after", delayMs } as const, priority: draw(3) };
  if (draw(5) < 3) {
    const policy = (["FAIL", "IGNORE", "FAIL_FAST"] as const)[draw(3)] ?? "FAIL";
    return child(node.name, { policy }, job);
  }
  const policy = draw(3) === 0 ? "IGNORE" : "FAIL";
  const trigger = (["SUCCEEDED", "ANY_FAILED", "SETTLED"] as const)[draw(3)] ?? "SETTLED";
  return heir(node.name, { policy, trigger, asResult: node.asResult }, job);
}

/** A group whose first death cancels siblings that have something below them, in whatever state they are. */
function fragileTree(draw: Draw, name: () => string): NewTree {
  const group = newJob(name(), { payload: { type: groupType, bytes: new Uint8Array() } });
  const nodes: TreeNode[] = [];
  for (let index = 0; index < 4; index += 1) {
    const start = { kind: "after", delayMs: draw(2) * 4_000 } as const;
    nodes.push(below(0, child(name(), { policy: index < 2 ? "FAIL_FAST" : "FAIL" }, { start })));
    nodes.push(below(nodes.length, randomNode(draw, { name: name(), asResult: false })));
  }
  return treeOf(group, ...nodes);
}

function randomTree(draw: Draw, name: () => string): NewTree {
  const delayMs = draw(3) === 0 ? draw(5_000) : 0;
  const start = { kind: "after", delayMs } as const;
  const group = draw(2) === 0 ? { payload: { type: groupType, bytes: new Uint8Array() } } : {};
  const results = new Set<number>();
  const nodes: TreeNode[] = [];
  for (let index = draw(7); index > 0; index -= 1) {
    const parentIndex = draw(nodes.length + 1);
    const asResult = !results.has(parentIndex) && draw(3) === 0;
    const node = randomNode(draw, { name: name(), asResult });
    if (node.edge.asResult) results.add(parentIndex);
    nodes.push(below(parentIndex, node));
  }
  return treeOf(newJob(name(), { start, ...group }), ...nodes);
}
