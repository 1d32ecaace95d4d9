import assert from "node:assert/strict";
import { test } from "node:test";
import type Database from "better-sqlite3";
import { cancelJob, remove, retryJob, stage } from "../conformance/ask.ts";
import { child, discard, failure, heir, job, success, tree } from "../jobs.ts";
import { withWorld } from "./world.ts";

const perJob = [
  "job",
  "payload",
  "attempt",
  "barrier",
  "cascade",
  "progress",
  "pruning",
  "stage",
  "stage_frame",
  "stage_key",
];

test("left over / nothing of a chain is, whatever became of its jobs (69)", () =>
  withWorld(async (world, db) => {
    const { store } = world;
    const inner = child("inner", { key: "inner" }, child("dies"), child("stays"));
    await world.insert(tree(job("root", { metadata: { a: "b" } }), inner, heir("heir")), job("stages"), job("stopped"));
    const progress = (await world.claim()).map(({ leaseId }) => ({ leaseId, bytes: new Uint8Array(3) }));
    await store.report(progress);
    await stage(world, "stages", 1, [child("staged", { key: "one" })]);
    const accepted = { ...success([heir("last")]), staged: 1 };
    await world.end("stages", accepted);
    await cancelJob(world, "stopped");
    await world.end("stopped", failure());
    await world.succeed("root");
    await world.drain((id) => (id === "dies" ? discard() : success([], "done")));
    await retryJob(world, "dies");
    await world.drain(() => success([], "done"));
    await world.expect({ root: "COMPLETED", stages: "COMPLETED", stopped: "CANCELLED:REQUESTED" });
    assert.equal((await remove(world, "root", 2)).kind, "removed");
    world.advance(2 * 86_400_000);
    while ((await store.prune({ max: 2 })).more);
    await store.prune({ max: 2 });
    assert.deepEqual(filled(db, perJob), {});
    const counted = db.prepare<[], { n: number }>("SELECT sum(n) AS n FROM counter WHERE lane > 0").get();
    assert.equal(counted?.n, 0);
  }));

test("left over / what an attempt staged in vain goes as others stage, and with pruning (57)", () =>
  withWorld(async (world, db) => {
    const frame = (attempt: number, seq: number) =>
      Array.from({ length: 900 }, (_, index) => child(`${attempt}-${seq}-${index}`, { key: `${seq}-${index}` }));
    await world.insert(
      job("parent", { maxAttempts: 2, backoff: { kind: "FIXED", initialMs: 0, maxMs: 0, multiplier: 1, jitter: 0 } }),
    );
    for (const attempt of [1, 2]) {
      world.advance(1);
      await world.promote();
      await world.claim();
      for (const seq of [1, 2, 3])
        assert.equal((await stage(world, "parent", seq, frame(attempt, seq))).kind, "staged");
      await world.end("parent", failure());
    }
    await world.expect({ parent: "DEAD:ATTEMPTS_EXHAUSTED" });
    for (let calls = 0; calls < 10; calls += 1) await world.store.prune({ max: 1 });
    assert.deepEqual(filled(db, ["stage", "stage_frame", "stage_key"]), {});
  }));

test("left over / no session is that history cannot name, and each is that it can (69)", () =>
  withWorld(async (world, db) => {
    const { store } = world;
    const sessions = (): number => db.prepare<[], { n: number }>("SELECT count(*) AS n FROM session").get()?.n ?? 0;
    await world.insert(job("long-done"));
    const session = await world.openSession();
    await world.claim({ session });
    await world.succeed("long-done");
    await store.closeSession(session);
    await store.prune({ max: 10 });
    assert.equal(sessions(), 1);
    world.advance(2 * 86_400_000);
    await store.prune({ max: 10 });
    assert.equal(sessions(), 0);
  }));

/** Rows in those of the tables that have any. */
function filled(db: Database.Database, tables: readonly string[]): Readonly<Record<string, number>> {
  const count = (table: string): number =>
    db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0;
  return Object.fromEntries(tables.map((table) => [table, count(table)]).filter(([, n]) => n !== 0));
}
