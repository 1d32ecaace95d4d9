import assert from "node:assert/strict";
import { cancel, child, discard, failure, group, heir, job, jobId, release, success, tree } from "../jobs.ts";
import { cancelJob, refusal, retryJob, revive } from "./ask.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { list } from "./list-all.ts";
import { brokers, many } from "./two-brokers.ts";

/** Retrying single jobs, and which jobs cannot be retried. */
export const retryRequestCases: readonly Case[] = [
  {
    name: "retry / a dead job runs anew, with its history, its place and fresh budgets (34)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 2, queue: "mail", priority: 3 }));
      for (const wait of [1, 1]) {
        await world.claim();
        await world.fail("a", wait);
        world.advance(1);
        await world.promote();
      }
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED" });
      const { answer, effects } = await retryJob(world, "a");
      assert.deepEqual(answer, { kind: "retried", state: "READY", epoch: 1 });
      assert.deepEqual(effects.readied, [{ queue: "mail", type: "test.v1.Work" }]);
      const found = await world.get("a");
      assert.deepEqual([found.failureCount, found.attempt, found.attempts.length, found.priority], [0, 2, 2, 3]);
      assert.deepEqual([found.finishedAt, found.ranAt, found.reason, found.errorFingerprint], Array(4).fill(undefined));
      await world.claim();
      await world.fail("a", 1);
      assert.deepEqual([(await world.get("a")).attempt, await world.state("a")], [3, "RETRYING"]);
      assert.deepEqual(
        (await world.get("a")).attempts.map((each) => each.epoch),
        [0, 0, 1],
      );
    },
  },
  {
    name: "retry / of a dead job clears its end, so that retention does not bite (34)",
    async run(world) {
      await world.store.updateQueue(job("a").queue, { deadRetentionMs: 1_000 });
      await world.insert(job("a"), job("b"));
      await world.claim();
      await world.discard("a");
      await world.discard("b");
      await revive(world, "a");
      world.advance(1_000);
      assert.equal((await world.store.prune({ max: 100 })).count, 1);
      await world.claim();
      await world.succeed("a");
      await world.expect({ a: "COMPLETED" });
      assert.equal(await world.store.getJob(jobId("b")), undefined);
    },
  },
  {
    name: "retry / of a scheduled or retrying job pulls it forward (33)",
    async run(world) {
      await world.insert(job("later", { delayMs: 60_000 }), job("again"));
      await world.claim();
      await world.fail("again", 60_000);
      for (const id of ["later", "again"]) {
        const { answer, effects } = await retryJob(world, id);
        assert.deepEqual(answer, { kind: "retried", state: "READY", epoch: 0 }, id);
        assert.equal(effects.readied.length, 1);
      }
      assert.equal((await world.get("again")).failureCount, 1);
      assert.deepEqual(await world.claimIds(), world.inOrder(["later", "again"]));
    },
  },
  {
    name: "retry / of a group that waits for its time lets its children run now (33)",
    async run(world) {
      await world.insert(tree(group("g", { delayMs: 60_000 }), child("c")));
      const { answer, effects } = await retryJob(world, "g");
      assert.deepEqual(answer, { kind: "retried", state: "SCHEDULED", epoch: 0 });
      assert.equal(effects.dueAt, world.now);
      assert.deepEqual(await world.drain(), ["c"]);
      await world.expect({ g: "COMPLETED" });
    },
  },
  {
    name: "retry / of a ready job changes nothing, of one that is not there is missing (33)",
    async run(world) {
      await world.insert(job("a"));
      const before = await world.get("a");
      const told = await world.store.retry([{ id: jobId("a") }, { id: jobId("nobody") }]);
      assert.deepEqual(told.answers, [{ kind: "unchanged", state: "READY", epoch: 0 }, { kind: "missing" }]);
      assert.deepEqual(await world.get("a"), before);
    },
  },
  {
    name: "retry / of a running, completed, awaiting, held or cancelled job is refused (33)",
    async run(world) {
      await world.insert(job("running"), job("done"), job("gone"), job("p"));
      await world.claim();
      await world.succeed("done");
      await world.end("gone", cancel);
      await world.succeed("p", [child("c"), heir("h")]);
      for (const [id, why] of [
        ["running", "STATE"],
        ["done", "STATE"],
        ["p", "STATE"],
        ["h", "STATE"],
        ["gone", "CANCELLED"],
      ] as const) {
        const before = await world.get(id);
        assert.deepEqual(await refusal(world, id), [why, undefined], id);
        assert.deepEqual(await world.get(id), before);
      }
    },
  },
  {
    name: "retry / of an epoch that has gone by changes nothing, of one to come is refused (34)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await world.discard("a");
      assert.deepEqual((await retryJob(world, "a", 1)).answer, {
        kind: "refused",
        why: "EPOCH",
        state: "DEAD",
        blocker: undefined,
      });
      assert.deepEqual((await retryJob(world, "a", 0)).answer, { kind: "retried", state: "READY", epoch: 1 });
      await world.claim();
      await world.discard("a");
      assert.deepEqual((await retryJob(world, "a", 0)).answer, { kind: "unchanged", state: "DEAD", epoch: 1 });
      assert.deepEqual((await retryJob(world, "a", 1)).answer, { kind: "retried", state: "READY", epoch: 2 });
    },
  },
  {
    name: "retry / a late outcome of an attempt before it still stands as it was recorded (16, 24)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await world.discard("a");
      const late = world.item("a", discard());
      await revive(world, "a");
      const [same, other] = await world.settle(late, world.item("a", success()));
      assert.deepEqual([same?.kind, same?.kind === "repeated" && same.state], ["repeated", "READY"]);
      assert.equal(other?.kind, "conflict");
      await world.claim();
      assert.deepEqual(await world.settle(late), [{ kind: "lost" }]);
    },
  },
  {
    name: "retry / dead jobs are listed with their origin and retried by group of like errors (69)",
    async run(world) {
      const error = (name: string) => ({ name, message: "no route to host 17", stack: "" });
      await world.insert(...many("net", 3).map((id) => job(id, { queue: "mail", metadata: { from: id } })), job("odd"));
      for (const lease of await world.claim()) {
        const name = lease.jobId === "odd" ? "Odd" : "Network";
        await world.end(lease.jobId, { kind: "discard", error: error(name) });
      }
      const found = await world.get("net1");
      assert.deepEqual([found.queue, found.metadata, found.reason], ["mail", { from: "net1" }, "DISCARDED"]);
      assert.deepEqual(found.attempts.at(-1)?.error?.name, "Network");
      const { errorFingerprint } = found;
      assert.ok(errorFingerprint !== undefined);
      const ids = await list(world, { states: ["DEAD"], errorFingerprint }, 2);
      assert.deepEqual(ids.toSorted(), many("net", 3));
      const told = await world.store.retry(ids.map((id) => ({ id: jobId(id) })));
      assert.deepEqual([...new Set(told.answers.map((each) => each.kind))], ["retried"]);
      assert.deepEqual((await world.claimIds()).toSorted(), many("net", 3));
      await world.expect({ odd: "DEAD:DISCARDED" });
    },
  },
  {
    name: "retry / below an ancestor that is completed, cancelled or asked to stop is refused (33)",
    async run(world) {
      await declare(world, "fine", child("ignored", { policy: "IGNORE" }));
      await declare(world, "stopped", child("a"), child("b"), heir("h", { trigger: "SETTLED" }));
      await world.claim();
      for (const id of ["ignored", "a"]) await world.discard(id);
      assert.deepEqual(await refusal(world, "ignored"), ["ANCESTOR", "fine"]);
      await cancelJob(world, "stopped");
      assert.deepEqual(await refusal(world, "a"), ["ANCESTOR", "stopped"]);
      await world.end("b", release);
      await world.drain();
      await world.expect({ stopped: "CANCELLED:REQUESTED" });
      assert.deepEqual(await refusal(world, "a"), ["ANCESTOR", "stopped"]);
    },
  },
  {
    name: "retry / while heirs of the nearest open ancestor are under way is refused (33)",
    async run(world) {
      await declare(world, "p", child("c"), heir("f", { trigger: "ANY_FAILED" }));
      await world.claim();
      await world.discard("c");
      await world.expect({ f: "READY" });
      assert.deepEqual(await refusal(world, "c"), ["BARRIER", "p"]);
      await world.drain();
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
      await revive(world, "c");
    },
  },
  {
    name: "retry / while siblings are being cancelled is refused (33)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "FAIL_FAST" }), child("x"), child("y"));
      await world.claim();
      await world.discard("c");
      assert.deepEqual(await refusal(world, "c"), ["BUSY", "p"]);
      await world.upkeep();
      assert.deepEqual(await refusal(world, "c"), ["BUSY", "p"]);
      await world.end("x", release);
      assert.deepEqual(await refusal(world, "c"), ["BUSY", "p"]);
      await world.end("y", release);
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
      await revive(world, "c");
    },
  },
  {
    name: "retry / while a cancelled sibling awaits what is below it is refused (33)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "FAIL_FAST" }), child("x"), child("open"));
      await world.claim();
      await world.succeed("x", [child("xc"), heir("xh", { trigger: "SETTLED" })]);
      await cancelJob(world, "x");
      await world.upkeep();
      await world.expect({ x: "AWAITING_CHILDREN", xc: "CANCELLED:PARENT_CANCELLED", xh: "READY" });
      await world.discard("c");
      await world.upkeep();
      await world.end("open", release);
      assert.deepEqual(await refusal(world, "c"), ["BUSY", "p"]);
      await world.drain();
      await revive(world, "c");
    },
  },
  {
    name: "retry / of a chain that failed by cancelled jobs alone is refused, naming the first (33)",
    async run(world) {
      await declare(world, "p", child("ignored", { policy: "IGNORE" }), child("mid"));
      await world.claim();
      await world.succeed("mid", [child("fine"), child("gone"), child("also")]);
      await cancelJob(world, "ignored");
      await world.claim();
      await cancelJob(world, "gone");
      await cancelJob(world, "also");
      await world.settle(world.item("also", failure()), world.item("gone", failure()), world.item("fine", success()));
      await world.end("ignored", release);
      await world.upkeep();
      await world.expect({ mid: "DEAD:CHAIN_FAILED", p: "DEAD:CHAIN_FAILED" });
      for (const id of ["p", "mid"]) assert.deepEqual(await refusal(world, id), ["NOTHING_DEAD", "gone"], id);
      assert.deepEqual(await refusal(world, "gone"), ["CANCELLED", undefined]);
    },
  },
  brokers("a dead job that both retry runs once more (33)", async (world, stores) => {
    const ids = many("a", 30);
    await world.insert(...ids.map((id) => job(id)));
    await world.claim();
    for (const id of ids) await world.discard(id);
    const items = ids.map((id) => ({ id: jobId(id), expectedEpoch: 0 }));
    const told = await Promise.all(stores.map((store) => store.retry(items)));
    const kinds = told.flatMap(({ answers }) => answers.map((each) => each.kind));
    assert.equal(kinds.filter((kind) => kind === "retried").length, 30);
    assert.equal(kinds.filter((kind) => kind === "unchanged").length, 30);
    assert.equal((await world.claimIds()).length, 30);
    for (const id of ids) assert.equal((await world.get(id)).epoch, 1, id);
  }),
];
