import assert from "node:assert/strict";
import { error, failure, job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { rounds } from "./rounds.ts";
import { only } from "./world.ts";

export const failureCases: readonly Case[] = [
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
