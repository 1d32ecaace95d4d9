import assert from "node:assert/strict";
import { cancel, child, discard, failure, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { failFast } from "./fail-fast-family.ts";
import { ttlMs } from "./world.ts";

export const cascadeCases: readonly Case[] = [
  {
    name: "cascade / goes on in bounded steps and ends (47)",
    async run(world) {
      const siblings = Array.from({ length: 25 }, (_, index) => child(`s${index}`, { delayMs: 1_000 }));
      await failFast(world, ...siblings, heir("h"));
      await world.discard("c");
      const counts: number[] = [];
      for (let more = true; more; ) {
        const step = await world.store.cascade({ max: 10 });
        counts.push(step.count);
        more = step.more;
      }
      assert.ok(Math.max(...counts) <= 10, String(counts));
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        25,
      );
      await world.expect({ s0: "CANCELLED:SIBLING_FAILED", s24: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "cascade / goes on after a crash between its steps (56)",
    needs: ["crash"],
    async run(world) {
      await failFast(world, ...[1, 2, 3, 4].map((index) => child(`s${index}`, { delayMs: 1_000 })), heir("h"));
      await world.discard("c");
      await world.crash();
      for (let more = true; more; ) {
        more = (await world.store.cascade({ max: 1 })).more;
        await world.crash();
      }
      await world.expect({ s1: "CANCELLED:SIBLING_FAILED", s4: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "parent / its own death cancels all that is static below it, whatever the trigger (47)",
    async run(world) {
      await world.insert(
        tree(
          job("p"),
          child("c", {}, child("c1", {}, heir("c11")), heir("c2", { trigger: "SETTLED" })),
          child("d", { policy: "IGNORE" }),
          heir("h"),
          heir("a", { trigger: "ANY_FAILED" }, child("a1")),
          heir("s", { trigger: "SETTLED" }),
        ),
      );
      await world.claim();
      await world.discard("p");
      const waiting = await world.dumped("p");
      assert.deepEqual([waiting.state, waiting.run, waiting.reason], ["AWAITING_CHILDREN", "DEAD", undefined]);
      await world.upkeep(1);
      for (const id of ["c", "c1", "c11", "c2", "d", "h", "a", "a1", "s"]) {
        assert.equal(await world.state(id), "CANCELLED:PARENT_FAILED", id);
      }
      await world.expect({ p: "DEAD:DISCARDED" });
      assert.deepEqual(await world.claimIds(), []);
    },
  },
  {
    name: "parent / dead by attempts or crashes it keeps that reason (47)",
    async run(world) {
      await world.insert(tree(job("a", { maxAttempts: 1 }), child("a1")), tree(job("b"), heir("b1")));
      await world.claim({ jobsMax: 1 });
      await world.end("a", failure());
      await world.store.updateQueue(job("b").queue, { crashLimit: 1 });
      await world.claim({ session: await world.openSession() });
      world.advance(ttlMs);
      await world.reap();
      await world.expect({ a: "AWAITING_CHILDREN", b: "AWAITING_CHILDREN" });
      await world.upkeep();
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED", b: "DEAD:CRASH_LIMIT", a1: "CANCELLED:PARENT_FAILED" });
    },
  },
  {
    name: "parent / a retrying parent holds its static nodes, they run after its success (45)",
    async run(world) {
      await world.insert(tree(job("p"), child("c"), heir("h")));
      await world.claim();
      await world.fail("p");
      await world.expect({ p: "RETRYING", c: "HELD:PARENT", h: "HELD:BARRIER" });
      world.advance(1_000);
      await world.drain();
      await world.expect({ p: "COMPLETED", c: "COMPLETED", h: "COMPLETED" });
    },
  },
  {
    name: "parent / dead in the middle, its chain fails upwards (47)",
    async run(world) {
      await world.insert(tree(job("root"), child("mid", {}, child("leaf")), heir("f", { trigger: "ANY_FAILED" })));
      await world.drain((id) => (id === "mid" ? discard() : success()));
      await world.upkeep();
      await world.expect({ leaf: "CANCELLED:PARENT_FAILED", mid: "DEAD:DISCARDED", f: "COMPLETED" });
      await world.expect({ root: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "parent / its own cancel cancels its children and SUCCEEDED heirs, SETTLED ones run, others are judged (39)",
    async run(world) {
      await world.insert(
        tree(job("p"), child("c"), heir("h"), heir("s", { trigger: "SETTLED" }), heir("a", { trigger: "ANY_FAILED" })),
        tree(job("q"), heir("qa", { trigger: "ANY_FAILED" }), heir("qs", { trigger: "SETTLED" })),
      );
      await world.claim();
      await world.end("p", cancel);
      await world.end("q", cancel);
      await world.upkeep();
      await world.expect({
        p: "AWAITING_CHILDREN",
        c: "CANCELLED:PARENT_CANCELLED",
        h: "CANCELLED:PARENT_CANCELLED",
        s: "READY",
        a: "READY",
        qa: "CANCELLED:TRIGGER_NOT_MET",
        qs: "READY",
      });
      await world.drain();
      await world.upkeep();
      await world.expect({ p: "CANCELLED:REQUESTED", q: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "skip / an unwanted heir takes its static subtree along (47)",
    async run(world) {
      await world.insert(
        tree(
          job("p"),
          child("c"),
          heir("f", { trigger: "ANY_FAILED" }, child("f1", {}, child("f11")), heir("f2", { trigger: "SETTLED" })),
          heir("h"),
        ),
      );
      await world.claim();
      await world.succeed("p");
      await world.claim();
      const answer = await world.succeed("c");
      assert.equal(answer.effects.cascadeDue, true);
      const skipped = await world.dumped("f");
      assert.deepEqual([skipped.state, skipped.run], ["AWAITING_CHILDREN", "SKIPPED"]);
      await world.expect({ h: "READY" });
      await world.upkeep(1);
      await world.expect({
        f: "CANCELLED:TRIGGER_NOT_MET",
        f1: "CANCELLED:PARENT_CANCELLED",
        f11: "CANCELLED:PARENT_CANCELLED",
        f2: "CANCELLED:PARENT_CANCELLED",
      });
      await world.drain();
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "skip / a SUCCEEDED heir with a subtree after a failure (47)",
    async run(world) {
      await world.insert(tree(job("p"), child("c"), heir("h", {}, child("h1"), heir("h2", { trigger: "SETTLED" }))));
      await world.drain((id) => (id === "c" ? discard() : success()));
      await world.upkeep();
      await world.expect({
        h: "CANCELLED:DEPENDENCY_FAILED",
        h1: "CANCELLED:PARENT_CANCELLED",
        h2: "CANCELLED:PARENT_CANCELLED",
        p: "DEAD:CHAIN_FAILED",
      });
    },
  },
];
