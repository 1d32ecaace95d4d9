import assert from "node:assert/strict";
import { parseTypeName } from "../../../src/core/names.ts";
import type { ListFilter } from "../../../src/store/store.ts";
import { child, discard, error, failure, heir, job, jobId, success, textOf, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./chains.ts";
import type { World } from "./world.ts";

/** Ids of all pages of this size; every page but the last says how to go on. */
async function list(world: World, filter: Partial<ListFilter>, size = 100): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await world.store.listJobs({ states: [], includeChainFailed: true, ...filter }, { size, cursor });
    assert.ok(page.items.length <= size);
    found.push(...page.items.map((each) => each.id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`);

export const readCases: readonly Case[] = [
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
      assert.deepEqual(await list(world, { queue: job("x").queue }, 50), [...ids].reverse());
      assert.deepEqual(await list(world, { states: ["READY"] }, 7), [...ids].reverse());
      for (const id of [ids[0], ids[60], ids[129]]) assert.equal((await world.get(id ?? "")).state, "READY");
    },
  },
  {
    name: "list / newest first, one page after the other, while jobs come and go (19)",
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
  {
    name: "children / only a live lease of an heir reads its siblings' results (53)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await world.claim();
      const read = (id: string) =>
        world.store.listChildResults(world.lease(id).leaseId, { completedOnly: true, bytesMax: 1_000 }, { size: 10 });
      assert.equal(await read("c"), undefined);
      await world.succeed("c", [], "result");
      assert.equal(await read("p"), undefined);
      await world.claim();
      const page = await read("h");
      assert.deepEqual(
        page?.items.map((each) => textOf(each.result)),
        ["result"],
      );
      await world.succeed("h");
      assert.equal(await read("h"), undefined);
    },
  },
  {
    name: "children / all come with state, result and error; completed ones of a type can be asked for (53)",
    async run(world) {
      await declare(
        world,
        "p",
        child("ok", { key: "k", type: "test.v1.A" }),
        child("dead", { type: "test.v1.B" }),
        child("late", { type: "test.v1.B" }),
        heir("h", { trigger: "SETTLED" }),
      );
      await world.claim();
      await world.end("dead", { kind: "discard", error: error("bad input", "BadInput", "at x") });
      await world.succeed("late", [], "late result");
      await world.succeed("ok", [], "ok result");
      await world.claim();
      const read = async (completedOnly: boolean, type?: string) =>
        (
          await world.store.listChildResults(
            world.lease("h").leaseId,
            { completedOnly, bytesMax: 1_000_000, type: type === undefined ? undefined : parseTypeName(type) },
            { size: 10 },
          )
        )?.items ?? assert.fail();
      assert.deepEqual(
        (await read(false)).map((each) => [
          each.jobId,
          each.type,
          each.key,
          each.state,
          each.reason,
          textOf(each.result),
          each.error,
        ]),
        [
          ["ok", "test.v1.A", "k", "COMPLETED", undefined, "ok result", undefined],
          ["dead", "test.v1.B", "", "DEAD", "DISCARDED", undefined, error("bad input", "BadInput", "at x")],
          ["late", "test.v1.B", "", "COMPLETED", undefined, "late result", undefined],
        ],
      );
      const ids = async (completedOnly: boolean, type?: string) =>
        (await read(completedOnly, type)).map((each) => each.jobId);
      assert.deepEqual(await ids(true), ["ok", "late"]);
      assert.deepEqual(await ids(true, "test.v1.B"), ["late"]);
      assert.deepEqual(await ids(false, "test.v1.B"), ["dead", "late"]);
      assert.deepEqual(await ids(false, "test.v1.C"), []);
    },
  },
  {
    name: "children / a page ends before its bytes but holds at least one child (53)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), child("big"), child("c"), heir("h"));
      await world.claim();
      for (const id of ["a", "b", "c"]) await world.succeed(id, [], "x".repeat(100));
      await world.succeed("big", [], "x".repeat(10_000));
      await world.claim();
      const pages: string[][] = [];
      let cursor: string | undefined;
      do {
        const page = await world.store.listChildResults(
          world.lease("h").leaseId,
          { completedOnly: true, bytesMax: 250 },
          { size: 10, cursor },
        );
        pages.push((page?.items ?? []).map((each) => each.jobId));
        cursor = page?.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(pages, [["a", "b"], ["big"], ["c"]]);
    },
  },
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
  {
    name: "names / no stored text breaks a key, a query or a page (72)",
    async run(world) {
      const hostile = [
        "'; DROP TABLE jobs; --",
        '"double" and `back`',
        "%_\\%",
        "a:b{c}d|e,f/g",
        "null",
        "__proto__",
        "constructor",
        "0",
        " spaced ",
        "~".repeat(128),
      ];
      await world.insert(...hostile.map((id) => job(id, { requestId: `r${id}`.slice(0, 128), payload: id })));
      assert.deepEqual(await list(world, {}, 3), [...hostile].reverse());
      for (const id of hostile) {
        const again = await world.insertTogether(job(id, { payload: id }));
        assert.deepEqual(again, { kind: "inserted", roots: [{ id, deduplicated: true }] });
      }
      assert.deepEqual(await world.claimIds(), hostile);
      const keys = ["__proto__", "toString", "'; --", "ключ", "k\u0000k"];
      await world.succeed(
        "0",
        keys.map((key, index) => child(`k${index}`, { key, metadata: { [key]: key, constructor: "c" } })),
      );
      for (const id of hostile.filter((each) => each !== "0")) {
        await world.end(id, failure({ error: error(id, id, id) }));
        assert.deepEqual((await world.get(id)).attempts[0]?.error, error(id, id, id));
      }
      const leases = await world.claim();
      assert.deepEqual(
        leases.map((lease) => lease.key),
        keys,
      );
      assert.deepEqual(
        leases.map((lease) => Object.entries(lease.metadata).sort()),
        keys.map((key) =>
          Object.entries({ constructor: "c", ...JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(key)}}`) }).sort(),
        ),
      );
      await world.settle(...leases.map((lease) => world.item(lease, success())));
      await world.expect({ 0: "COMPLETED" });
    },
  },
  {
    name: "names / queues and types with dots, dashes and underscores stay apart (72)",
    async run(world) {
      const queues = ["a", "a.b", "a-b", "a_b", "a.b.c", "0", "a".repeat(100)];
      const types = ["A", "a.A", "a.b.A", "a_b.A", "_x.Y9"];
      const all = queues.flatMap((queue) => types.map((type) => ({ id: `${queue}/${type}`, queue, type })));
      await world.insert(...all.map(({ id, ...options }) => job(id.slice(-100), options)));
      for (const { id, queue, type } of all) {
        assert.deepEqual(await world.claimIds({ lanes: [{ queue, types: [type] }] }), [id.slice(-100)]);
      }
    },
  },
];
