import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { serverDefaults } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import type { Connection } from "../../../src/store/postgres/connection.ts";
import { listJobs } from "../../../src/store/postgres/list-jobs.ts";
import { getJob, getStatuses } from "../../../src/store/postgres/read-job.ts";
import { getQueue } from "../../../src/store/postgres/read-queue.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { createWrites } from "../../../src/store/postgres/writes.ts";
import type { ListFilter } from "../../../src/store/query.ts";
import type { Store } from "../../../src/store/store.ts";
import { postgresUrl } from "../../servers/addresses.ts";
import { job } from "../jobs.ts";
import { expectFewReads } from "./reads.ts";
import { withSchema, withSettings } from "./world.ts";

const schema = `plans_${process.pid}`;
const ready = 30_000;
const { queue, payload } = job("a");
const sessionId = "s-1" as SessionId;
const options = { defaults: serverDefaults };

let store: Store;
let client: pg.Client;

before(async () => {
  const url = await postgresUrl();
  store = await openPostgresStore(withSettings(url, { schema }), options);
  client = new pg.Client({ connectionString: url });
  await client.connect();
  await store.openSession({ sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 600_000 });
  for (let first = 0; first < ready; first += 2_000) {
    const insert = Array.from({ length: 2_000 }, (_, index) => ({
      trees: [{ root: job(`j${first + index}`, { priority: index % 3 }), nodes: [] }],
    }));
    await store.commit({ renew: [], settle: [], insert, claim: [] });
  }
  await store.commit({
    renew: [],
    settle: [],
    insert: [{ trees: [{ root: job("other", { queue: "other" }), nodes: [] }] }],
    claim: [],
  });
});

after(async () => {
  await store.close();
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
});

const readsFew = (work: (connection: Connection) => Promise<unknown>, rowsMax: number): Promise<void> =>
  expectFewReads({ client, schema }, work, rowsMax);

function claim(connection: Connection, nonce: string): Promise<unknown> {
  const lanes = [
    { queue, types: [payload.type], jobsMax: 50 },
    { queue: job("other", { queue: "other" }).queue, types: [payload.type], jobsMax: 50 },
  ];
  const item = { sessionId, epoch: 1, nonce, jobsMax: 50, bytesMax: 1e6, lanes };
  return createWrites(connection, { defaults: serverDefaults }).commit({
    renew: [],
    settle: [],
    insert: [],
    claim: [item],
  });
}

for (const statistics of ["without statistics", "after ANALYZE"] as const) {
  test(`plans / a claim reads what it takes, ${statistics}, however often it is asked (F)`, async () => {
    if (statistics === "after ANALYZE") {
      for (const table of ["job", "ready", "payload", "lane"]) await client.query(`ANALYZE ${schema}.${table}`);
    }
    // More than five times: then the server may take a plan that fits every parameter.
    for (let round = 0; round < 8; round += 1) {
      await readsFew((connection) => claim(connection, `${statistics}-${round}`.padEnd(32, "x")), 400);
    }
  });
}

test("plans / an application's enqueue reads what it brings, also where its connection called it first when there were few jobs", () =>
  withSchema(async ({ url, sql, schema: small }) => {
    await (await openPostgresStore(url, options)).close();
    const enqueue = `SELECT {schema}.enqueue('a.B', '')`;
    await sql("ALTER TABLE {schema}.job SET (autovacuum_enabled = false)");
    for (let call = 0; call < 60; call += 1) await sql(enqueue);
    await sql("ANALYZE {schema}.job");
    for (let call = 0; call < 8; call += 1) await sql(enqueue);
    await sql(`
      INSERT INTO {schema}.job (seq, id, lane, state, neg_priority, run_at, created_at, updated_at, schema_id, principal, payload_bytes)
      SELECT nextval('{schema}.job_seq'), 'x' || i, 1, 7, 0, 0, 0, 0, 1, 2, 1 FROM generate_series(1, 20000) i`);
    const read =
      "SELECT seq_tup_read::int + coalesce(idx_tup_fetch, 0)::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'job' AND schemaname = $1";
    await sql("BEGIN");
    const [before] = await sql(read, [small]);
    await sql(enqueue);
    const [after] = await sql(read, [small]);
    await sql("COMMIT");
    const rows = Number(after?.rows) - Number(before?.rows ?? 0);
    assert.ok(rows < 100, `${rows} rows were read`);
  }));

test("plans / reads of jobs look at what they show", async () => {
  await readsFew((connection) => getJob(connection, job("j7").id), 10);
  await readsFew((connection) => getStatuses(connection, [job("j7").id, job("j9").id]), 10);
  await readsFew((connection) => getQueue(connection, queue), 20);
});

test("plans / a page of a list reads a window of jobs, from the narrowest index", async () => {
  const all: ListFilter = { states: [], includeChainFailed: true };
  const page = { size: 50 };
  await readsFew((connection) => listJobs(connection, all, page), 1_500);
  await readsFew((connection) => listJobs(connection, { ...all, states: ["READY"] }, page), 1_500);
  await readsFew((connection) => listJobs(connection, { ...all, states: ["DEAD"] }, page), 10);
  await readsFew((connection) => listJobs(connection, { ...all, states: ["RUNNING"] }, page), 4_000);
  await readsFew((connection) => listJobs(connection, { ...all, rootId: job("j7").id }, page), 50);
  await readsFew((connection) => listJobs(connection, { ...all, parentId: job("j7").id }, page), 50);
  // One job far back, found page by page: each looks through no more than its windows.
  let cursor: string | undefined;
  const found: string[] = [];
  do {
    await readsFew(async (connection) => {
      const filter: ListFilter = {
        ...all,
        queue: job("other", { queue: "other" }).queue,
        states: ["READY", "COMPLETED"],
      };
      const answer = await listJobs(connection, filter, { size: 50, cursor });
      found.push(...answer.items.map(({ id }) => id));
      cursor = answer.cursor;
    }, 45_000);
  } while (cursor !== undefined);
  assert.deepEqual(found, ["other"]);
});
