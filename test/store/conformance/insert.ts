import assert from "node:assert/strict";
import { child, group, heir, job, jobId, tree, workType } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only } from "./world.ts";

export const insertCases: readonly Case[] = [
  {
    name: "insert / fills in what is left out (1)",
    async run(world) {
      await world.insert(job("a"));
      const found = await world.get("a");
      assert.equal(found.state, "READY");
      assert.equal(found.queue, "default");
      assert.equal(found.type, workType);
      assert.equal(found.priority, 0);
      assert.equal(found.runAt, world.now);
      assert.equal(found.createdAt, world.now);
      assert.equal(found.updatedAt, world.now);
      assert.deepEqual([found.role, found.depth, found.rootId, found.parentId], ["ROOT", 0, "a", undefined]);
      assert.deepEqual([found.attempt, found.failureCount, found.crashCount, found.snoozeCount], [0, 0, 0, 0]);
      assert.deepEqual([found.maxAttempts, found.backoff, found.timeoutMs], [undefined, undefined, undefined]);
      assert.deepEqual([found.hold, found.reason, found.ranAt, found.finishedAt], Array(4).fill(undefined));
      assert.deepEqual([found.policy, found.trigger, found.asResult, found.key], ["FAIL", "SUCCEEDED", false, ""]);
      assert.deepEqual(found.metadata, {});
      assert.deepEqual(found.attempts, []);
      const lease = only(await world.claim());
      assert.deepEqual([lease.maxAttempts, lease.timeoutMs, lease.attempt], [5, 30 * 60_000, 1]);
    },
  },
  {
    name: "insert / keeps every option of the request (1)",
    async run(world) {
      const backoff = { kind: "LINEAR", initialMs: 7, maxMs: 70, multiplier: 1, jitter: 0.5 } as const;
      const options = { queue: "mail", priority: -3, maxAttempts: 9, backoff, timeoutMs: 1234, schemaId: "ab12" };
      await world.insert(
        job("a", { ...options, requestId: "r", metadata: { trace: "t" }, principal: "me", type: "test.v1.Mail" }),
      );
      const found = await world.get("a");
      for (const [name, value] of Object.entries(options)) {
        assert.deepEqual(found[name as keyof typeof found], value, name);
      }
      assert.deepEqual([found.requestId, found.metadata, found.principal], ["r", { trace: "t" }, "me"]);
      assert.equal(found.type, "test.v1.Mail");
      assert.equal(found.payloadBytes, 1);
      const lease = only(await world.claim());
      assert.deepEqual([lease.maxAttempts, lease.timeoutMs, lease.priority], [9, 1234, -3]);
      assert.deepEqual(lease.metadata, { trace: "t" });
    },
  },
  {
    name: "insert / an item with one bad tree inserts none of its trees (2)",
    async run(world) {
      const [x = "", y = "", taken = "", z = ""] = world.neighbours("x", "y", "taken", "z");
      await world.insert(job(taken, { payload: "one" }));
      const before = await world.store.dump();
      const answer = await world.insertTogether(
        tree(job(x), child("x1"), heir("x2")),
        job(y),
        job(taken, { payload: "other" }),
        job(z),
      );
      assert.deepEqual(answer, { kind: "refused", index: 2, code: "JOB_ID_EXISTS", id: taken });
      for (const id of [x, "x1", "x2", y, z]) assert.equal(await world.store.getJob(jobId(id)), undefined, id);
      assert.deepEqual(await world.store.dump(), before);
      assert.deepEqual(await world.claimIds(), [taken]);
    },
  },
  {
    name: "insert / the items of a batch stand apart and are answered each (2)",
    async run(world) {
      await world.insert(job("taken"));
      const answer = await world.commit({
        insert: [job("x"), job("taken", { payload: "other" }), job("y")].map((root) => ({
          trees: [{ root, nodes: [] }],
        })),
      });
      assert.deepEqual(
        answer.inserted.map((each) => each.kind),
        ["inserted", "refused", "inserted"],
      );
      await world.expect({ x: "READY", y: "READY" });
    },
  },
  {
    name: "insert / trees of one item are inserted together (2)",
    async run(world) {
      const [x = "", y = "", z = ""] = world.neighbours("x", "y", "z");
      const answer = await world.insertTogether(job(x), tree(job(y), child("y1")), job(z));
      assert.deepEqual(answer, {
        kind: "inserted",
        roots: [x, y, z].map((id) => ({ id, deduplicated: false })),
      });
      await world.expect({ [x]: "READY", [y]: "READY", y1: "HELD:PARENT", [z]: "READY" });
    },
  },
  {
    name: "insert / the same id twice is one job, whatever its state (3)",
    async run(world) {
      await world.insert(job("a", { payload: "p" }));
      const repeat = async (): Promise<void> => {
        const before = await world.store.dump();
        const again = await world.insertTogether(job("a", { payload: "p", priority: 7, delayMs: 5 }));
        assert.deepEqual(again, { kind: "inserted", roots: [{ id: "a", deduplicated: true }] });
        assert.deepEqual(await world.store.dump(), before);
      };
      await repeat();
      await world.claim();
      await repeat();
      await world.succeed("a");
      await repeat();
      assert.deepEqual(await world.claimIds(), []);
    },
  },
  {
    name: "insert / the same id twice in one batch is one job (3)",
    async run(world) {
      const one = { trees: [{ root: job("a", { payload: "p" }), nodes: [] }] };
      const answer = await world.commit({ insert: [one, one, { trees: [...one.trees, ...one.trees] }] });
      assert.deepEqual(
        answer.inserted.map((each) => (each.kind === "inserted" ? each.roots.map((root) => root.deduplicated) : each)),
        [[false], [true], [true, true]],
      );
      world.see(job("a"));
      assert.deepEqual(await world.claimIds(), ["a"]);
      assert.equal((await world.store.dump()).jobs.length, 1);
    },
  },
  {
    name: "insert / the same request id twice is the first job, also within one item (3)",
    async run(world) {
      await world.insert(job("a", { requestId: "r", payload: "p" }));
      const later = await world.insertTogether(job("b", { requestId: "r", payload: "p" }));
      assert.deepEqual(later, { kind: "inserted", roots: [{ id: "a", deduplicated: true }] });
      const within = await world.insertTogether(
        job("c", { requestId: "s", payload: "p" }),
        job("d", { requestId: "s", payload: "p" }),
      );
      assert.deepEqual(within, {
        kind: "inserted",
        roots: [
          { id: "c", deduplicated: false },
          { id: "c", deduplicated: true },
        ],
      });
      assert.deepEqual(await world.claimIds(), ["a", "c"]);
    },
  },
  {
    name: "insert / an id or a request id with other content is refused and names the holder (3)",
    async run(world) {
      await world.insert(job("a", { requestId: "r", payload: "p" }));
      const answers = [
        await world.insertTogether(job("a", { payload: "q" })),
        await world.insertTogether(job("a", { payload: "p", type: "test.v1.Other" })),
        await world.insertTogether(job("b", { requestId: "r", payload: "q" })),
        await world.insertTogether(job("c", { requestId: "r", payload: "p", type: "test.v1.Other" })),
        await world.insertTogether(job("d", { payload: "1" }), job("d", { payload: "2" })),
      ];
      assert.deepEqual(answers, [
        { kind: "refused", index: 0, code: "JOB_ID_EXISTS", id: "a" },
        { kind: "refused", index: 0, code: "JOB_ID_EXISTS", id: "a" },
        { kind: "refused", index: 0, code: "REQUEST_ID_REUSED", id: "a" },
        { kind: "refused", index: 0, code: "REQUEST_ID_REUSED", id: "a" },
        { kind: "refused", index: 1, code: "JOB_ID_EXISTS", id: "d" },
      ]);
      assert.deepEqual(
        (await world.store.dump()).jobs.map((each) => each.id),
        ["a"],
      );
    },
  },
  {
    name: "insert / a repeated tree inserts none of its nodes again (3)",
    async run(world) {
      const whole = tree(job("p"), child("c", {}, heir("h")), heir("e"));
      await world.insert(whole);
      const before = await world.store.dump();
      const again = await world.insertTogether(whole);
      assert.deepEqual(again, { kind: "inserted", roots: [{ id: "p", deduplicated: true }] });
      assert.deepEqual(await world.store.dump(), before);
    },
  },
  {
    name: "insert / wakes the lanes of runnable jobs only (6)",
    async run(world) {
      const answer = await world.commit({
        insert: [
          { trees: [{ root: job("a", { queue: "q1" }), nodes: [] }] },
          { trees: [{ root: job("b", { queue: "q1" }), nodes: [] }] },
          { trees: [{ root: job("later", { queue: "q2", delayMs: 500 }), nodes: [] }] },
          { trees: [{ root: job("latest", { queue: "q2", at: world.now + 900 }), nodes: [] }] },
          { trees: [tree(job("p", { queue: "q3" }), child("c", { queue: "q4" }), heir("h", { queue: "q5" }))] },
          { trees: [tree(group("g", { queue: "q6" }), child("gc", { queue: "q7" }), heir("gh", { queue: "q8" }))] },
        ],
      });
      const lanes = answer.effects.readied.map((lane) => `${lane.queue} ${lane.type}`).sort();
      assert.deepEqual([...new Set(lanes)], [`q1 ${workType}`, `q3 ${workType}`, `q7 ${workType}`]);
      assert.equal(answer.effects.dueAt, world.now + 500);
      assert.equal(answer.effects.cascadeDue || answer.effects.propagateDue, false);
      const repeated = await world.commit({ insert: [{ trees: [{ root: job("a", { queue: "q1" }), nodes: [] }] }] });
      assert.deepEqual(repeated.effects.readied, []);
    },
  },
  {
    name: "insert / a run time in the past means now (7)",
    async run(world) {
      await world.insert(job("first"));
      world.advance(1);
      await world.insert(job("past", { at: world.now - 60_000 }), job("present", { at: world.now }));
      await world.expect({ past: "READY", present: "READY" });
      assert.equal((await world.get("past")).runAt, world.now);
      assert.deepEqual(await world.claimIds(), ["first", "past", "present"]);
    },
  },
  {
    name: "insert / a run time or delay ahead schedules (7)",
    async run(world) {
      await world.insert(job("at", { at: world.now + 10 }), job("after", { delayMs: 20 }), job("zero", { delayMs: 0 }));
      await world.expect({ at: "SCHEDULED", after: "SCHEDULED", zero: "READY" });
      assert.equal((await world.get("at")).runAt, world.now + 10);
      assert.equal((await world.get("after")).runAt, world.now + 20);
    },
  },
  {
    name: "insert / a static tree is held below its root, counted from the start (42)",
    async run(world) {
      await world.insert(
        tree(
          job("p", { priority: 4, metadata: { trace: "x" } }),
          child("c1", { key: "one", policy: "IGNORE" }, child("c11"), heir("c12", { trigger: "SETTLED" })),
          child("c2", { priority: -1, metadata: {} }),
          heir("h", { trigger: "ANY_FAILED", asResult: true }, child("h1")),
        ),
      );
      await world.expect({
        p: "READY",
        c1: "HELD:PARENT",
        c11: "HELD:PARENT",
        c12: "HELD:BARRIER",
        c2: "HELD:PARENT",
        h: "HELD:BARRIER",
        h1: "HELD:PARENT",
      });
      const shape = async (id: string) => {
        const { rootId, parentId, role, depth, key, policy, trigger, asResult, pendingChildren, pendingHeirs } =
          await world.get(id);
        return [rootId, parentId, role, depth, key, policy, trigger, asResult, pendingChildren, pendingHeirs];
      };
      assert.deepEqual(await shape("p"), ["p", undefined, "ROOT", 0, "", "FAIL", "SUCCEEDED", false, 2, 1]);
      assert.deepEqual(await shape("c1"), ["p", "p", "CHILD", 1, "one", "IGNORE", "SUCCEEDED", false, 1, 1]);
      assert.deepEqual(await shape("c12"), ["p", "c1", "HEIR", 2, "", "FAIL", "SETTLED", false, 0, 0]);
      assert.deepEqual(await shape("h"), ["p", "p", "HEIR", 1, "", "FAIL", "ANY_FAILED", true, 1, 0]);
      assert.deepEqual(await shape("h1"), ["p", "h", "CHILD", 2, "", "FAIL", "SUCCEEDED", false, 0, 0]);
      const priorities = await Promise.all(["c1", "c11", "c2", "h1"].map(async (id) => (await world.get(id)).priority));
      assert.deepEqual(priorities, [4, 4, -1, 4], "priority is inherited unless given");
      assert.deepEqual((await world.get("h1")).metadata, { trace: "x" }, "metadata is inherited unless given");
      assert.deepEqual((await world.get("c2")).metadata, {});
      assert.deepEqual(await world.claimIds(), ["p"]);
    },
  },
];
