import assert from "node:assert/strict";
import pg from "pg";
import type { NewTree, Outcome } from "../../../src/core/job.ts";
import { serverDefaults } from "../../../src/core/job.ts";
import type { JobId, LeaseId, SessionId } from "../../../src/core/names.ts";
import { defaultQueue } from "../../../src/core/names.ts";
import type { CommitBatch } from "../../../src/store/commit.ts";
import { checkInvariants } from "../../../src/store/invariants.ts";
import type { Connection } from "../../../src/store/postgres/connection.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { createWrites } from "../../../src/store/postgres/writes.ts";
import type { Store } from "../../../src/store/store.ts";
import { success, workType } from "../jobs.ts";
import { withSchema } from "./world.ts";

type Writes = ReturnType<typeof createWrites>;
/** One call, on a connection that does nothing again: a deadlock is an error. */
export type Turn = (writes: Writes) => Promise<unknown>;

/** One schema with two connections that are set on each other. */
export interface Racers {
  readonly store: Store;
  readonly url: string;
  readonly schema: string;
  insert(tree: NewTree): Promise<void>;
  /** Leases what is ready; by job id. */
  claim(): Promise<ReadonlyMap<string, LeaseId>>;
  settle(outcomes: Readonly<Record<string, Outcome>>): Promise<void>;
  /** The item that settles a leased job so. */
  outcome(id: string, outcome: Outcome): CommitBatch["settle"][number];
  lease(id: string): LeaseId;
  /** Does the upkeep that is due until there is none. */
  upkeep(): Promise<void>;
  /** Begins both at once. */
  race(left: Turn, right: Turn): Promise<void>;
  /** Begins `second` when `first` has done all but its commit, and commits that when `second` waits for it, or is done. */
  overlap(first: Turn, second: Turn): Promise<void>;
  /** Works all jobs with success until none is left, and checks what must hold before and after. */
  finish(): Promise<void>;
}

const sessionId = "racer" as SessionId; // free text to a store
const options = { defaults: serverDefaults };

/** Gives `work` racers on a schema of their own. */
export async function withRacers(work: (racers: Racers) => Promise<void>): Promise<void> {
  await withSchema(async ({ url, schema }) => {
    const store = await openPostgresStore(url, options);
    const clients = [0, 1, 2].map(() => new pg.Client({ connectionString: url }));
    try {
      for (const client of clients) await client.connect();
      await store.openSession({ sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 3_600_000 });
      await work(createRacers({ store, url, schema }, clients));
    } finally {
      for (const client of clients) await client.end();
      await store.close();
    }
  });
}

function createRacers(
  world: Pick<Racers, "store" | "url" | "schema">,
  [left, right, watcher]: readonly (pg.Client | undefined)[],
): Racers {
  const { store, schema } = world;
  assert.ok(left && right && watcher);
  const leases = new Map<string, LeaseId>();
  let claims = 0;
  const commit = (batch: Partial<CommitBatch>) =>
    store.commit({ renew: [], settle: [], insert: [], claim: [], ...batch });

  const racers: Racers = {
    ...world,
    async insert(tree) {
      const { inserted } = await commit({ insert: [{ trees: [tree] }] });
      assert.equal(inserted[0]?.kind, "inserted");
    },
    async claim() {
      claims += 1;
      const lane = { queue: defaultQueue, types: [workType], jobsMax: 1_000 };
      const nonce = `claim${claims}`;
      const item = { sessionId, epoch: 1, nonce, jobsMax: 1_000, bytesMax: Number.POSITIVE_INFINITY, lanes: [lane] };
      const { claimed } = await commit({ claim: [item] });
      const [answer] = claimed;
      const taken = answer?.kind === "claimed" ? answer.leases : [];
      for (const { jobId, leaseId } of taken) leases.set(jobId, leaseId);
      return new Map(taken.map(({ jobId, leaseId }) => [jobId, leaseId]));
    },
    async settle(outcomes) {
      await commit({ settle: Object.entries(outcomes).map(([id, outcome]) => racers.outcome(id, outcome)) });
    },
    outcome: (id, outcome) => ({ leaseId: racers.lease(id), outcome, sent: outcome.kind, jitter: 0 }),
    lease(id) {
      const found = leases.get(id);
      assert.ok(found !== undefined, `${id} was leased`);
      return found;
    },
    async upkeep() {
      for (let more = true; more; ) {
        const steps = [
          await store.expand({ max: 100 }),
          await store.cascade({ max: 100 }),
          await store.propagate({ max: 100 }),
        ];
        more = steps.some((step) => step.more || step.count > 0);
      }
    },
    async race(first, second) {
      await Promise.all([first(writesOn(left, schema)), second(writesOn(right, schema))]);
    },
    async overlap(first, second) {
      const { rows } = await right.query<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid");
      await left.query("BEGIN");
      await first(writesOn(left, schema));
      let isDone = false;
      const other = second(writesOn(right, schema)).finally(() => {
        isDone = true;
      });
      while (!isDone && !(await waits(watcher, rows[0]?.pid ?? 0)));
      await left.query("COMMIT");
      await other;
    },
    async finish() {
      await racers.upkeep();
      assert.deepEqual(checkInvariants(await store.dump()).violations, []);
      for (;;) {
        const late = await store.listJobs({ states: ["SCHEDULED"], includeChainFailed: true }, { size: 1_000 });
        if (late.items.length > 0) await store.retry(late.items.map(({ id }) => ({ id })));
        const taken = await racers.claim();
        const settle = [...leases.keys()].map((id) => racers.outcome(id, success()));
        await commit({ settle });
        leases.clear();
        await racers.upkeep();
        if (taken.size === 0 && settle.length === 0) break;
      }
      assert.deepEqual(checkInvariants(await store.dump(), { drained: true }).violations, []);
    },
  };
  return racers;
}

/** Whether the backend waits for a lock of another. */
async function waits(watcher: pg.Client, pid: number): Promise<boolean> {
  const { rows } = await watcher.query<{ readonly waits: boolean }>("SELECT pg_blocking_pids($1) <> '{}' AS waits", [
    pid,
  ]);
  return rows[0]?.waits === true;
}

function writesOn(client: pg.Client, schema: string): Writes {
  const read: Connection["read"] = async (text, values) => (await client.query(text, [...values])).rows;
  const connection: Connection = {
    schema,
    nowMs: () => null,
    read,
    snapshot: (inside) => inside(read),
    write: (make) => read(make(false).text, make(false).values),
  };
  return createWrites(connection, options);
}

export function cancelling(...ids: readonly JobId[]): Turn {
  return (writes) => writes.cancel(ids.map((id) => ({ id, includeHeirs: false })));
}

export function retrying(...ids: readonly JobId[]): Turn {
  return (writes) => writes.retry(ids.map((id) => ({ id })));
}

export function settling(...settle: CommitBatch["settle"]): Turn {
  return (writes) => writes.commit({ renew: [], settle, insert: [], claim: [] });
}
