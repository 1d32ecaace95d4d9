import assert from "node:assert/strict";
import { cancel, child, discard, failure, heir, job, release, snooze } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { cancelRequested, failFast } from "./fail-fast-family.ts";
import { ttlMs } from "./world.ts";

export const cancelCases: readonly Case[] = [
  {
    name: "cancel / a handler's own cancel counts as asked for, with what it declared below (39)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      await world.succeed("p", [child("c"), heir("s"), heir("f", { trigger: "ANY_FAILED" })]);
      await world.claim();
      await world.end("c", cancel);
      await world.expect({ c: "CANCELLED:REQUESTED", s: "CANCELLED:DEPENDENCY_FAILED", f: "READY" });
      await world.claim();
      await world.succeed("f");
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "cancel / a job that finishes well although asked to stop is completed if it declared nothing (39)",
    async run(world) {
      await cancelRequested(world);
      await world.succeed("x", [], "fine");
      await world.expect({ x: "COMPLETED" });
      assert.equal((await world.get("x")).cancelRequested, false);
      await world.upkeep();
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "cancel / a success after it that declared something is cancelled with all it declared (39)",
    async run(world) {
      await cancelRequested(world);
      await world.succeed("x", [child("d"), heir("e", { trigger: "SETTLED" }), heir("f", { trigger: "ANY_FAILED" })]);
      await world.expect({ x: "AWAITING_CHILDREN", d: "HELD:PARENT", e: "HELD:BARRIER" });
      assert.equal((await world.dumped("x")).run, "SKIPPED");
      assert.deepEqual(await world.claimIds(), []);
      await world.upkeep();
      for (const id of ["d", "e", "f"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      assert.equal((await world.get("x")).attempts[0]?.outcome, "SUCCEEDED");
    },
  },
  {
    name: "cancel / static nodes count as declared (39)",
    async run(world) {
      await cancelRequested(world, child("d"), heir("e", { trigger: "SETTLED" }));
      await world.succeed("x");
      await world.upkeep();
      await world.expect({ d: "CANCELLED:PARENT_CANCELLED", e: "CANCELLED:PARENT_CANCELLED" });
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  ...(
    [
      ["failure", failure()],
      ["discard", discard()],
      ["snooze", snooze(1_000)],
      ["release", release],
      ["cancel", cancel],
    ] as const
  ).map(
    ([name, outcome]): Case => ({
      name: `cancel / a ${name} after it ends the job cancelled, with the reason it was asked for (38)`,
      async run(world) {
        await cancelRequested(world);
        const [answer] = await world.settle(world.item("x", outcome));
        assert.equal(answer?.kind === "accepted" && answer.recorded, "CANCELLED");
        await world.expect({ x: "CANCELLED:SIBLING_FAILED" });
        const [repeat] = await world.settle(world.item("x", outcome));
        assert.equal(repeat?.kind === "repeated" && repeat.state, "CANCELLED");
        const found = await world.get("x");
        assert.deepEqual([found.failureCount, found.snoozeCount, found.cancelRequested], [0, 0, false]);
        assert.deepEqual(
          found.attempts.map((each) => each.outcome),
          ["CANCELLED"],
        );
        await world.upkeep();
        await world.expect({ p: "DEAD:CHAIN_FAILED" });
      },
    }),
  ),
  {
    name: "cancel / a crash, a give-back and a goodbye after it end the job cancelled (38)",
    async run(world) {
      for (const how of ["crash", "goodbye", "orphan"] as const) {
        const id = (text: string) => `${how}-${text}`;
        await declare(world, id("p"), child(id("c"), { policy: "FAIL_FAST" }), child(id("x")));
        const session = await world.openSession();
        await world.claim({ session });
        await world.discard(id("c"));
        await world.upkeep();
        if (how === "goodbye") await world.store.closeSession(session);
        else if (how === "orphan")
          await world.store.resumeSession({ sessionId: session.sessionId, principal: "", ttlMs, held: [] });
        else {
          world.advance(ttlMs);
          await world.reap();
        }
        await world.upkeep();
        assert.equal(await world.state(id("x")), "CANCELLED:SIBLING_FAILED", how);
        assert.equal(await world.state(id("p")), "DEAD:CHAIN_FAILED", how);
        assert.equal((await world.get(id("x"))).attempts[0]?.outcome, "CANCELLED", how);
      }
    },
  },
  {
    name: "cancel / a resumed session hears what it has to stop (38)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "FAIL_FAST" }), child("x"));
      const session = await world.openSession();
      await world.claim({ session });
      await world.discard("c");
      await world.upkeep();
      const held = [{ leaseId: world.lease("x").leaseId, buffered: false }];
      const answer = await world.store.resumeSession({ sessionId: session.sessionId, principal: "", ttlMs, held });
      assert.deepEqual(answer.kind === "resumed" && answer.kept.map((each) => each.cancelReason), ["SIBLING_FAILED"]);
    },
  },
  {
    name: "jpoz: what was cancelled is out of the queue for good (38)",
    async run(world) {
      await failFast(world, child("ready"), child("later", { delayMs: 1_000 }), child("retrying"));
      await world.release("ready");
      await world.fail("retrying");
      await world.discard("c");
      await world.upkeep();
      world.advance(10_000_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), []);
      const counts = (await world.store.getQueue(job("x").queue))?.lanes[0]?.counts;
      assert.deepEqual([counts?.CANCELLED, counts?.READY ?? 0, counts?.SCHEDULED ?? 0], [3, 0, 0]);
    },
  },
];
