import assert from "node:assert/strict";
import type { AttemptOutcome, Outcome } from "../../../src/core/job.ts";
import { cancel, child, discard, error, failure, heir, job, jobId, release, snooze, success, textOf } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only, type World } from "./world.ts";

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

/** Claims and settles `rounds` times the one job there is, time passing as it has to. */
async function rounds(world: World, count: number, outcome: (round: number) => Outcome): Promise<void> {
  let answer = await world.commit({ claim: [await world.claimItem()] });
  for (let round = 1; round <= count; round += 1) {
    const lease = only(world.take(only(answer.claimed)));
    const settled = await world.settle(world.item(lease, outcome(round)));
    assert.equal(only(settled).kind, "accepted");
    world.advance(600_000);
    await world.promote();
    answer = await world.commit({ claim: [await world.claimItem()] });
  }
  const next = only(answer.claimed);
  if (next.kind === "claimed" && next.leases.length > 0) world.take(next);
}

export const outcomeCases: readonly Case[] = [
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
          const expected: unknown = other === kind ? { ...first, kind: "repeated" } : { kind: "conflict", jobId: "a", recorded };
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
  {
    name: "failure / odd errors are stored as they are, and are failures (32)",
    async run(world) {
      const errors = [
        error("", "", ""),
        error("quote ' \" ` \\ % _ ; --", "Robert'); DROP TABLE jobs;--", "at <anonymous>"),
        error("nul \u0000 tab \t line \n \r bell \u0007", "NUL\u0000NAME", "\u0000"),
        error("ünïcödé 🛫 \u202e rtl", "Ошибка", "在"),
        error("x".repeat(8 * 1024), "E".repeat(256), "s".repeat(32 * 1024)),
        error("{}", "object", "[object Object]"),
      ];
      await world.insert(job("a", { maxAttempts: errors.length }));
      await rounds(world, errors.length, (round) => failure({ error: errors[round - 1] ?? error() }));
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED" });
      assert.deepEqual(
        (await world.get("a")).attempts.map((each) => each.error),
        errors,
      );
    },
  },
  {
    name: "failure / the fingerprint of a dead job ignores numbers and tells names, texts and types apart (32)",
    async run(world) {
      const dead = async (id: string, type: string, name: string, message: string) => {
        await world.insert(job(id, { type, maxAttempts: 1 }));
        await world.claim();
        await world.end(id, failure({ error: error(message, name) }));
        return (await world.get(id)).errorFingerprint;
      };
      const base = await dead("a", "test.v1.A", "Error", "row 17 of 2000 is bad");
      assert.ok(base !== undefined && base.length > 0);
      assert.equal(await dead("b", "test.v1.A", "Error", "row 5 of 31 is bad"), base);
      const others = [
        await dead("c", "test.v1.B", "Error", "row 17 of 2000 is bad"),
        await dead("d", "test.v1.A", "TypeError", "row 17 of 2000 is bad"),
        await dead("e", "test.v1.A", "Error", "row 17 of 2000 is good"),
      ];
      assert.equal(new Set([base, ...others]).size, 4);
    },
  },
  {
    name: "failure / what the broker had to make of a result is recorded, answered and repeated (32)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      const sent = { sent: "success", problem: "PAYLOAD_TOO_LARGE" } as const;
      const made = failure({ error: error("the result has 2000000 bytes", "PAYLOAD_TOO_LARGE") });
      const first = only(await world.settle(world.item("a", made, sent)));
      const expected = { jobId: "a", recorded: "FAILED", state: "RETRYING", problem: "PAYLOAD_TOO_LARGE" };
      assert.deepEqual(first, { kind: "accepted", ...expected });
      assert.deepEqual(await world.settle(world.item("a", made, sent)), [{ kind: "repeated", ...expected }]);
      assert.deepEqual(await world.settle(world.item("a", success())), [{ kind: "repeated", ...expected }]);
      assert.equal(only(await world.settle(world.item("a", failure()))).kind, "conflict");
      const found = await world.get("a");
      assert.deepEqual([found.failureCount, only(found.attempts).error?.name], [1, "PAYLOAD_TOO_LARGE"]);
    },
  },
  {
    name: "jpoz: a panic that was caught is a failure and never a success (32)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 1 }));
      await world.claim();
      await world.end("a", failure({ error: error("index out of range", "panic") }));
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED" });
      const found = await world.get("a");
      assert.deepEqual([found.result, only(found.attempts).outcome], [undefined, "FAILED"]);
    },
  },
  {
    name: "release / keeps its place in the queue and costs nothing (36)",
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
    name: "payload / bytes come back as they went in: empty, zero, all values, 1 MiB (74)",
    async run(world) {
      const million = new Uint8Array(1024 * 1024).map((_, index) => (index * 31) % 256);
      const payloads: Readonly<Record<string, Uint8Array>> = {
        empty: new Uint8Array(),
        zero: new Uint8Array([0]),
        zeros: new Uint8Array(1_000),
        all: new Uint8Array(256).map((_, index) => index),
        unknownFields: new Uint8Array([0xfa, 0xff, 0xff, 0xff, 0x0f, 0x03, 1, 2, 3, 0x08, 0x96, 0x01]),
        notUtf8: new Uint8Array([0xff, 0xfe, 0xc0, 0x80]),
        million,
      };
      await world.insert(...Object.entries(payloads).map(([id, payload]) => job(id, { payload })));
      const leases = await world.claim();
      const bytes = (value: Uint8Array | undefined) => (value === undefined ? undefined : Buffer.from(value));
      for (const [id, payload] of Object.entries(payloads)) {
        const lease = leases.find((each) => each.jobId === id);
        assert.deepEqual(bytes(lease?.payload.bytes), bytes(payload), `leased ${id}`);
        const found = await world.get(id);
        assert.deepEqual(bytes(found.payload.bytes), bytes(payload), `read ${id}`);
        assert.equal(found.payloadBytes, payload.length);
        await world.end(id, { kind: "success", result: { type: found.type, bytes: payload }, nodes: [] });
        assert.deepEqual(bytes((await world.get(id)).result?.bytes), bytes(payload), `result ${id}`);
      }
    },
  },
  {
    name: "payload / no result is told apart from an empty one (74)",
    async run(world) {
      await world.insert(job("none"), job("empty"));
      await world.claim();
      await world.end("none", success());
      await world.end("empty", success([], ""));
      assert.equal((await world.get("none")).result, undefined);
      assert.equal((await world.get("empty")).result?.bytes.length, 0);
    },
  },
];
