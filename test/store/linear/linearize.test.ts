import assert from "node:assert/strict";
import { test } from "node:test";
import { type Outcome, serverDefaults } from "../../../src/core/job.ts";
import type { StoreDump } from "../../../src/store/dump.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { StoreOptions } from "../../../src/store/store.ts";
import { discard, job, success, tree } from "../jobs.ts";
import { sideOf } from "../model/perform.ts";
import { claimOf, namesOf, none, openSessions } from "./clients.ts";
import type { Call } from "./history.ts";
import { linearize, type Rules } from "./linearize.ts";
import { call, type Operation } from "./operation.ts";

const options: StoreOptions = { defaults: serverDefaults, clock: () => 1_750_000_000_000 };
const names = namesOf(0);
const setup = openSessions(names);

const insert = (payload: string): Operation => ({
  kind: "commit",
  advanceMs: 0,
  ...none,
  insert: [{ trees: [tree(job("h0-a", { queue: names.queue, payload, type: "test.v1.J0" }))] }],
});
const claim = (client: number): Operation => ({
  kind: "commit",
  advanceMs: 0,
  ...none,
  claim: [claimOf(names, client, `n${client}`, 1)],
});
const settle = (outcome: Outcome): Operation => ({
  kind: "commit",
  advanceMs: 0,
  ...none,
  settle: [{ lease: "h0-a#1", outcome, sent: outcome.kind, jitter: 0 }],
});

/** The calls one after the other on the model, as its clients would have seen them, and what is left. */
async function serial(operations: readonly Operation[]): Promise<{ calls: Call[]; final: StoreDump }> {
  const side = sideOf(await openMemoryStore(options));
  for (const operation of setup) await call(side, operation);
  const calls: Call[] = [];
  for (const [index, operation] of operations.entries()) {
    calls.push({
      client: index,
      operation,
      answer: await call(side, operation),
      begun: 2 * index,
      ended: 2 * index + 1,
    });
  }
  return { calls, final: await side.store.dump() };
}

/** The same calls, all begun before the first of them ended. */
function overlapped(calls: readonly Call[]): readonly Call[] {
  return calls.map((each, index) => ({ ...each, begun: index, ended: calls.length + index }));
}

async function verdict(atomic: Rules["atomic"], calls: readonly Call[], final: StoreDump): Promise<string> {
  return (await linearize({ setup, calls, final }, { options, atomic })).kind;
}

for (const atomic of ["commit", "item"] as const) {
  test(`linearizable by ${atomic} / calls that came one after the other are, in whatever order they ended`, async () => {
    const { calls, final } = await serial([insert("one"), claim(0), settle(success()), insert("one"), claim(1)]);
    assert.equal(await verdict(atomic, calls, final), "found");
    assert.equal(await verdict(atomic, overlapped(calls), final), "found");
    assert.equal(await verdict(atomic, overlapped(calls.toReversed()), final), "found");
  });

  test(`linearizable by ${atomic} / not when an earlier insert was not seen; when it was at the same time it may be`, async () => {
    const { calls, final } = await serial([claim(0), insert("one")]);
    assert.equal(await verdict(atomic, overlapped(calls.toReversed()), final), "found");
    const late = calls.toReversed().map((each, index) => ({ ...each, begun: 2 * index, ended: 2 * index + 1 }));
    assert.equal(await verdict(atomic, late, final), "none");
  });

  test(`linearizable by ${atomic} / not when two clients were given the same lease`, async () => {
    const { calls, final } = await serial([insert("one"), claim(0)]);
    const [, first] = calls;
    assert.ok(first);
    const second = { ...first, client: 2, operation: claim(2), begun: 4, ended: 5 };
    assert.equal(await verdict(atomic, overlapped([...calls, second]), final), "none");
  });

  test(`linearizable by ${atomic} / not when two ends of one lease counted`, async () => {
    const { calls, final } = await serial([insert("one"), claim(0), settle(success())]);
    const other = await serial([insert("one"), claim(0), settle(discard())]);
    const [, , second] = other.calls;
    assert.ok(second);
    assert.equal(await verdict(atomic, overlapped([...calls, second]), final), "none");
    assert.equal(await verdict(atomic, overlapped([...calls, second]), other.final), "none");
  });

  test(`linearizable by ${atomic} / not when one id was taken by two jobs`, async () => {
    const { calls, final } = await serial([insert("one")]);
    const other = await serial([insert("other")]);
    assert.equal(await verdict(atomic, overlapped([...calls, ...other.calls]), final), "none");
  });

  test(`linearizable by ${atomic} / not when something acknowledged is not there at the end`, async () => {
    const { calls } = await serial([insert("one"), claim(0), settle(success())]);
    const { final } = await serial([insert("one"), claim(0)]);
    assert.equal(await verdict(atomic, calls, final), "none");
  });
}
