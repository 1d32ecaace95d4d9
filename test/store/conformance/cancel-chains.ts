import assert from "node:assert/strict";
import { child, failure, group, heir, job, release, tree } from "../jobs.ts";
import { cancelJob } from "./ask.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import type { World } from "./world.ts";

const threeHeirs = [heir("s"), heir("f", { trigger: "ANY_FAILED" }), heir("e", { trigger: "SETTLED" })] as const;

/** p awaits a running child c and an heir of each trigger. */
async function awaiting(world: World): Promise<void> {
  await declare(world, "p", child("c"), ...threeHeirs);
  await world.claim();
}

/** What cancelling a job by request means to what is below and above it. */
export const cancelChainCases: readonly Case[] = [
  {
    name: "cancel / below an awaiting job children and SUCCEEDED heirs go, SETTLED heirs run, ANY_FAILED ones are judged (51)",
    async run(world) {
      await awaiting(world);
      const { answer, effects } = await cancelJob(world, "p");
      assert.deepEqual(answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: true });
      assert.equal(effects.cascadeDue, true);
      await world.upkeep();
      assert.equal((await world.get("c")).cancelRequested, true);
      await world.expect({ p: "AWAITING_CHILDREN", s: "CANCELLED:PARENT_CANCELLED", e: "HELD:BARRIER" });
      await world.end("c", release);
      await world.expect({ c: "CANCELLED:PARENT_CANCELLED", f: "READY", e: "READY" });
      await world.drain();
      await world.expect({ f: "COMPLETED", e: "COMPLETED", p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / with its heirs none of them runs, whatever its trigger (51)",
    async run(world) {
      await awaiting(world);
      await cancelJob(world, "p", { includeHeirs: true });
      assert.equal((await world.dumped("p")).cancelHeirs, true);
      await world.upkeep();
      for (const id of ["s", "f", "e"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      await world.end("c", release);
      await world.expect({ p: "CANCELLED:REQUESTED", c: "CANCELLED:PARENT_CANCELLED" });
      assert.deepEqual(await world.drain(), []);
    },
  },
  {
    name: "cancel / heirs can be asked for after the job, also those that run already (51)",
    async run(world) {
      await awaiting(world);
      await cancelJob(world, "p");
      await world.upkeep();
      await world.end("c", release);
      await world.claim();
      const first = await cancelJob(world, "p");
      assert.deepEqual(first.answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: false });
      const second = await cancelJob(world, "p", { includeHeirs: true });
      assert.deepEqual(second.answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: true });
      const third = await cancelJob(world, "p", { includeHeirs: true });
      assert.equal(third.answer.kind === "cancelled" && third.answer.changed, false);
      await world.upkeep();
      for (const id of ["f", "e"]) assert.equal((await world.get(id)).cancelRequested, true, id);
      await world.settle(world.item("f", release), world.item("e", release));
      await world.expect({
        p: "CANCELLED:REQUESTED",
        f: "CANCELLED:PARENT_CANCELLED",
        e: "CANCELLED:PARENT_CANCELLED",
      });
    },
  },
  {
    name: "cancel / a running job asked for with its heirs takes them when its lease ends (39, 51)",
    async run(world) {
      await world.insert(tree(job("p"), child("c"), ...threeHeirs));
      await world.claim();
      await cancelJob(world, "p");
      const { answer } = await cancelJob(world, "p", { includeHeirs: true });
      assert.deepEqual(answer, { kind: "cancelled", state: "RUNNING", changed: true });
      await world.end("p", failure());
      await world.upkeep();
      for (const id of ["c", "s", "f", "e"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      await world.expect({ p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / a waiting job with something below ends its own run and awaits it (38, 51)",
    async run(world) {
      await world.insert(tree(job("p"), child("c", {}, child("cc")), heir("e", { trigger: "SETTLED" }), heir("s")));
      const { answer, effects } = await cancelJob(world, "p");
      assert.deepEqual(answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: true });
      assert.deepEqual([effects.cascadeDue, effects.ended.map((each) => each.id)], [true, ["p"]]);
      assert.deepEqual(await world.claimIds(), []);
      for (let steps = 0; steps < 20; steps += 1) {
        await world.store.cascade({ max: 1 });
        await world.store.propagate({ max: 1 });
      }
      await world.expect({ c: "CANCELLED:PARENT_CANCELLED", cc: "CANCELLED:PARENT_CANCELLED", e: "READY" });
      await world.expect({ s: "CANCELLED:PARENT_CANCELLED", p: "AWAITING_CHILDREN" });
      await world.drain();
      await world.expect({ p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / a group that waits for its time goes with all below it (38, 51)",
    async run(world) {
      await world.insert(tree(group("g", { delayMs: 500 }), child("c"), heir("h", { trigger: "SETTLED" })));
      await cancelJob(world, "g", { includeHeirs: true });
      await world.upkeep();
      await world.expect({
        g: "CANCELLED:REQUESTED",
        c: "CANCELLED:PARENT_CANCELLED",
        h: "CANCELLED:PARENT_CANCELLED",
      });
      world.advance(1_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), []);
    },
  },
  {
    name: "cancel / a group whose child was cancelled before its time fails (47, 51)",
    async run(world) {
      await world.insert(tree(group("g", { delayMs: 500 }), child("c")));
      await world.insert(tree(group("fine", { delayMs: 500 }), child("d", { policy: "IGNORE" })));
      await cancelJob(world, "c");
      await cancelJob(world, "d");
      await world.expect({ g: "SCHEDULED", fine: "SCHEDULED" });
      world.advance(500);
      await world.promote();
      await world.expect({ g: "DEAD:CHAIN_FAILED", fine: "COMPLETED" });
    },
  },
  {
    name: "cancel / of a child settles its parent by its policy (47, 51)",
    async run(world) {
      await declare(world, "p", child("c"), heir("f", { trigger: "ANY_FAILED" }), heir("s"));
      await cancelJob(world, "c");
      await world.expect({ c: "CANCELLED:REQUESTED", s: "CANCELLED:DEPENDENCY_FAILED", f: "READY" });
      await declare(world, "q", child("d", { policy: "IGNORE" }));
      const { effects } = await cancelJob(world, "d");
      assert.deepEqual(effects.ended.map((each) => `${each.id} ${each.state}`).toSorted(), [
        "d CANCELLED",
        "q COMPLETED",
      ]);
      await declare(world, "r", child("fast", { policy: "FAIL_FAST" }), child("other"));
      await cancelJob(world, "fast");
      await world.upkeep();
      await world.expect({ other: "CANCELLED:SIBLING_FAILED", r: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "cancel / of an heir fails its chain, unless it is ignored (47, 51)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await declare(world, "q", child("d"), heir("i", { policy: "IGNORE" }));
      await cancelJob(world, "h");
      await cancelJob(world, "i");
      await world.succeed("c"); // claimed with the root of the other chain
      await world.drain();
      await world.expect({ h: "CANCELLED:REQUESTED", p: "DEAD:CHAIN_FAILED", q: "COMPLETED" });
    },
  },
];
