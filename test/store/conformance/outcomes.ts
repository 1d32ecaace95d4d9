import assert from "node:assert/strict";
import type { AttemptOutcome, Outcome } from "../../../src/core/job.ts";
import { cancel, child, discard, failure, heir, job, jobId, release, snooze, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only } from "./world.ts";

const outcomes: Readonly<Record<string, Outcome>> = {
  success: success([], "fine"),
  failure: failure(),
  discard: discard(),
  snooze: snooze(1_000),
  release,
  cancel,
};

const ends: Readonly<Record<string, readonly [state: string, recorded: AttemptOutcome]>> = {
  success: ["COMPLETED", "SUCCEEDED"],
  failure: ["RETRYING", "FAILED"],
  discard: ["DEAD:DISCARDED", "DISCARDED"],
  snooze: ["SCHEDULED", "SNOOZED"],
  release: ["READY", "RELEASED"],
  cancel: ["CANCELLED:REQUESTED", "CANCELLED"],
};

export const outcomeCases: readonly Case[] = [
  {
    name: "outcome / an older lease in the same batch as the job's newest is lost, and leaves its result alone (16, 25)",
    async run(world) {
      for (const [id, place] of [
        ["a", "first"],
        ["b", "last"],
      ] as const) {
        await world.insert(job(id));
        await world.claim();
        const old = world.item(id, success([], "old"));
        await world.settle(world.item(id, release));
        await world.claim();
        const newest = world.item(id, success([], "new"));
        const kinds = (await world.settle(...(place === "first" ? [old, newest] : [newest, old]))).map(
          (answer) => answer.kind,
        );
        assert.deepEqual(kinds, place === "first" ? ["lost", "accepted"] : ["accepted", "lost"]);
        const stored = await world.store.getJob(jobId(id));
        assert.equal(new TextDecoder().decode(stored?.result?.bytes), "new");
      }
    },
  },
  ...Object.entries(outcomes).map(
    ([kind, outcome]): Case => ({
      name: `outcome / a ${kind} repeated is answered as stored, another kind is a conflict, nothing changes (24)`,
      async run(world) {
        const [state, recorded] = ends[kind] ?? assert.fail(kind);
        await world.insert(job("a"));
        await world.claim();
        const first = only(await world.settle(world.item("a", outcome)));
        assert.equal(await world.state("a"), state);
        const plain = state.split(":")[0];
        assert.deepEqual(first, { kind: "accepted", jobId: "a", recorded, state: plain, problem: undefined });
        const before = await world.store.dump();
        for (const [other, again] of Object.entries(outcomes)) {
          const answer = only(await world.settle(world.item("a", again)));
          const expected: unknown =
            other === kind ? { ...first, kind: "repeated" } : { kind: "conflict", jobId: "a", recorded };
          assert.deepEqual(answer, expected, `${other} after ${kind}`);
        }
        assert.deepEqual(await world.store.dump(), before);
      },
    }),
  ),
  {
    name: "outcome / a repeat names the present state of the job (24)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await world.succeed("a", [child("c")]);
      const repeat = async () => only(await world.settle(world.item("a", success([child("c")]))));
      assert.deepEqual(await repeat(), {
        kind: "repeated",
        jobId: "a",
        recorded: "SUCCEEDED",
        state: "AWAITING_CHILDREN",
        problem: undefined,
      });
      await world.claim();
      await world.succeed("c");
      const after = await repeat();
      assert.equal(after.kind === "repeated" && after.state, "COMPLETED");
      assert.equal((await world.store.dump()).jobs.length, 2);
    },
  },
  {
    name: "outcome / the same outcome twice in one batch counts once (24)",
    async run(world) {
      await world.insert(job("a"), job("b"));
      await world.claim();
      const kinds = await world.settle(
        world.item("a", failure()),
        world.item("a", failure()),
        world.item("b", success([child("c")])),
        world.item("b", success([child("c")])),
        world.item("b", discard()),
      );
      assert.deepEqual(
        kinds.map((each) => each.kind),
        ["accepted", "repeated", "accepted", "repeated", "conflict"],
      );
      assert.equal((await world.get("a")).failureCount, 1);
      assert.deepEqual(await world.claimIds(), ["c"]);
    },
  },
  {
    name: "outcome / of an earlier lease is lost once the job was claimed again (24)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      const early = world.item("a", failure());
      await world.settle(early);
      world.advance(1_000);
      await world.promote();
      await world.claim();
      const before = await world.store.dump();
      assert.deepEqual(await world.settle(early), [{ kind: "lost" }]);
      assert.deepEqual(await world.store.dump(), before);
    },
  },
  {
    name: "outcome / every kind in one batch, each answered in its place (25)",
    async run(world) {
      const kinds = Object.keys(outcomes);
      await world.insert(...kinds.map((kind) => job(kind)), job("parent"), job("none"));
      await world.claim();
      const answer = await world.commit({
        settle: [
          ...Object.entries(outcomes).map(([kind, outcome]) => world.item(kind, outcome)),
          world.item({ ...world.lease("none"), leaseId: "nothing" as never }, success()), // an id that never was
          world.item("parent", success([child("c"), heir("h")])),
        ],
      });
      assert.deepEqual(
        answer.settled.map((each) => (each.kind === "accepted" ? each.recorded : each.kind)),
        [...kinds.map((kind) => ends[kind]?.[1]), "lost", "SUCCEEDED"],
      );
      for (const kind of kinds) assert.equal(await world.state(kind), ends[kind]?.[0], kind);
      await world.expect({ none: "RUNNING", parent: "AWAITING_CHILDREN", c: "READY", h: "HELD:BARRIER" });
      assert.deepEqual(answer.effects.ended.map((each) => `${each.id} ${each.state}`).sort(), [
        "cancel CANCELLED",
        "discard DEAD",
        "parent AWAITING_CHILDREN",
        "success COMPLETED",
      ]);
      assert.equal(answer.effects.dueAt, world.now + 1_000);
    },
  },
  {
    name: "outcome / of a job that was removed behind the broker's back is lost, its batch goes on (26)",
    needs: ["removeJob"],
    breaksInvariants: "a row is gone that counters and edges still know",
    async run(world) {
      await world.insert(job("a"), job("gone"), job("b"), job("p"));
      await world.claim();
      await world.hook("removeJob")(jobId("gone"));
      const answers = await world.settle(
        world.item("a", success()),
        world.item("gone", success([child("x")])),
        world.item("b", failure()),
        world.item("p", success([child("c"), heir("h")])),
      );
      assert.deepEqual(
        answers.map((each) => each.kind),
        ["accepted", "lost", "accepted", "accepted"],
      );
      await world.expect({ a: "COMPLETED", b: "RETRYING", c: "READY" });
      assert.equal(await world.store.getJob(jobId("gone")), undefined);
      assert.equal(await world.store.getJob(jobId("x")), undefined);
    },
  },
  {
    name: "outcome / a child's parent that was removed behind the broker's back stops nothing (26)",
    needs: ["removeJob"],
    breaksInvariants: "a row is gone that counters and edges still know",
    async run(world) {
      await world.insert(job("p"), job("other"));
      await world.claim();
      await world.succeed("p", [child("c"), child("d")]);
      await world.claim();
      await world.hook("removeJob")(jobId("p"));
      const answers = await world.settle(world.item("c", success()), world.item("other", success()));
      assert.deepEqual(
        answers.map((each) => each.kind),
        ["accepted", "accepted"],
      );
      await world.upkeep();
      await world.expect({ c: "COMPLETED", other: "COMPLETED" });
      await world.insert(job("next"));
      assert.deepEqual(await world.claimIds(), ["next"]);
    },
  },
  {
    name: "outcome / a queued job that was removed behind the broker's back is not claimed (26)",
    needs: ["removeJob"],
    breaksInvariants: "a row is gone that counters and edges still know",
    async run(world) {
      await world.insert(job("gone"), job("a"));
      await world.hook("removeJob")(jobId("gone"));
      assert.deepEqual(await world.claimIds(), ["a"]);
      await world.succeed("a");
    },
  },
  {
    name: "release / keeps its place in the queue and costs nothing (36)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(job("a"), job("b"), job("c"));
      await world.claim({ jobsMax: 2 });
      world.advance(100);
      await world.release("b");
      await world.insert(job("d"));
      await world.release("a");
      assert.deepEqual(await world.claimIds(), ["a", "b", "c", "d"]);
      const found = await world.get("a");
      assert.deepEqual([found.releaseCount, found.failureCount, found.attempt], [1, 0, 2]);
      assert.deepEqual(
        found.attempts.map((each) => each.outcome),
        ["RELEASED", undefined],
      );
    },
  },
];
