import assert from "node:assert/strict";
import { test } from "node:test";
import { checkInvariants } from "../../../src/store/invariants.ts";
import { child, job, success, tree } from "../jobs.ts";
import { type SqliteWorld, withWorld } from "./world.ts";

async function assertSound(world: SqliteWorld): Promise<void> {
  assert.deepEqual(checkInvariants(await world.store.dump()).violations, []);
}

const fullDisk = { code: "STORE_FULL", message: /full: free space/ };

test("failure / a full disk refuses the write, changes nothing, and the store goes on once there is room (56)", () =>
  withWorld(async (world, db) => {
    await world.insert(job("before"));
    const before = await world.store.dump();
    const pages = Number(db.pragma("page_count", { simple: true }));
    db.pragma(`max_page_count = ${pages + 4}`);
    const large = Array.from({ length: 50 }, (_, index) =>
      job(`large-${index}`, { queue: "new", payload: new Uint8Array(4_096) }),
    );
    await assert.rejects(world.commit({ insert: large.map((root) => ({ trees: [{ root, nodes: [] }] })) }), fullDisk);
    assert.deepEqual(await world.store.dump(), before);
    await world.insert(job("small", { queue: "new" }));
    db.pragma("max_page_count = 1000000");
    await world.insert(...large);
    assert.equal((await world.store.dump()).jobs.length, 52);
    await assertSound(world);
  }));

test("failure / a lane, a name and numbers that a failed write had made are made again (2)", () =>
  withWorld(async (world) => {
    await world.insert(job("parent"));
    const [lease] = await world.claim();
    assert.ok(lease);
    const twice = success([
      child("same", { queue: "other", schemaId: "s" }),
      child("same", { queue: "other", schemaId: "s" }),
    ]);
    const settle = [{ leaseId: lease.leaseId, outcome: twice, sent: "success" as const, jitter: 0 }];
    await assert.rejects(world.commit({ settle }));
    assert.equal(await world.store.getQueue(job("any", { queue: "other" }).queue), undefined);
    await world.succeed("parent", [child("same", { queue: "other", schemaId: "s" })]);
    assert.equal(await world.state("same"), "READY");
    await assertSound(world);
  }));

test("removed / a job that an operator deletes takes its rows along, and its chain's others still run (26)", () =>
  withWorld(async (world, db) => {
    await world.insert(tree(job("root"), child("one"), child("two")), job("plain"));
    for (const id of ["root", "plain"]) db.prepare("DELETE FROM job WHERE id = ?").run(id);
    for (const table of ["payload", "barrier", "cascade", "attempt"]) {
      const left = db.prepare(`SELECT count(*) AS n FROM ${table} WHERE seq NOT IN (SELECT seq FROM job)`).get();
      assert.deepEqual(left, { n: 0 }, table);
    }
    const queue = await world.store.getQueue(job("any").queue);
    assert.deepEqual(
      queue?.lanes.map((lane) => lane.counts),
      [{ HELD: 2 }],
    );
    assert.deepEqual(await world.claim(), []);
    await world.insert(job("later"));
    assert.equal((await world.claim()).length, 1);
    db.prepare("DELETE FROM job WHERE id IN ('one', 'two')").run();
  }));
