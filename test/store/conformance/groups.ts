import assert from "node:assert/strict";
import { child, discard, group, heir, job, success, textOf, tree } from "../jobs.ts";
import type { Case } from "./case.ts";

export const groupCases: readonly Case[] = [
  {
    name: "group / releases its children at once and is never claimed (42)",
    async run(world) {
      await world.insert(tree(group("g"), child("a"), child("b"), heir("h")));
      await world.expect({ g: "AWAITING_CHILDREN", a: "READY", b: "READY", h: "HELD:BARRIER" });
      assert.equal((await world.get("g")).ranAt, world.now);
      assert.deepEqual(await world.drain(), ["a", "b", "h"]);
      await world.expect({ g: "COMPLETED" });
      assert.deepEqual((await world.get("g")).attempts, []);
    },
  },
  {
    name: "group / with a run time ahead it holds its children until then (49)",
    async run(world) {
      await world.insert(tree(group("g", { delayMs: 1_000 }), child("a"), child("b", { delayMs: 500 }), heir("h")));
      await world.expect({ g: "SCHEDULED", a: "HELD:PARENT", h: "HELD:BARRIER" });
      world.advance(1_000);
      const answer = await world.store.promote({ max: 10 });
      assert.deepEqual([answer.count, answer.nextInMs], [1, 500]);
      await world.expect({ g: "AWAITING_CHILDREN", a: "READY", b: "SCHEDULED", h: "HELD:BARRIER" });
      assert.equal((await world.get("b")).runAt, world.now + 500);
      world.advance(500);
      await world.drain();
      await world.expect({ g: "COMPLETED" });
    },
  },
  {
    name: "group / with nothing below it is completed (43)",
    async run(world) {
      await world.insert(group("now"), group("later", { delayMs: 10 }));
      await world.expect({ now: "COMPLETED", later: "SCHEDULED" });
      world.advance(10);
      const answer = await world.store.promote({ max: 10 });
      assert.deepEqual(answer.effects.ended, [{ id: "later", state: "COMPLETED" }]);
      await world.expect({ later: "COMPLETED" });
    },
  },
  {
    name: "group / without children its heirs are judged at once, at insert and at promote (43)",
    async run(world) {
      const below = (prefix: string) => [
        heir(`${prefix}h`),
        heir(`${prefix}s`, { trigger: "SETTLED" }),
        heir(`${prefix}f`, { trigger: "ANY_FAILED" }),
      ];
      await world.insert(tree(group("g"), ...below("g")), tree(group("l", { delayMs: 10 }), ...below("l")));
      await world.expect({ g: "AWAITING_CHILDREN", gh: "READY", gs: "READY", gf: "CANCELLED:TRIGGER_NOT_MET" });
      world.advance(10);
      await world.promote();
      await world.expect({ l: "AWAITING_CHILDREN", lh: "READY", ls: "READY", lf: "CANCELLED:TRIGGER_NOT_MET" });
      await world.drain();
      await world.expect({ g: "COMPLETED", l: "COMPLETED" });
    },
  },
  {
    name: "group / only an unwanted heir completes it at once (43)",
    async run(world) {
      await world.insert(tree(group("g"), heir("f", { trigger: "ANY_FAILED" })));
      await world.expect({ g: "COMPLETED", f: "CANCELLED:TRIGGER_NOT_MET" });
      await world.insert(tree(group("l"), heir("lf", { trigger: "ANY_FAILED" }, child("lf1"))));
      await world.expect({ l: "AWAITING_CHILDREN", lf: "AWAITING_CHILDREN", lf1: "HELD:PARENT" });
      await world.upkeep();
      await world.expect({ l: "COMPLETED", lf: "CANCELLED:TRIGGER_NOT_MET", lf1: "CANCELLED:PARENT_CANCELLED" });
    },
  },
  {
    name: "group / fails with its children, by their policies (47)",
    async run(world) {
      await world.insert(
        tree(group("g"), child("a", { policy: "FAIL_FAST" }), child("b"), heir("f", { trigger: "ANY_FAILED" })),
      );
      await world.claim({ jobsMax: 1 });
      await world.discard("a");
      await world.upkeep();
      await world.expect({ a: "DEAD:DISCARDED", b: "CANCELLED:SIBLING_FAILED", f: "READY" });
      await world.drain();
      await world.expect({ g: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "group / takes the result of its result heir, of any type (53)",
    async run(world) {
      await world.insert(tree(group("g"), child("a"), heir("h", { asResult: true })));
      await world.drain((id) => success([], `of ${id}`));
      assert.equal(textOf((await world.get("g")).result), "of h");
    },
  },
  {
    name: "group / a repeat inserts nothing (3)",
    async run(world) {
      const whole = tree(group("g"), child("a"));
      await world.insert(whole);
      await world.drain(() => discard());
      const before = await world.store.dump();
      assert.deepEqual(await world.insertTogether(whole), {
        kind: "inserted",
        roots: [{ id: "g", deduplicated: true }],
      });
      assert.deepEqual(await world.store.dump(), before);
    },
  },
  {
    name: "group / its children inherit its priority and metadata (42)",
    async run(world) {
      await world.insert(
        job("plain"),
        tree(group("g", { priority: 3, metadata: { trace: "t" } }), child("a"), heir("h")),
      );
      assert.deepEqual(await world.claimIds(), ["a", "plain"]);
      assert.deepEqual((await world.get("h")).metadata, { trace: "t" });
    },
  },
];
