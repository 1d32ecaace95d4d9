import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { JobSummary, NewTree } from "../../../src/core/job.ts";
import type { ListFilter } from "../../../src/store/query.ts";
import { shardOf } from "../../../src/store/redis/shards.ts";
import type { Store } from "../../../src/store/store.ts";
import { redisUrl } from "../../servers/addresses.ts";
import { openWorld, type World } from "../conformance/world.ts";
import { redisEngine } from "../engines/redis.ts";
import { child, heir, job, jobId, tree } from "../jobs.ts";
import { commit, ownUrl, withServer, withStore } from "./world.ts";

const all: ListFilter = { states: [], includeChainFailed: true };

async function withWorld(shards: number, work: (world: World) => Promise<void>): Promise<void> {
  const world = await openWorld(redisEngine({ shards, url: redisUrl }));
  try {
    await work(world);
  } finally {
    await world.close();
  }
}

/** All pages; none may be longer than asked, and the last one ends. */
async function listAll(store: Store, filter: ListFilter, size: number): Promise<readonly JobSummary[]> {
  const found: JobSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.listJobs(filter, { size, cursor });
    assert.ok(page.items.length <= size);
    found.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

async function insert(world: World, trees: readonly NewTree[]): Promise<void> {
  await commit(world.store, { insert: trees.map((each) => ({ trees: [each] })) });
}

test("redis reads / a list over many shards has each job once, the newest first, whatever the size of its pages", () =>
  withWorld(16, async (world) => {
    for (let batch = 0; batch < 20; batch += 1) {
      await insert(
        world,
        Array.from({ length: 10 }, (_, index) =>
          tree(job(`j${batch}-${index}`, { queue: index % 2 === 0 ? "even" : "odd" })),
        ),
      );
      world.advance(10);
    }
    for (const size of [1, 7, 64, 1_000]) {
      const found = await listAll(world.store, all, size);
      assert.equal(new Set(found.map(({ id }) => id)).size, 200);
      assert.equal(found.length, 200);
      const times = found.map(({ createdAt }) => createdAt);
      assert.deepEqual(
        times,
        [...times].sort((one, two) => two - one),
      );
    }
    const even = await listAll(world.store, { ...all, queue: job("x", { queue: "even" }).queue }, 7);
    assert.equal(even.length, 100);
    assert.ok(even.every(({ queue }) => queue === "even"));
    assert.deepEqual(await listAll(world.store, { ...all, states: ["RUNNING"] }, 7), []);
  }));

test("redis reads / the newest jobs come first, also when they all lie on one shard and are more than a page reads of it", () =>
  withWorld(16, async (world) => {
    const names = Array.from({ length: 1_000 }, (_, index) => `j${index}`);
    const spread = names.slice(0, 100);
    const together = names.slice(100).filter((name) => shardOf(name, 16) === 3);
    assert.ok(together.length > 40);
    for (const id of [...spread, ...together]) {
      await insert(world, [tree(job(id))]);
      world.advance(1);
    }
    const found = await listAll(world.store, all, 64);
    assert.deepEqual(
      found.map(({ id }) => id),
      [...spread, ...together].reverse(),
    );
  }));

test("redis reads / a page token of another list, or of none, is refused", () =>
  withWorld(16, async ({ store }) => {
    for (const cursor of ["", "x", "1", "1.2", "9".repeat(40)]) {
      await assert.rejects(store.listJobs(all, { size: 5, cursor }), { code: "BAD_TOKEN" }, cursor);
    }
    assert.deepEqual(await store.listJobs({ ...all, parentId: jobId("none") }, { size: 5, cursor: "x" }), {
      items: [],
      cursor: undefined,
    });
  }));

test("redis reads / what lies below a root is found by its id and its parent, on whichever shard that is", () =>
  withWorld(16, async (world) => {
    const roots = Array.from({ length: 20 }, (_, index) => `root${index}`);
    await insert(
      world,
      roots.map((id) => tree(job(id), child(`${id}-c`, {}, child(`${id}-cc`)), heir(`${id}-h`), child(`${id}-d`))),
    );
    const { store } = world;
    for (const id of roots) {
      assert.equal((await store.getJob(jobId(`${id}-cc`)))?.rootId, id);
      const below = await listAll(store, { ...all, parentId: jobId(id) }, 2);
      assert.deepEqual(
        below.map((each) => each.id),
        [`${id}-c`, `${id}-h`, `${id}-d`],
      );
      const chain = await listAll(store, { ...all, rootId: jobId(id) }, 2);
      assert.deepEqual(chain.map((each) => each.id).sort(), [id, `${id}-c`, `${id}-cc`, `${id}-d`, `${id}-h`].sort());
      assert.equal(chain.at(-1)?.id, id);
      assert.deepEqual(await listAll(store, { ...all, rootId: jobId(`${id}-c`) }, 2), []);
    }
    const statuses = await store.getStatuses([...roots.map((id) => jobId(`${id}-cc`)), jobId("none"), jobId("root3")]);
    assert.deepEqual(
      statuses.map((each) => each?.state),
      [...roots.map(() => "HELD"), undefined, "READY"],
    );
  }));

test("redis reads / a chain of thousands is read in bounded slices, and its pages and totals are whole", () =>
  withWorld(1, async (world) => {
    const branches = Array.from({ length: 60 }, (_, index) =>
      child(`p${index}`, {}, ...Array.from({ length: 80 }, (_, leaf) => child(`p${index}-${leaf}`))),
    );
    const leaves = Array.from({ length: 3_000 }, (_, index) => child(`leaf${index}`));
    await insert(world, [tree(job("top"), ...branches, ...leaves, heir("end"))]);
    const first = await world.store.getChain(jobId("top"), { depthMax: 64, size: 50 });
    const total = first?.totals?.reduce((sum, { count }) => sum + count, 0);
    assert.equal(total, 1 + 60 + 60 * 80 + 3_000 + 1);
    const nodes = [...(first?.items ?? [])];
    for (let cursor = first?.cursor; cursor !== undefined; ) {
      const page = await world.store.getChain(jobId("top"), { depthMax: 64, size: 50, cursor });
      assert.equal(page?.totals, undefined);
      nodes.push(...(page?.items ?? []));
      cursor = page?.cursor;
    }
    // The top, its 60 branches, its leaves as one, its heir, and below each branch its leaves as one.
    assert.equal(nodes.length, 1 + 60 + 1 + 1 + 60);
    assert.deepEqual(
      nodes.slice(0, 2).map(({ id, depth }) => [id, depth]),
      [
        ["top", 0],
        ["p0", 1],
      ],
    );
    const own = nodes.find(({ id }) => id === "leaf0");
    assert.deepEqual([own?.count, own?.parentId, own?.depth], [3_000, "top", 1]);
    assert.deepEqual(nodes.at(-1)?.parentId, "p59");
    assert.equal(nodes.at(-1)?.count, 80);
  }));

test("redis reads / a list that must look through thousands goes on over several pages", () =>
  withWorld(1, async (world) => {
    for (let batch = 0; batch < 6; batch += 1) {
      const ids = Array.from({ length: 1_000 }, (_, index) => tree(job(`b${batch}-${index}`)));
      await insert(world, batch === 0 ? [tree(job("first", { queue: "rare" })), ...ids] : ids);
    }
    const found = await listAll(world.store, { ...all, queue: job("x", { queue: "rare" }).queue }, 10);
    assert.deepEqual(
      found.map(({ id }) => id),
      ["first"],
    );
  }));

test("redis reads / a dump of large jobs is read in slices that are bounded by their size", async () => {
  await withServer({}, async ({ server, redis }) => {
    await withStore(ownUrl(server.url), async (store) => {
      const ids = Array.from({ length: 30 }, (_, index) => `j${index}`);
      for (const id of ids) {
        const root = job(id, { payload: new Uint8Array(1_000_000) });
        await commit(store, { insert: [{ trees: [{ root, nodes: [] }] }] });
      }
      await redis.config("RESETSTAT");
      const { jobs } = await store.dump();
      assert.deepEqual(
        jobs.map((each) => each.id),
        ids,
      );
      const calls = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1]);
      assert.ok(calls > 4, `30 MB in ${calls} calls`);
    });
  });
});

test("redis rights / the probe tries every command that the scripts use", () => {
  const folder = new URL("../../../src/store/redis/lua/", import.meta.url);
  const probe = readFileSync(new URL("probe.lua", folder), "utf8");
  const tried = new Set([...probe.matchAll(/\{ '([A-Z]+)'/g)].map(([, name]) => name));
  const used = new Set<string>();
  for (const file of globSync("*.lua", { cwd: folder })) {
    const source = readFileSync(new URL(file, folder), "utf8");
    for (const [, name = ""] of source.matchAll(/\b(?:call|send|sendAll|redis\.call)\('([A-Z]+)'/g)) used.add(name);
  }
  assert.ok(used.size > 15);
  assert.deepEqual(
    [...used].filter((name) => !tried.has(name)),
    [],
  );
});
