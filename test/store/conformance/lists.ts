import assert from "node:assert/strict";
import { parseTypeName } from "../../../src/core/names.ts";
import { child, discard, heir, job, jobId, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { list } from "./list-all.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`);

export const listCases: readonly Case[] = [
  {
    name: "get / a job that is not there is undefined (38)",
    async run(world) {
      assert.equal(await world.store.getJob(jobId("nobody")), undefined);
      assert.equal(await world.store.getChain(jobId("nobody"), { size: 10, depthMax: 10 }), undefined);
    },
  },
  {
    name: "jpoz: every job of a queue can be found, not only the first fifty (19)",
    async run(world) {
      const ids = numbered(130);
      await world.insert(...ids.map((id) => job(id)));
      const newestFirst = world.inOrder([...ids].reverse());
      assert.deepEqual(world.inOrder(await list(world, { queue: job("x").queue }, 50)), newestFirst);
      assert.deepEqual(world.inOrder(await list(world, { states: ["READY"] }, 7)), newestFirst);
      for (const id of [ids[0], ids[60], ids[129]]) assert.equal((await world.get(id ?? "")).state, "READY");
    },
  },
  {
    name: "list / newest first, one page after the other, while jobs come and go (19)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(...numbered(10).map((id) => job(id)));
      const filter = { states: [], includeChainFailed: true };
      const first = await world.store.listJobs(filter, { size: 4 });
      assert.deepEqual(
        first.items.map((each) => each.id),
        ["a9", "a8", "a7", "a6"],
      );
      await world.insert(job("newer"));
      await world.claim({ jobsMax: 3 });
      await world.succeed("a1");
      const second = await world.store.listJobs(filter, { size: 4, cursor: first.cursor });
      assert.deepEqual(
        second.items.map((each) => each.id),
        ["a5", "a4", "a3", "a2"],
      );
      const third = await world.store.listJobs(filter, { size: 4, cursor: second.cursor });
      assert.deepEqual(
        third.items.map((each) => `${each.id} ${each.state}`),
        ["a1 COMPLETED", "a0 RUNNING"],
      );
    },
  },
  {
    name: "list / all that is set must match (8)",
    async run(world) {
      await world.insert(
        job("a", { queue: "mail", type: "test.v1.A" }),
        job("b", { queue: "mail", type: "test.v1.B" }),
        job("c", { type: "test.v1.A" }),
        job("d", { queue: "mail", type: "test.v1.A", delayMs: 1_000 }),
      );
      const mail = job("x", { queue: "mail" }).queue;
      const type = parseTypeName("test.v1.A");
      assert.deepEqual(await list(world, { queue: mail }), ["d", "b", "a"]);
      assert.deepEqual(await list(world, { type }), ["d", "c", "a"]);
      assert.deepEqual(await list(world, { queue: mail, type }), ["d", "a"]);
      assert.deepEqual(await list(world, { queue: mail, type, states: ["READY"] }), ["a"]);
      assert.deepEqual(await list(world, { states: ["READY", "SCHEDULED"] }), ["d", "c", "b", "a"]);
      assert.deepEqual(await list(world, { states: ["DEAD"] }), []);
    },
  },
  {
    name: "list / below a root newest first, below a parent in declaration order (42)",
    async run(world) {
      await declare(world, "p", child("c2"), heir("h"), child("c1"));
      await world.claim();
      await world.succeed("c2", [child("g2"), child("g1")]);
      await world.insert(job("other"));
      assert.deepEqual(await list(world, { parentId: jobId("p") }), ["c2", "h", "c1"]);
      assert.deepEqual(await list(world, { parentId: jobId("p") }, 1), ["c2", "h", "c1"]);
      assert.deepEqual(await list(world, { parentId: jobId("c2") }), ["g2", "g1"]);
      assert.deepEqual([...(await list(world, { rootId: jobId("p") }))].sort(), ["c1", "c2", "g1", "g2", "h", "p"]);
      assert.deepEqual(await list(world, { rootId: jobId("p"), states: ["HELD"] }), ["h"]);
    },
  },
  {
    name: "list / static and declared nodes of a parent stand in declaration order (53)",
    async run(world) {
      await world.insert(tree(job("p"), child("s1", {}, child("s11")), heir("sh"), child("s2")));
      await world.claim();
      await world.succeed("p", [child("d1"), heir("dh")]);
      assert.deepEqual(await list(world, { parentId: jobId("p") }), ["s1", "sh", "s2", "d1", "dh"]);
    },
  },
  {
    name: "list / jobs that died of their chain can be left out (47)",
    async run(world) {
      await declare(world, "p", child("c"));
      await world.drain(() => discard());
      await world.expect({ p: "DEAD:CHAIN_FAILED", c: "DEAD:DISCARDED" });
      assert.deepEqual(await list(world, { states: ["DEAD"], includeChainFailed: false }), ["c"]);
      assert.deepEqual(await list(world, { states: ["DEAD"], includeChainFailed: true }), ["c", "p"]);
    },
  },
];
