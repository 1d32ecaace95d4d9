import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { CommitBatch } from "../../../src/store/commit.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../jobs.ts";
import { type SchemaWorld, withSchema } from "./world.ts";

const options = { defaults: serverDefaults };

function insertOf(id: string): CommitBatch {
  return { renew: [], settle: [], insert: [{ trees: [{ root: job(id), nodes: [] }] }], claim: [] };
}

/** A store on a server that says `state` to the next `times` inserts. */
async function withFailingInserts(
  fault: { readonly state: string; readonly times: number; readonly text?: string },
  work: (store: Store, world: SchemaWorld) => Promise<void>,
): Promise<void> {
  await withSchema(async (world) => {
    const store = await openPostgresStore(world.url, options);
    try {
      // A sequence, since it alone is not undone with the insert.
      await world.sql(`
        CREATE SEQUENCE {schema}.tries;
        CREATE FUNCTION {schema}.fail_insert() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('{schema}.tries') <= ${fault.times} THEN
            RAISE EXCEPTION '${fault.text ?? "as the test asks"}' USING ERRCODE = '${fault.state}';
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER fail_insert BEFORE INSERT ON {schema}.job FOR EACH ROW EXECUTE FUNCTION {schema}.fail_insert();`);
      await work(store, world);
    } finally {
      await store.close();
    }
  });
}

async function tries({ sql }: SchemaWorld): Promise<unknown> {
  return (await sql("SELECT last_value::int AS n FROM {schema}.tries"))[0]?.n;
}

for (const state of ["40P01", "40001", "53200", "53300", "57P01", "08006"]) {
  test(`server errors / ${state} passes, and is tried again unnoticed`, () =>
    withFailingInserts({ state, times: 2 }, async (store, world) => {
      const { inserted } = await store.commit(insertOf("a"));
      assert.deepEqual(inserted, [{ kind: "inserted", roots: [{ id: "a", deduplicated: false }] }]);
      assert.equal(await tries(world), 3);
      assert.deepEqual((await store.getQueue(job("a").queue))?.lanes[0]?.counts, { READY: 1 });
    }));
}

test("server errors / an insert that waited for a lock in vain is tried by itself, and then refused as busy", () =>
  withFailingInserts({ state: "55P03", times: 3 }, async (store) => {
    const refused = { kind: "refused", index: 0, code: "SERVER_BUSY", id: "a" };
    assert.deepEqual((await store.commit(insertOf("a"))).inserted, [refused]);
    const inserted = { kind: "inserted", roots: [{ id: "a", deduplicated: false }] };
    assert.deepEqual((await store.commit(insertOf("a"))).inserted, [inserted]);
    assert.deepEqual((await store.getQueue(job("a").queue))?.lanes[0]?.counts, { READY: 1 });
  }));

test("server errors / a call that was under way while the functions were replaced is tried again unnoticed", () =>
  withFailingInserts(
    { state: "XX000", times: 2, text: "cache lookup failed for function 4711" },
    async (store, world) => {
      await store.commit(insertOf("a"));
      assert.equal(await tries(world), 3);
    },
  ));

const final: readonly (readonly [state: string, code: string, text: RegExp])[] = [
  ["53100", "STORE_FULL", /is full.*nothing was changed/],
  ["25006", "STORE_READ_ONLY", /takes no writes/],
  ["42501", "STORE_DENIED", /denies a right/],
  ["57014", "STORE_UNAVAILABLE", /took too long/],
  ["XX001", "STORE_CORRUPT", /damaged/],
];

for (const [state, code, text] of final) {
  test(`server errors / ${state} is ${code}, and nothing was changed (G)`, () =>
    withFailingInserts({ state, times: 1_000 }, async (store, world) => {
      await assert.rejects(store.commit(insertOf("a")), { name: "ConveyorError", code, message: text });
      if (state !== "25006") assert.equal(await tries(world), 1);
      const { jobs, queues } = await store.dump();
      assert.deepEqual([jobs, queues], [[], []]);
      await world.sql("DROP TRIGGER fail_insert ON {schema}.job");
      await store.commit(insertOf("a"));
      assert.equal((await store.dump()).jobs.length, 1);
    }));
}

test("server errors / one that lasts is told after some seconds of trying", () =>
  withFailingInserts({ state: "40001", times: 1_000 }, async (store, world) => {
    const startedAt = performance.now();
    await assert.rejects(store.commit(insertOf("a")), {
      code: "STORE_UNAVAILABLE",
      message: /serialise.*nothing was changed/,
    });
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs > 1_000 && tookMs < 10_000, `${tookMs} ms`);
    assert.ok(Number(await tries(world)) > 5);
  }));

test("server errors / a table that another locks for long holds no call for ever", () =>
  withSchema(async ({ url, sql }) => {
    const store = await openPostgresStore(url, options);
    try {
      await sql("BEGIN; LOCK TABLE {schema}.job IN ACCESS EXCLUSIVE MODE");
      const startedAt = performance.now();
      await assert.rejects(store.commit(insertOf("a")), { code: "STORE_UNAVAILABLE", message: /kept a lock/ });
      assert.ok(performance.now() - startedAt < 20_000);
      await sql("ROLLBACK");
      await store.commit(insertOf("a"));
    } finally {
      await store.close();
    }
  }));
