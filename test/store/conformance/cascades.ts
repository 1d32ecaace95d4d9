import assert from "node:assert/strict";
import type { FailurePolicy, Outcome, Trigger } from "../../../src/core/job.ts";
import { cancel, child, discard, failure, heir, job, release, snooze, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./chains.ts";
import { ttlMs, type World } from "./world.ts";

const policies: readonly FailurePolicy[] = ["FAIL", "IGNORE", "FAIL_FAST"];
const triggers: readonly Trigger[] = ["SUCCEEDED", "ANY_FAILED", "SETTLED"];
const childEnds: readonly (readonly [name: string, outcome: Outcome, isOk: boolean])[] = [
  ["completed", success(), true],
  ["dead", discard(), false],
  ["cancelled", cancel, false],
];

/** What becomes of an heir with this trigger (COMPLETED once it ran), by the rules of the specification. */
function heirEnd(trigger: Trigger, anyFailed: boolean): string {
  if (trigger === "SETTLED") return "COMPLETED";
  if (trigger === "SUCCEEDED") return anyFailed ? "CANCELLED:DEPENDENCY_FAILED" : "COMPLETED";
  return anyFailed ? "COMPLETED" : "CANCELLED:TRIGGER_NOT_MET";
}

/** p has a running child c that fails fast, and what `world` needs to be cancelled by it. */
async function failFast(world: World, ...siblings: Parameters<typeof declare>[2][]): Promise<void> {
  await declare(world, "p", child("c", { policy: "FAIL_FAST" }), ...siblings);
  await world.claim();
}

/** A running job `x` that a failed sibling asked to stop. */
async function cancelRequested(world: World, ...below: Parameters<typeof child>[2][]): Promise<void> {
  await world.insert(tree(job("p"), child("c", { policy: "FAIL_FAST" }), child("x", {}, ...below)));
  await world.claim();
  await world.succeed("p");
  await world.claim();
  await world.discard("c");
  await world.upkeep();
  const found = await world.get("x");
  assert.deepEqual([found.state, found.cancelRequested, found.reason], ["RUNNING", true, undefined]);
}

export const cascadeCases: readonly Case[] = [
  ...childEnds.flatMap(([name, outcome, isOk]) =>
    policies.map(
      (policy): Case => ({
        name: `policy / a ${name} child with policy ${policy} under every trigger (47)`,
        async run(world) {
          const anyFailed = !isOk && policy !== "IGNORE";
          for (const trigger of triggers) {
            const id = (text: string) => `${trigger}-${text}`;
            await declare(world, id("p"), child(id("c"), { policy }), child(id("d")), heir(id("h"), { trigger }));
            await world.drain((each) => (each === id("c") ? outcome : success()));
            assert.equal(await world.state(id("h")), heirEnd(trigger, anyFailed), trigger);
            assert.equal(await world.state(id("p")), anyFailed ? "DEAD:CHAIN_FAILED" : "COMPLETED", trigger);
          }
        },
      }),
    ),
  ),
  {
    name: "policy / an heir that completes repairs nothing (47)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h", { trigger: "ANY_FAILED" }));
      await world.drain((id) => (id === "c" ? discard() : success()));
      await world.expect({ h: "COMPLETED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "policy / a dead or cancelled heir fails its parent unless it is IGNORE (47)",
    async run(world) {
      for (const [name, outcome] of [["dead", discard()] as const, ["cancelled", cancel] as const]) {
        for (const policy of ["FAIL", "IGNORE"] as const) {
          const id = (text: string) => `${name}-${policy}-${text}`;
          await declare(world, id("p"), heir(id("h"), { policy }));
          await world.drain(() => outcome);
          assert.equal(await world.state(id("p")), policy === "FAIL" ? "DEAD:CHAIN_FAILED" : "COMPLETED", id(""));
        }
      }
    },
  },
  {
    name: "policy / skipped heirs are neutral (47)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "IGNORE" }), heir("f", { trigger: "ANY_FAILED" }), heir("h"));
      await world.drain((id) => (id === "c" ? discard() : success()));
      await world.expect({ c: "DEAD:DISCARDED", f: "CANCELLED:TRIGGER_NOT_MET", h: "COMPLETED", p: "COMPLETED" });
      assert.deepEqual([(await world.dumped("p")).childrenNotOk, (await world.dumped("p")).heirsNotOk], [0, 0]);
    },
  },
  {
    name: "policy / IGNORE judges the child's final state: it covers a child whose chain failed (47)",
    async run(world) {
      await declare(world, "root", child("mid", { policy: "IGNORE" }), heir("h"));
      await world.claim();
      await world.succeed("mid", [child("leaf")]);
      await world.drain((id) => (id === "leaf" ? discard() : success()));
      await world.expect({ leaf: "DEAD:DISCARDED", mid: "DEAD:CHAIN_FAILED", h: "COMPLETED", root: "COMPLETED" });
    },
  },
  {
    name: "policy / a retried failure that ends well counts as well (45)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "FAIL_FAST" }), child("d"), heir("h"));
      await world.claim();
      await world.fail("c");
      await world.upkeep();
      await world.expect({ c: "RETRYING", d: "RUNNING", h: "HELD:BARRIER" });
      await world.succeed("d");
      world.advance(1_000);
      await world.drain();
      await world.expect({ c: "COMPLETED", h: "COMPLETED", p: "COMPLETED" });
    },
  },
  {
    name: "fail fast / cancels open siblings in every waiting state, children only (47)",
    async run(world) {
      await failFast(
        world,
        child("done"),
        child("retrying"),
        child("scheduled", { delayMs: 60_000 }),
        child("ignored", { policy: "IGNORE" }),
        heir("s", { trigger: "SETTLED" }),
        heir("a", { trigger: "ANY_FAILED" }),
        heir("h"),
      );
      await world.succeed("done");
      await world.fail("retrying");
      await world.release("ignored");
      const answer = await world.discard("c");
      assert.equal(answer.effects.cascadeDue, true);
      await world.upkeep();
      await world.expect({
        c: "DEAD:DISCARDED",
        done: "COMPLETED",
        retrying: "CANCELLED:SIBLING_FAILED",
        scheduled: "CANCELLED:SIBLING_FAILED",
        ignored: "CANCELLED:SIBLING_FAILED",
        s: "READY",
        a: "READY",
        h: "CANCELLED:DEPENDENCY_FAILED",
        p: "AWAITING_CHILDREN",
      });
      world.advance(10_000_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), ["s", "a"]);
    },
  },
  {
    name: "fail fast / asks running siblings to stop, the barrier waits for them (47)",
    async run(world) {
      await failFast(world, child("x"), heir("h", { trigger: "SETTLED" }));
      await world.discard("c");
      const step = await world.store.cascade({ max: 100 });
      assert.deepEqual(
        step.effects.cancels.map((each) => [each.sessionId, each.leaseId, each.reason]),
        [["session-1", world.lease("x").leaseId, "SIBLING_FAILED"]],
      );
      await world.upkeep();
      await world.expect({ x: "RUNNING", h: "HELD:BARRIER" });
      assert.equal((await world.get("x")).cancelRequested, true);
      assert.equal((await world.store.cascade({ max: 100 })).count, 0);
      await world.fail("x");
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", h: "READY" });
    },
  },
  {
    name: "fail fast / a cancel by it starts no other (47)",
    async run(world) {
      await failFast(world, child("d", { policy: "FAIL_FAST" }), child("e", { policy: "FAIL_FAST" }), child("x"));
      await world.release("d");
      await world.release("e");
      await world.discard("c");
      await world.upkeep();
      await world.expect({ d: "CANCELLED:SIBLING_FAILED", e: "CANCELLED:SIBLING_FAILED", x: "RUNNING" });
      await world.fail("x");
      await world.upkeep();
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      assert.equal((await world.dumped("p")).childrenNotOk, 4);
    },
  },
  {
    name: "fail fast / with nothing else open there is nothing to cascade (47)",
    async run(world) {
      await failFast(world, child("d"));
      await world.succeed("d");
      const answer = await world.discard("c");
      assert.equal(answer.effects.cascadeDue, false);
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
      assert.equal((await world.store.cascade({ max: 10 })).count, 0);
    },
  },
  {
    name: "fail fast / a sibling that ends in the same batch is not cancelled (47)",
    async run(world) {
      await failFast(world, child("d"));
      await world.settle(world.item("c", discard()), world.item("d", success()));
      await world.upkeep();
      await world.expect({ c: "DEAD:DISCARDED", d: "COMPLETED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / reaches through a sibling's whole subtree (47)",
    async run(world) {
      await failFast(world, child("mid"), heir("h"));
      await world.succeed("mid", [child("m1"), child("m2"), heir("mh"), heir("ms", { trigger: "SETTLED" })]);
      await world.claim({ jobsMax: 1 });
      await world.succeed("m1", [child("m11")]);
      await world.discard("c");
      await world.upkeep(1);
      await world.expect({
        m11: "CANCELLED:PARENT_CANCELLED",
        m1: "CANCELLED:PARENT_CANCELLED",
        m2: "CANCELLED:PARENT_CANCELLED",
        mh: "CANCELLED:PARENT_CANCELLED",
        ms: "READY",
        mid: "AWAITING_CHILDREN",
        h: "HELD:BARRIER",
      });
      assert.equal((await world.get("mid")).cancelRequested, true);
      assert.deepEqual(await world.claimIds(), ["ms"]);
      await world.succeed("ms");
      await world.upkeep();
      await world.expect({ mid: "CANCELLED:SIBLING_FAILED", h: "CANCELLED:DEPENDENCY_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / cancels a released SUCCEEDED heir of a cancelled sibling, running too (47)",
    async run(world) {
      await failFast(world, child("mid"), child("mid2"));
      await world.succeed("mid", [heir("ready"), heir("settled", { trigger: "SETTLED" })]);
      await world.succeed("mid2", [heir("running")]);
      await world.claim({ jobsMax: 3 });
      await world.release("ready");
      await world.release("settled");
      await world.discard("c");
      await world.upkeep();
      await world.expect({ ready: "CANCELLED:PARENT_CANCELLED", running: "RUNNING", settled: "READY" });
      assert.equal((await world.get("running")).cancelRequested, true);
      await world.fail("running");
      await world.upkeep();
      await world.expect({ running: "CANCELLED:PARENT_CANCELLED", mid2: "CANCELLED:SIBLING_FAILED" });
      await world.claim();
      await world.succeed("settled");
      await world.upkeep();
      await world.expect({ mid: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / a child whose own chain failed cancels its siblings too (47)",
    async run(world) {
      await declare(world, "p", child("mid", { policy: "FAIL_FAST" }), child("x", { delayMs: 1_000 }));
      await world.claim();
      await world.succeed("mid", [child("leaf")]);
      await world.claim();
      await world.discard("leaf");
      await world.expect({ x: "SCHEDULED" });
      await world.upkeep();
      await world.expect({ mid: "DEAD:CHAIN_FAILED", x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / by crash, and by a handler's own cancel (20)",
    async run(world) {
      await world.store.updateQueue(job("x", { queue: "fragile" }).queue, { crashLimit: 1 });
      await declare(world, "p", child("c", { policy: "FAIL_FAST", queue: "fragile" }), child("x"));
      await world.claim({ session: await world.openSession(), lanes: [{ queue: "fragile" }] });
      world.advance(ttlMs);
      await world.reap();
      await world.upkeep();
      await world.expect({ c: "DEAD:CRASH_LIMIT", x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      await declare(world, "q", child("qc", { policy: "FAIL_FAST" }), child("qx"));
      await world.claim({ jobsMax: 1 });
      await world.end("qc", cancel);
      await world.upkeep();
      await world.expect({ qc: "CANCELLED:REQUESTED", qx: "CANCELLED:SIBLING_FAILED", q: "DEAD:CHAIN_FAILED" });
    },
  },
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
