import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { child, failure, job, jobId, release, tree } from "../jobs.ts";
import { withRacers } from "./racers.ts";
import { withWorld } from "./world.ts";

const dayMs = 86_400_000;

test("prune / clears away the rows of sessions that no history names any more", () =>
  withWorld(async (world, { sql }) => {
    const sessions = async (): Promise<number> =>
      Number((await sql("SELECT count(*) AS n FROM {schema}.session"))[0]?.n);
    const session = await world.openSession();
    await world.insert(job("a"));
    await world.claim({ session });
    await world.end("a", release);
    await world.store.closeSession(session);
    world.advance(dayMs);
    await world.store.prune({ max: 100 });
    assert.equal(await sessions(), 1, "a job that is there was in its hands");
    await world.insert(job("b"));
    await world.claim();
    await world.succeed("a");
    await world.succeed("b");
    assert.equal(await sessions(), 2);
    world.advance(2 * dayMs);
    assert.equal((await world.store.prune({ max: 100 })).count, 2);
    assert.equal(await sessions(), 1, "the one that is open");
  }));

test("prune / clears away in steps what attempts staged in vain", () =>
  withWorld(async (world, { sql }) => {
    const kept = async (table: string): Promise<number> =>
      Number((await sql(`SELECT count(*) AS n FROM {schema}.${table}`))[0]?.n);
    await world.insert(job("p", { maxAttempts: 3 }));
    await world.claim();
    for (let seq = 1; seq <= 25; seq += 1) {
      const nodes = [child(`n${seq}`, { key: `k${seq}` })];
      await world.store.stage([{ leaseId: world.lease("p").leaseId, seq, nodes }]);
    }
    await world.end("p", failure());
    assert.deepEqual([await kept("frame"), await kept("frame_key")], [25, 25]);
    await world.store.prune({ max: 10 });
    assert.deepEqual([await kept("frame"), await kept("frame_key")], [5, 15]);
    for (let step = 0; step < 2; step += 1) await world.store.prune({ max: 10 });
    assert.deepEqual([await kept("frame"), await kept("frame_key"), await kept("frame_unwanted")], [0, 0, 0]);
  }));

test("prune / clears away at once the few children that each of many attempts staged in vain", () =>
  withWorld(async (world, { sql }) => {
    const ids = Array.from({ length: 30 }, (_, index) => `p${index}`);
    await world.insert(...ids.map((id) => job(id)));
    await world.claim();
    await world.store.stage(
      ids.map((id) => ({ leaseId: world.lease(id).leaseId, seq: 1, nodes: [child(`below-${id}`, { key: "one" })] })),
    );
    for (const id of ids) await world.end(id, failure());
    await world.store.prune({ max: 10 });
    for (const table of ["frame", "frame_key", "frame_unwanted"]) {
      assert.deepEqual(await sql(`SELECT * FROM {schema}.${table}`), [], table);
    }
  }));

test("remove / waits for who clears away what a job staged in vain, who never waits for it", { timeout: 60_000 }, () =>
  withRacers(async (racers) => {
    const { store, url, schema } = racers;
    await racers.insert(tree(job("p", { maxAttempts: 1 })));
    await racers.claim();
    await store.stage([{ leaseId: racers.lease("p"), seq: 1, nodes: [child("n")] }]);
    await racers.settle({ p: failure() });
    const clients = [0, 1].map(() => new pg.Client({ connectionString: url }));
    const [sweeper, watcher] = clients;
    assert.ok(sweeper && watcher);
    try {
      for (const client of clients) await client.connect();
      // As drop_frames begins.
      await sweeper.query(`BEGIN; SELECT FROM ${schema}.frame_unwanted FOR UPDATE`);
      const { rows } = await sweeper.query<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid");
      const waiting = "SELECT FROM pg_stat_activity a WHERE $1 = ANY(pg_blocking_pids(a.pid))";
      await racers.race(
        (writes) => writes.remove([jobId("p")], { max: 10 }),
        async () => {
          while ((await watcher.query(waiting, [rows[0]?.pid])).rowCount === 0);
          await sweeper.query(`DELETE FROM ${schema}.frame; COMMIT`);
        },
      );
      assert.deepEqual((await store.dump()).jobs, []);
    } finally {
      for (const client of clients) await client.end();
    }
  }),
);

test("prune / a root that was revived and ended again is kept from its newest end on", () =>
  withWorld(async (world) => {
    const { store } = world;
    await world.insert(tree(job("root"), child("child")));
    await world.claim();
    await world.succeed("root");
    await world.claim();
    await world.discard("child");
    world.advance(29 * dayMs);
    assert.equal((await store.retry([{ id: jobId("child") }])).answers[0]?.kind, "retried");
    await world.claim();
    await world.discard("child");
    world.advance(2 * dayMs);
    const kept = await store.prune({ max: 100 });
    assert.deepEqual([kept.count, kept.more], [0, false]);
    world.advance(29 * dayMs);
    assert.equal((await store.prune({ max: 100 })).count, 2);
  }));

test("insert / the id of a root that is just being removed is one that is remembered", { timeout: 60_000 }, () =>
  withRacers(async (racers) => {
    await racers.insert(tree(job("a", { requestId: "asked" })));
    await racers.claim();
    await racers.settle({ a: { kind: "success", nodes: [] } });
    const again = [
      { trees: [{ root: job("a"), nodes: [] }] },
      { trees: [{ root: job("b", { requestId: "asked", payload: "a" }), nodes: [] }] },
    ];
    let answers: unknown;
    await racers.overlap(
      (writes) => writes.remove([jobId("a")], { max: 10 }),
      async ({ commit }) => {
        // The connection that stands in for a driver's does nothing again by itself.
        const batch = { renew: [], settle: [], insert: again, claim: [] };
        answers = (await commit(batch).catch(() => commit(batch))).inserted;
      },
    );
    const repeated = { kind: "inserted", roots: [{ id: "a", deduplicated: true }] };
    assert.deepEqual(answers, [repeated, repeated]);
  }),
);
