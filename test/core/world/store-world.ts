import assert from "node:assert/strict";
import { type Outcome, type ServerDefaults, serverDefaults } from "../../../src/core/job.ts";
import type { LeaseId, SessionId } from "../../../src/core/names.ts";
import { defaultQueue } from "../../../src/core/names.ts";
import type { Transition } from "../../../src/core/transition.ts";
import type { CommitAnswer, CommitBatch, Lease, SettleAnswer } from "../../../src/store/commit.ts";
import type { DumpedJob } from "../../../src/store/dump.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { jobId, plainType } from "./jobs.ts";

const sessionId = "session" as SessionId; // sessions have no parse function: their ids are the broker's own

/** A memory store under a clock that only the test moves, with one session of a worker for the plain type. */
export interface StoreWorld {
  readonly store: Store;
  readonly transitions: Transition[];
  advance(ms: number): void;
  commit(batch: Partial<CommitBatch>): Promise<CommitAnswer>;
  claim(jobsMax?: number): Promise<readonly Lease[]>;
  settle(leaseId: LeaseId, outcome: Outcome): Promise<SettleAnswer>;
  /** Claims until the job is there, settles it, and gives everything else back to the lane. */
  run(id: string, outcome: Outcome): Promise<void>;
  /** Promotes, propagates and cascades until nothing is due. */
  settleDown(): Promise<void>;
  job(id: string): Promise<DumpedJob>;
  state(id: string): Promise<string>;
}

export async function openWorld(defaults: Partial<ServerDefaults> = {}): Promise<StoreWorld> {
  let now = 1_000_000;
  let claims = 0;
  const transitions: Transition[] = [];
  const store = await openMemoryStore({
    defaults: { ...serverDefaults, ...defaults },
    clock: () => now,
    onTransition: (each) => transitions.push(each),
  });
  await store.openSession({ sessionId, principal: "", worker: "worker", instanceId: "one", ttlMs: 30_000 });

  const world: StoreWorld = {
    store,
    transitions,
    advance: (ms) => {
      now += ms;
    },
    commit: (batch) => store.commit({ renew: [], settle: [], insert: [], claim: [], ...batch }),
    async claim(jobsMax = 1_000) {
      claims += 1;
      const lanes = [{ queue: defaultQueue, types: [plainType], jobsMax }];
      const bytesMax = Number.POSITIVE_INFINITY;
      const item = { sessionId, epoch: 1, nonce: `nonce${claims}`, jobsMax, bytesMax, lanes };
      const { claimed } = await world.commit({ claim: [item] });
      const [answer] = claimed;
      assert.equal(answer?.kind, "claimed");
      return answer.leases;
    },
    async settle(leaseId, outcome) {
      const { settled } = await world.commit({ settle: [{ leaseId, outcome, sent: outcome.kind, jitter: 0 }] });
      const [answer] = settled;
      assert.ok(answer !== undefined);
      return answer;
    },
    async run(id, outcome) {
      const leases = await world.claim();
      const mine = leases.find((lease) => lease.jobId === id);
      assert.ok(mine !== undefined, `job ${id} was not ready`);
      for (const lease of leases) if (lease !== mine) await world.settle(lease.leaseId, { kind: "release" });
      const answer = await world.settle(mine.leaseId, outcome);
      assert.equal(answer.kind, "accepted");
    },
    async settleDown() {
      for (let more = true; more; ) {
        const steps = [
          await store.promote({ max: 100 }),
          await store.propagate({ max: 100 }),
          await store.cascade({ max: 100 }),
        ];
        more = steps.some((step) => step.more || step.count > 0);
      }
    },
    async job(id) {
      const found = (await store.dump()).jobs.find((each) => each.id === jobId(id));
      assert.ok(found !== undefined, `no job ${id}`);
      return found;
    },
    async state(id) {
      const { state, hold, reason } = await world.job(id);
      return [state, hold, reason].filter((part) => part !== undefined).join(" ");
    },
  };
  return world;
}

export const success: Outcome = { kind: "success", nodes: [] };

export function failure(message = "broken"): Outcome {
  return { kind: "failure", error: { name: "Error", message, stack: "" }, timedOut: false };
}
