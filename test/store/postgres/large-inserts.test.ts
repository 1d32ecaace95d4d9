import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import type { CommitBatch, InsertItem } from "../../../src/store/commit.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { child, job, tree } from "../jobs.ts";
import { type SchemaWorld, withSchema } from "./world.ts";

async function withStore(work: (store: Store, world: SchemaWorld) => Promise<void>): Promise<void> {
  await withSchema(async (world) => {
    const store = await openPostgresStore(world.url, { defaults: serverDefaults });
    try {
      await work(store, world);
    } finally {
      await store.close();
    }
  });
}

function inserting(...insert: readonly InsertItem[]): CommitBatch {
  return { renew: [], settle: [], insert, claim: [] };
}

function treeOf(id: string, nodes: number): ReturnType<typeof tree> {
  return tree(job(id), ...Array.from({ length: nodes }, (_, index) => child(`${id}-${index}`)));
}

test("insert / a tree of thousands that is sent twice in one commit is looked at within the bound of a statement (3)", () =>
  withStore(async (store) => {
    const trees = [treeOf("big", 4_999)];
    // The server itself ends what takes longer than its bound for a statement.
    const { inserted } = await store.commit(inserting({ trees }, { trees }));
    assert.deepEqual(
      inserted.map((answer) => answer.kind === "inserted" && answer.roots[0]?.deduplicated),
      [false, true],
    );
  }));

test("insert / within one item a later tree may repeat an earlier one, and the first id that is taken is named", () =>
  withStore(async (store) => {
    const { inserted } = await store.commit(
      inserting(
        { trees: [treeOf("a", 2), { root: job("a"), nodes: [] }, treeOf("b", 1)] },
        { trees: [treeOf("c", 2), tree(job("d"), child("c-1"), child("a"))] },
        { trees: [treeOf("e", 1), tree(job("f"), child("f-1"), child("f-1"))] },
        { trees: [tree(job("g"), child("g-1"), child("b-0"))] },
        { trees: [treeOf("c", 2)] },
      ),
    );
    const roots = (...ids: readonly (readonly [string, boolean])[]) => ({
      kind: "inserted",
      roots: ids.map(([id, deduplicated]) => ({ id, deduplicated })),
    });
    assert.deepEqual(inserted, [
      roots(["a", false], ["a", true], ["b", false]),
      { kind: "refused", index: 1, code: "JOB_ID_EXISTS", id: "c-1" },
      { kind: "refused", index: 1, code: "JOB_ID_EXISTS", id: "f-1" },
      { kind: "refused", index: 0, code: "JOB_ID_EXISTS", id: "b-0" },
      roots(["c", false]),
    ]);
  }));

test("insert / an id that an open transaction holds is refused for now, the rest of the commit goes in, and its sessions wait for moments only", () =>
  withStore(async (store, { sql }) => {
    const sessionId = "s-1" as SessionId;
    await store.openSession({ sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 60_000 });
    await sql("BEGIN");
    await sql(`SELECT {schema}.enqueue('a.B', '', '{"id": "held", "request_id": "r"}')`);
    const renew = [{ sessionId, epoch: 1, ttlMs: 60_000, buffered: [] }];
    const startedAt = performance.now();
    const insert = [
      { trees: [treeOf("a", 0)] },
      { trees: [treeOf("held", 0)] },
      { trees: [tree(job("b", { requestId: "r", type: "other.T" }))] },
      { trees: [treeOf("c", 1), treeOf("d", 0), tree(job("e"), child("held"))] },
      { trees: [treeOf("f", 1)] },
    ];
    const { inserted, renewed } = await store.commit({ ...inserting(...insert), renew });
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < 8_000, `${tookMs} ms`);
    const busy = { kind: "refused", code: "SERVER_BUSY" };
    assert.deepEqual(inserted, [
      { kind: "inserted", roots: [{ id: "a", deduplicated: false }] },
      { ...busy, index: 0, id: "held" },
      { ...busy, index: 0, id: "b" },
      { ...busy, index: 2, id: "e" },
      { kind: "inserted", roots: [{ id: "f", deduplicated: false }] },
    ]);
    assert.equal(renewed[0]?.kind, "renewed");
    await sql("ROLLBACK");
    const again = await store.commit(inserting(...insert));
    assert.deepEqual(
      again.inserted.map(
        (answer) => answer.kind === "inserted" && answer.roots.map(({ deduplicated }) => deduplicated),
      ),
      [[true], [false], [false], false, [true]],
    );
    const { jobs } = await store.dump();
    assert.deepEqual(jobs.map(({ id }) => id).sort(), ["a", "b", "f", "f-0", "held"]);
    assert.equal((await store.getQueue(job("a").queue))?.lanes.length, 2);
  }));
