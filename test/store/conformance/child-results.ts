import assert from "node:assert/strict";
import { parseTypeName } from "../../../src/core/names.ts";
import { child, error, heir, textOf } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";

export const childResultCases: readonly Case[] = [
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
    name: "children / a page counts the bytes of error texts as they travel, not their characters (53)",
    async run(world) {
      const ids = ["ascii", "cjk", "pictograph", "lone"];
      await declare(world, "p", ...ids.map((id) => child(id)), heir("h", { trigger: "SETTLED" }));
      await world.claim();
      const discard = (id: string, message: string, name: string, stack: string) =>
        world.end(id, { kind: "discard", error: error(message, name, stack) });
      await discard("ascii", "x".repeat(100), "Bad", "y".repeat(97));
      await discard("cjk", "错".repeat(50), "误", "误".repeat(16));
      await discard("pictograph", "🐌".repeat(40), "É", "é".repeat(19));
      await discard("lone", "\ud800".repeat(66), "E", "z");
      await world.claim();
      const pagesOf = async (bytesMax: number) => {
        const pages: string[][] = [];
        let cursor: string | undefined;
        do {
          const page = await world.store.listChildResults(
            world.lease("h").leaseId,
            { completedOnly: false, bytesMax },
            { size: 10, cursor },
          );
          pages.push((page?.items ?? []).map((each) => each.jobId));
          cursor = page?.cursor;
        } while (cursor !== undefined);
        return pages;
      };
      const bytes = [200, 201, 200, 200];
      assert.deepEqual(await pagesOf(bytes.reduce((sum, each) => sum + each)), [ids]);
      assert.deepEqual(await pagesOf(800), [["ascii", "cjk", "pictograph"], ["lone"]]);
      assert.deepEqual(await pagesOf(401), [
        ["ascii", "cjk"],
        ["pictograph", "lone"],
      ]);
      assert.deepEqual(await pagesOf(400), [["ascii"], ["cjk"], ["pictograph", "lone"]]);
    },
  },
];
