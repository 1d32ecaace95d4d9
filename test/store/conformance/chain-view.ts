import assert from "node:assert/strict";
import { child, heir, jobId } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`);

export const chainViewCases: readonly Case[] = [
  {
    name: "chain view / leaves of one kind are one entry, parents before what is below them (42)",
    async run(world) {
      await declare(
        world,
        "p",
        ...numbered(5).map((id) => child(id)),
        child("mid", { key: "m" }),
        child("odd", { type: "test.v1.Odd" }),
        heir("h", { trigger: "SETTLED" }),
      );
      await world.claim();
      await world.succeed("a0");
      await world.succeed("a3");
      await world.discard("odd");
      await world.succeed("mid", [child("leaf")]);
      const page = await world.store.getChain(jobId("p"), { size: 100, depthMax: 64 });
      assert.ok(page);
      assert.equal(page.rootId, "p");
      assert.equal(page.cursor, undefined);
      const lines = page.items.map((each) =>
        [each.parentId ?? "-", each.count, each.type, each.state, each.role, each.depth].join(" "),
      );
      assert.equal(lines[0], "- 1 test.v1.Work AWAITING_CHILDREN ROOT 0");
      assert.deepEqual([...lines].sort(), [
        "- 1 test.v1.Work AWAITING_CHILDREN ROOT 0",
        "mid 1 test.v1.Work READY CHILD 2",
        "p 1 test.v1.Odd DEAD CHILD 1",
        "p 1 test.v1.Work AWAITING_CHILDREN CHILD 1",
        "p 1 test.v1.Work HELD HEIR 1",
        "p 2 test.v1.Work COMPLETED CHILD 1",
        "p 3 test.v1.Work RUNNING CHILD 1",
      ]);
      const place = (id: string) => page.items.findIndex((each) => each.id === id);
      assert.ok(place("mid") < place("leaf") && place("mid") > place("p"));
      const mid = page.items[place("mid")];
      assert.deepEqual([mid?.key, mid?.pendingChildren, mid?.pendingHeirs], ["m", 1, 0]);
      assert.deepEqual(page.items.find((each) => each.role === "HEIR")?.trigger, "SETTLED");
      const totals = Object.fromEntries(
        (page.totals ?? []).filter((each) => each.count > 0).map((each) => [each.state, each.count]),
      );
      assert.deepEqual(totals, { AWAITING_CHILDREN: 2, COMPLETED: 2, RUNNING: 3, DEAD: 1, READY: 1, HELD: 1 });
    },
  },
  {
    name: "chain view / from a node within, to a depth, in pages (42)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"));
      await world.claim();
      await world.succeed("a", [child("a1"), child("a2")]);
      await world.succeed("b", [child("b1")]);
      await world.claim();
      await world.succeed("a1", [child("a11")]);
      const whole = await world.store.getChain(jobId("a"), { size: 100, depthMax: 64 });
      assert.equal(whole?.rootId, "p");
      assert.deepEqual(
        whole?.items.map((each) => [each.id, each.depth]),
        [
          ["a", 0],
          ["a1", 1],
          ["a2", 1],
          ["a11", 2],
        ],
      );
      const shallow = await world.store.getChain(jobId("p"), { size: 100, depthMax: 1 });
      assert.deepEqual(
        shallow?.items.map((each) => each.id),
        ["p", "a", "b"],
      );
      const all = await world.store.getChain(jobId("p"), { size: 100, depthMax: 64 });
      const paged: unknown[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages === 0 || cursor !== undefined; pages += 1) {
        const page = await world.store.getChain(jobId("p"), { size: 2, depthMax: 64, cursor });
        assert.ok(page && page.items.length <= 2);
        assert.equal(page.totals !== undefined, pages === 0);
        paged.push(...page.items);
        cursor = page.cursor;
      }
      assert.deepEqual(paged, all?.items);
    },
  },
];
