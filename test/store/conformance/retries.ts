import assert from "node:assert/strict";
import { error, failure, job, snooze, textOf } from "../jobs.ts";
import type { Case } from "./case.ts";
import { rounds } from "./rounds.ts";
import { only } from "./world.ts";

export const retryCases: readonly Case[] = [
  {
    name: "retry / attempts exhaust into dead, every error kept (27)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 3 }));
      await rounds(world, 3, (round) => failure({ error: error(`failure ${round}`, "E", `at ${round}`) }));
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED" });
      const found = await world.get("a");
      assert.deepEqual([found.failureCount, found.attempt, found.attemptsOmitted], [3, 3, 0]);
      assert.deepEqual(
        found.attempts.map((each) => [each.number, each.outcome, each.error]),
        [1, 2, 3].map((round) => [round, "FAILED", error(`failure ${round}`, "E", `at ${round}`)]),
      );
      assert.ok(found.finishedAt !== undefined && found.ranAt === found.finishedAt);
      assert.deepEqual(await world.claimIds(), []);
    },
  },
  {
    name: "retry / a time-out is a failure and is recorded as what it was (27)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 2 }));
      await rounds(world, 2, () => failure({ timedOut: true }));
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED" });
      assert.deepEqual(
        (await world.get("a")).attempts.map((each) => each.outcome),
        ["TIMED_OUT", "TIMED_OUT"],
      );
    },
  },
  {
    name: "retry / the first and the last twenty attempts are kept, the rest counted (27)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 100 }));
      await rounds(world, 44, (round) => failure({ error: error(`failure ${round}`) }));
      const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
      const found = await world.get("a");
      const kept = found.attempts.filter((each) => each.outcome !== undefined);
      assert.deepEqual(
        kept.slice(0, 20).map((each) => each.number),
        numbers(1, 20),
      );
      assert.deepEqual(
        kept.slice(-19).map((each) => each.number),
        numbers(26, 44),
      );
      assert.equal(found.attempts.at(-1)?.number, 45);
      await world.succeed("a");
      const ended = await world.get("a");
      assert.deepEqual(
        ended.attempts.map((each) => each.number),
        [...numbers(1, 20), ...numbers(26, 45)],
      );
      assert.equal(ended.attemptsOmitted, 5);
      assert.equal(ended.attempts.at(-1)?.outcome, "SUCCEEDED");
      assert.equal(ended.attempts[39]?.error, undefined);
      assert.equal(ended.attempts[38]?.error?.message, "failure 44");
      assert.equal(ended.attempts[20]?.error?.message, "failure 26");
    },
  },
  {
    name: "retry / a clean first success shows up in the history (27)",
    async run(world) {
      await world.insert(job("a"));
      world.advance(5);
      await world.claim();
      world.advance(7);
      await world.succeed("a", [], "fine");
      const found = await world.get("a");
      assert.deepEqual(found.attempts, [
        {
          number: 1,
          outcome: "SUCCEEDED",
          sessionId: "session-1",
          worker: "worker-1",
          claimedAt: world.now - 7,
          endedAt: world.now,
          error: undefined,
          epoch: found.epoch,
        },
      ]);
      assert.deepEqual([found.ranAt, found.finishedAt], [world.now, world.now]);
      assert.equal(textOf(found.result), "fine");
    },
  },
  {
    name: "retry / discard stops at once, whatever is left of the budget (28)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 100 }));
      await world.claim();
      await world.discard("a");
      await world.expect({ a: "DEAD:DISCARDED" });
      world.advance(10 * 600_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), []);
      const found = await world.get("a");
      assert.deepEqual([found.failureCount, only(found.attempts).error?.message], [0, "no use trying"]);
    },
  },
  {
    name: "retry / a snooze comes back after its delay and spends no budget (29)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 1 }));
      for (let round = 0; round < 5; round += 1) {
        await world.claim();
        await world.snooze("a", 2_000);
        await world.expect({ a: "SCHEDULED" });
        assert.equal((await world.get("a")).runAt, world.now + 2_000);
        world.advance(1_999);
        await world.promote();
        assert.deepEqual(await world.claimIds(), []);
        world.advance(1);
        await world.promote();
      }
      await world.claim();
      await world.succeed("a");
      const found = await world.get("a");
      assert.deepEqual([found.snoozeCount, found.failureCount, found.crashCount, found.attempt], [5, 0, 0, 6]);
    },
  },
  {
    name: "retry / the 1,001st snooze is a failure (29)",
    async run(world) {
      await world.insert(job("a"));
      let answer = await world.commit({ claim: [await world.claimItem()] });
      for (let round = 0; round < 1_000; round += 1) {
        const lease = only(world.take(only(answer.claimed)));
        const settled = await world.settle(world.item(lease, snooze(1)));
        assert.equal(only(settled).kind, "accepted");
        world.advance(1);
        await world.store.promote({ max: 10 });
        answer = await world.commit({ claim: [await world.claimItem()] });
      }
      const last = world.item(only(world.take(only(answer.claimed))), snooze(1));
      const refused = only(await world.settle(last));
      assert.deepEqual([refused.kind, refused.kind === "accepted" && refused.recorded], ["accepted", "FAILED"]);
      assert.equal(only(await world.settle(last)).kind, "repeated");
      const found = await world.get("a");
      assert.deepEqual([found.state, found.snoozeCount, found.failureCount], ["RETRYING", 1_000, 1]);
      assert.equal(found.attempts.at(-1)?.error?.name, "SNOOZE_LIMIT");
    },
  },
  ...([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 366 * 24 * 3_600_000] as const).map(
    (retryAfterMs): Case => ({
      name: `retry / an unusable wait of ${retryAfterMs} falls back to the policy ${retryAfterMs === 0 ? "(30, 35)" : "(30)"}`,
      async run(world) {
        const backoff = { kind: "EXPONENTIAL", initialMs: 300, maxMs: 1_000, multiplier: 2, jitter: 0 } as const;
        await world.insert(job("a", { backoff }));
        for (const waitMs of [300, 600, 1_000, 1_000]) {
          await world.claim();
          await world.fail("a", retryAfterMs);
          await world.expect({ a: "RETRYING" });
          assert.equal((await world.get("a")).runAt, world.now + waitMs);
          world.advance(waitMs - 1);
          await world.promote();
          assert.deepEqual(await world.claimIds(), []);
          world.advance(1);
          await world.promote();
        }
      },
    }),
  ),
  {
    name: "retry / a usable wait of the handler is taken (30)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await world.fail("a", 12_345);
      assert.equal((await world.get("a")).runAt, world.now + 12_345);
      const answer = await world.store.promote({ max: 10 });
      assert.equal(answer.nextInMs, 12_345);
    },
  },
  {
    name: "retry / jitter moves the wait by the number that came with the outcome (35)",
    async run(world) {
      const backoff = { kind: "FIXED", initialMs: 1_000, maxMs: 5_000, multiplier: 1, jitter: 0.5 } as const;
      await world.insert(job("a", { backoff }), job("b", { backoff }), job("c", { backoff }));
      await world.claim();
      await world.end("a", failure(), { jitter: 0 });
      await world.end("b", failure(), { jitter: 0.5 });
      await world.end("c", failure(), { jitter: 0.998 });
      const waits = await Promise.all(["a", "b", "c"].map(async (id) => (await world.get(id)).runAt - world.now));
      assert.deepEqual(waits, [1_000, 750, 501]);
    },
  },
  {
    name: "retry / a linear policy grows by its first wait up to its cap (35)",
    async run(world) {
      const backoff = { kind: "LINEAR", initialMs: 100, maxMs: 250, multiplier: 1, jitter: 0 } as const;
      await world.insert(job("a", { backoff, maxAttempts: 10 }));
      for (const waitMs of [100, 200, 250, 250]) {
        await world.claim();
        await world.fail("a");
        assert.equal((await world.get("a")).runAt, world.now + waitMs);
        world.advance(waitMs);
        await world.promote();
      }
    },
  },
];
