import assert from "node:assert/strict";
import {
  type JobDetail,
  type NewJob,
  type NewNode,
  type NewTree,
  type Outcome,
  serverDefaults,
} from "../../../src/core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../../src/core/names.ts";
import type {
  ClaimAnswer,
  CommitAnswer,
  CommitBatch,
  InsertAnswer,
  Lease,
  RenewAnswer,
  SettleAnswer,
  SettleItem,
} from "../../../src/store/commit.ts";
import type { DumpedJob } from "../../../src/store/dump.ts";
import type { SessionRef } from "../../../src/store/session.ts";
import type { Store } from "../../../src/store/store.ts";
import type { Engine, EngineHooks, OpenedStore } from "../engine.ts";
import { discard, failure, jobId, release, snooze, success } from "../jobs.ts";
import { untilDone } from "./until-done.ts";
import type { ClaimOptions, LaneOptions, SettleOptions } from "./world-options.ts";

export const ttlMs = 30_000;
const startMs = 1_750_000_000_000;

/** One store, one clock and a hand full of leases, made for one case. */
export type World = Awaited<ReturnType<typeof openWorld>>;

export async function openWorld(engine: Engine) {
  let now = startMs;
  let nonces = 0;
  let sessions = 0;
  const others: OpenedStore[] = [];
  let opened: OpenedStore = await engine.open({ defaults: serverDefaults, clock: () => now });
  let first: SessionRef | undefined;
  const hand = new Map<string, Lease>();
  const lanes = new Map<string, { queue: QueueName; types: Set<TypeName> }>();

  const store = (): Store => opened.store;
  const hook = <Name extends keyof EngineHooks>(name: Name): EngineHooks[Name] => {
    const found = opened[name];
    if (found === undefined) throw new Error(`the engine has no ${name}: the case has to say that it needs it`);
    return found as EngineHooks[Name];
  };

  function see(each: NewJob): void {
    const lane = lanes.get(each.queue) ?? { queue: each.queue, types: new Set() };
    lane.types.add(each.payload.type);
    lanes.set(each.queue, lane);
  }

  function treeOf(each: NewJob | NewTree): NewTree {
    const whole = "root" in each ? each : { root: each, nodes: [] };
    see(whole.root);
    for (const node of whole.nodes) see(node.job);
    return whole;
  }

  async function commit(batch: Partial<CommitBatch>): Promise<CommitAnswer> {
    return store().commit({ renew: [], settle: [], insert: [], claim: [], ...batch });
  }

  /** One item a tree; all of them must be taken. Returns the ids that the store gave. */
  async function insert(...trees: readonly (NewJob | NewTree)[]): Promise<readonly JobId[]> {
    const answer = await commit({ insert: trees.map((each) => ({ trees: [treeOf(each)] })) });
    return answer.inserted.map((each) => {
      assert.equal(each.kind, "inserted");
      return only(each.kind === "inserted" ? each.roots : []).id;
    });
  }

  /** All in one item: all or none. */
  async function insertTogether(...trees: readonly (NewJob | NewTree)[]): Promise<InsertAnswer> {
    const answer = await commit({ insert: [{ trees: trees.map(treeOf) }] });
    return only(answer.inserted);
  }

  async function openSession(
    options: { readonly ttlMs?: number; readonly principal?: string } = {},
  ): Promise<SessionRef> {
    sessions += 1;
    const sessionId = `session-${sessions}` as SessionId; // names of sessions are free text to a store
    await store().openSession({
      sessionId,
      principal: options.principal ?? "",
      worker: `worker-${sessions}`,
      instanceId: `instance-${sessions}`,
      ttlMs: options.ttlMs ?? ttlMs,
    });
    return { sessionId, epoch: 1 };
  }

  async function worker(): Promise<SessionRef> {
    // Outlives every clock that a case sets, so that only cases about sessions meet the reaper.
    first ??= await openSession({ ttlMs: 10 * 365 * 24 * 3_600_000 });
    return first;
  }

  async function claimItem(options: ClaimOptions = {}): Promise<CommitBatch["claim"][number]> {
    const session = options.session ?? (await worker());
    const jobsMax = options.jobsMax ?? 100_000;
    nonces += 1;
    const wanted = options.lanes ?? [...lanes.values()].map((each) => ({ queue: each.queue, types: [...each.types] }));
    return {
      sessionId: session.sessionId,
      epoch: session.epoch,
      nonce: `nonce${nonces}`,
      jobsMax,
      bytesMax: options.bytesMax ?? Number.POSITIVE_INFINITY,
      lanes: wanted.map((lane: LaneOptions) => ({
        queue: (lane.queue ?? "default") as QueueName, // as written in the case
        types: (lane.types ?? ["test.v1.Work"]) as TypeName[],
        jobsMax: lane.jobsMax ?? jobsMax,
      })),
    };
  }

  /** Takes what an answer leased into the hand, from which the verbs below settle by job id. */
  function take(answer: ClaimAnswer | undefined): readonly Lease[] {
    assert.equal(answer?.kind, "claimed");
    const leases = answer?.kind === "claimed" ? answer.leases : [];
    for (const lease of leases) hand.set(lease.jobId, lease);
    return leases;
  }

  async function claim(options: ClaimOptions = {}): Promise<readonly Lease[]> {
    const answer = await commit({ claim: [await claimItem(options)] });
    return take(only(answer.claimed));
  }

  /** These ids as they are, or sorted where the engine keeps no order over all of them. */
  function inOrder(ids: readonly string[]): readonly string[] {
    return engine.lacks.shardWideOrder === undefined ? ids : ids.toSorted();
  }

  /** Claims all that can be claimed; the ids in the order of their claim, where there is one. */
  async function claimIds(options: ClaimOptions = {}): Promise<readonly string[]> {
    return inOrder((await claim(options)).map((lease) => lease.jobId));
  }

  function lease(id: string): Lease {
    const found = hand.get(id);
    assert.ok(found, `job ${id} was never claimed`);
    return found;
  }

  function item(id: string | Lease, outcome: Outcome, options: SettleOptions = {}): SettleItem {
    if (outcome.kind === "success") for (const node of outcome.nodes) see(node.job);
    return {
      leaseId: typeof id === "string" ? lease(id).leaseId : id.leaseId,
      outcome,
      sent: options.sent ?? outcome.kind,
      jitter: options.jitter ?? 0,
      problem: options.problem,
    };
  }

  /** Settles all at once and answers in their order. */
  async function settle(...items: readonly SettleItem[]): Promise<readonly SettleAnswer[]> {
    return (await commit({ settle: items })).settled;
  }

  /** Settles the job's lease in hand; it must be accepted. */
  async function end(id: string, outcome: Outcome, options: SettleOptions = {}): Promise<CommitAnswer> {
    const answer = await commit({ settle: [item(id, outcome, options)] });
    assert.equal(only(answer.settled).kind, "accepted", `outcome ${outcome.kind} of ${id}`);
    return answer;
  }

  async function renew(session: SessionRef, buffered: readonly LeaseId[] = []): Promise<RenewAnswer> {
    const answer = await commit({ renew: [{ ...session, ttlMs, buffered }] });
    return only(answer.renewed);
  }

  /** Propagates, expands and cascades, `max` rows a step, until nothing is due. */
  async function upkeep(max = 500): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      quiet += 1;
      if (await untilDone(() => store().propagate({ max }))) quiet = 0;
      if (await untilDone(() => store().expand({ max }))) quiet = 0;
      if (await untilDone(() => store().cascade({ max }))) quiet = 0;
    }
  }

  async function promote(): Promise<void> {
    await untilDone(() => store().promote({ max: 500 }));
  }

  async function reap(): Promise<void> {
    await untilDone(() => store().reap({ max: 500, bufferedMsMax: 300_000, jitter: 0 }));
  }

  async function get(id: string): Promise<JobDetail> {
    const found = await store().getJob(jobId(id));
    assert.ok(found, `job ${id} is not there`);
    return found;
  }

  async function dumped(id: string): Promise<DumpedJob> {
    const found = (await store().dump()).jobs.find((each) => each.id === id);
    assert.ok(found, `job ${id} is not there`);
    return found;
  }

  /** As `READY`, `HELD:BARRIER`, `DEAD:CHAIN_FAILED`. */
  async function state(id: string): Promise<string> {
    return shown(await get(id));
  }

  /** Asserts the states of all these jobs, in the form of `state`. */
  async function expect(states: Readonly<Record<string, string>>): Promise<void> {
    const found: Record<string, string> = {};
    for (const id of Object.keys(states)) found[id] = await state(id);
    assert.deepEqual(found, states);
  }

  /** A mini worker: claims, runs and keeps up until nothing moves at this time; `run` decides each outcome (default: success). */
  async function drain(run: (id: string, lease: Lease) => Outcome = () => success()): Promise<readonly string[]> {
    const started: string[] = [];
    for (;;) {
      await promote();
      await upkeep();
      const leases = await claim();
      if (leases.length === 0) return started;
      started.push(...leases.map((each) => each.jobId));
      await settle(...leases.map((each) => item(each, run(each.jobId, each))));
    }
  }

  return {
    engine: engine.name,
    get store(): Store {
      return store();
    },
    get now(): number {
      return now;
    },
    advance(ms: number): void {
      now += ms;
    },
    hook,
    get opened(): OpenedStore {
      return opened;
    },
    /** The process that used the store dies without a word: goes on with what it leaves. */
    async crash(): Promise<void> {
      const left = await hook("crash")();
      await opened.discard();
      opened = left;
    },
    /** The same store as another broker has it. */
    async second(): Promise<Store> {
      const other = await hook("second")();
      others.push(other);
      return other.store;
    },
    async close(): Promise<void> {
      for (const other of others) await other.discard();
      await opened.discard();
    },
    commit,
    insert,
    insertTogether,
    openSession,
    worker,
    claimItem,
    take,
    claim,
    claimIds,
    inOrder,
    /** Ids like these, of roots that can be inserted together. */
    neighbours: (...ids: readonly string[]): readonly string[] => engine.neighbours?.(ids) ?? ids,
    lease,
    item,
    settle,
    end,
    succeed: (id: string, nodes: readonly NewNode[] = [], result?: string) => end(id, success(nodes, result)),
    fail: (id: string, retryAfterMs?: number) => end(id, failure(retryAfterMs === undefined ? {} : { retryAfterMs })),
    discard: (id: string) => end(id, discard()),
    snooze: (id: string, delayMs: number) => end(id, snooze(delayMs)),
    release: (id: string) => end(id, release),
    renew,
    upkeep,
    promote,
    reap,
    get,
    dumped,
    state,
    expect,
    drain,
    see,
  };
}

/** The one element that must be there. */
export function only<T>(list: readonly T[]): T {
  assert.equal(list.length, 1);
  return list[0] as T; // its length was just asserted
}

function shown(job: JobDetail): string {
  const more = job.hold ?? job.reason;
  return more === undefined ? job.state : `${job.state}:${more}`;
}
