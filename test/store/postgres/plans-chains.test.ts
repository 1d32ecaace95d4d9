import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { serverDefaults } from "../../../src/core/job.ts";
import type { Connection } from "../../../src/store/postgres/connection.ts";
import { createWrites } from "../../../src/store/postgres/writes.ts";
import { child, discard, group, heir, job, jobId, success, tree } from "../jobs.ts";
import { type Racers, withRacers } from "./racers.ts";
import { expectFewReads } from "./reads.ts";

const many = 20_000;

/** Work on a schema whose store already holds much of what does not matter. */
async function withCounted(
  work: (racers: Racers, reads: (verb: Verb, rowsMax: number) => Promise<void>, client: pg.Client) => Promise<void>,
): Promise<void> {
  await withRacers(async (racers) => {
    const client = new pg.Client({ connectionString: racers.url });
    await client.connect();
    try {
      await client.query(`SET search_path = ${racers.schema}`);
      const reads = (verb: Verb, rowsMax: number): Promise<void> =>
        expectFewReads(
          { client, schema: racers.schema },
          (connection) => verb(createWrites(connection, { defaults: serverDefaults }), connection),
          rowsMax,
        );
      await work(racers, reads, client);
    } finally {
      await client.end();
    }
  });
}

type Verb = (writes: ReturnType<typeof createWrites>, connection: Connection) => Promise<unknown>;

/** Puts `many` children that are COMPLETED below a job, as if they had gone before. */
function completedBelow(client: pg.Client, id: string): Promise<unknown> {
  return client.query(
    `INSERT INTO job (seq, id, lane, state, run, neg_priority, run_at, created_at, updated_at, ran_at, finished_at,
       parent, root, role, depth, position, edge_flipped, schema_id, principal, payload_bytes)
     SELECT nextval('job_seq'), 'done-' || i, p.lane, 7, 1, 0, 0, 0, 0, 0, 0, p.seq, p.seq, 1, 1, 1000 + i, true, p.schema_id, p.principal, 1
     FROM job p, generate_series(1, ${many}) i WHERE p.id = $1`,
    [id],
  );
}

test("plans / cancel, cascade, retry and bringing back below a wide parent read what they change, not what went well", () =>
  withCounted(async (racers, reads, client) => {
    const dead = ["a", "b", "c"].map((id) => child(id, id === "c" ? { policy: "FAIL_FAST" } : {}));
    const others = ["d", "e"].map((id) => child(id, { delayMs: 60_000 }));
    await racers.insert(tree(group("g"), ...dead, ...others, heir("h", { trigger: "SETTLED" })));
    await racers.claim();
    await completedBelow(client, "g");
    await racers.settle({ a: discard(), b: discard() });
    await reads((writes) => writes.retry([{ id: jobId("a") }]), 60);
    await reads((writes) => writes.cancel([{ id: jobId("a"), includeHeirs: false }]), 60);
    await racers.settle({ c: discard() });
    await reads((writes) => writes.retry([{ id: jobId("b") }]), 60);
    // The cascade looks through all children once for those that are open; a revival does not.
    await racers.upkeep();
    await reads((writes) => writes.retry([{ id: jobId("c") }]), 60);
    await reads((writes) => writes.cascade({ max: 100 }), 100);
  }));

test("plans / stage, report and expand read the frames that they work on", () =>
  withCounted(async (racers, reads, client) => {
    await racers.insert(tree(job("p")));
    await racers.insert(tree(job("q")));
    await racers.claim();
    await completedBelow(client, "q");
    const leaseId = racers.lease("p");
    for (let seq = 1; seq <= 5; seq += 1) {
      const nodes = Array.from({ length: 400 }, (_, index) => child(`n${seq}-${index}`, { key: `k${seq}-${index}` }));
      await reads((writes) => writes.stage([{ leaseId, seq, nodes }]), 450);
    }
    await reads((writes) => writes.report([{ leaseId, bytes: new Uint8Array(5) }]), 20);
    await racers.settle({ p: { kind: "success", nodes: [], staged: 2_000 } });
    for (let step = 0; step < 4; step += 1) await reads((writes) => writes.expand({ max: 500 }), 1_100);
  }));

test("plans / prune and remove read what goes, however much is kept", () =>
  withCounted(async (racers, reads, client) => {
    for (const id of ["a", "b", "c"]) await racers.insert(tree(job(id), child(`${id}1`), child(`${id}2`)));
    for (let level = 0; level < 2; level += 1) {
      const ids = [...(await racers.claim()).keys()];
      await racers.settle(Object.fromEntries(ids.map((id) => [id, success()])));
    }
    const [{ now }] = (await client.query("SELECT now_ms(NULL) AS now")).rows;
    await client.query(
      `INSERT INTO job (seq, id, lane, state, run, neg_priority, run_at, created_at, updated_at, ran_at, finished_at, schema_id, principal, payload_bytes)
       SELECT nextval('job_seq'), 'kept-' || i, p.lane, 7, 1, 0, 0, 0, 0, 0, $1::bigint, p.schema_id, p.principal, 1
       FROM job p, generate_series(1, ${many}) i WHERE p.id = 'a'`,
      [now],
    );
    await client.query(
      `INSERT INTO ended SELECT lane, 7, finished_at, array_agg(seq) FROM job WHERE id LIKE 'kept-%' GROUP BY lane, finished_at, seq / 10`,
    );
    await client.query(
      `INSERT INTO tombstone SELECT 'gone-' || i, 'asked-' || i, 'a.B', '', $1::bigint + 1000000 FROM generate_series(1, ${many}) i`,
      [now],
    );
    await reads((writes) => writes.remove([jobId("a")], { max: 100 }), 60);
    await client.query("UPDATE job SET finished_at = 1 WHERE id IN ('b', 'c')");
    await client.query(
      "UPDATE ended SET finished_at = 1 WHERE roots && ARRAY(SELECT seq FROM job WHERE id IN ('b', 'c'))",
    );
    await reads(async (writes) => assert.equal((await writes.prune({ max: 100 })).count, 6), 200);
    await reads((writes) => writes.prune({ max: 100 }), 100);
    await reads(async (writes) => {
      const insert = ["x", "y"].map((id) => ({ trees: [{ root: job(id, { requestId: `r${id}` }), nodes: [] }] }));
      await writes.commit({ renew: [], settle: [], insert, claim: [] });
    }, 30);
  }));
