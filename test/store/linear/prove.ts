import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { StoreOptions } from "../../../src/store/store.ts";
import { stable } from "../comparable.ts";
import { untilDone } from "../conformance/until-done.ts";
import type { Engine, OpenedStore } from "../engine.ts";
import { randomFrom } from "../model/random.ts";
import { namesOf } from "./clients.ts";
import type { Call, History } from "./history.ts";
import { linearize, type Rules } from "./linearize.ts";
import { recordHistory } from "./record.ts";

const histories = 300;
/** After so many a new store is begun: its dump is read for each of them. */
const historiesPerStore = 30;
const overlapsMin = 2;

/** Makes the test that short concurrent histories on this engine are linearizable. */
export function proveLinearizable(engine: Engine, atomic: Rules["atomic"] = "commit"): void {
  const seed = Number(process.env.CONVEYOR_SEED ?? randomInt(2 ** 31));
  test(`linearizable / ${histories} histories of three clients on ${engine.name}`, async (t) => {
    const options: StoreOptions = { defaults: serverDefaults, clock: () => 1_750_000_000_000 };
    let overlaps = 0;
    for (let index = 0; index < histories; index += historiesPerStore) {
      const opened = await engine.open(options);
      try {
        for (let each = index; each < index + historiesPerStore; each += 1) {
          const history = await recordOn(opened, seed + each, each);
          overlaps += overlapsIn(history.calls);
          const found = await linearize(history, { options, atomic });
          if (found.kind === "found") continue;
          const told = explained(history, found.furthest, found.problems);
          assert.fail(
            `history of seed ${seed + each} has no order that explains it (all again: CONVEYOR_SEED=${seed}):\n${told}`,
          );
        }
      } finally {
        await opened.discard();
      }
    }
    t.diagnostic(`seeds from ${seed}; ${(overlaps / histories).toFixed(1)} pairs of calls at the same time a history`);
    assert.ok(overlaps / histories >= overlapsMin, "the clients hardly met");
  });
}

async function recordOn(opened: OpenedStore, seed: number, index: number): Promise<History> {
  const second = await opened.second?.();
  try {
    const handles = [opened.store, ...(second === undefined ? [] : [second.store])];
    const history = await recordHistory(handles, randomFrom(seed), namesOf(index));
    // What is left to do would be found by the next history.
    for (let worked = true; worked; ) {
      worked = await untilDone(() => opened.store.cascade({ max: 1_000 }));
      worked = (await untilDone(() => opened.store.propagate({ max: 1_000 }))) || worked;
    }
    return history;
  } finally {
    await second?.discard();
  }
}

function overlapsIn(calls: readonly Call[]): number {
  return calls.filter((each, index) =>
    calls.some((other, at) => at > index && other.begun < each.ended && each.begun < other.ended),
  ).length;
}

function explained(history: History, furthest: readonly Call[], problems: readonly string[]): string {
  const line = ({ client, begun, ended, operation, answer }: Call): string =>
    `  ${begun}-${ended} client ${client}: ${stable(operation, 0)}\n    -> ${answer}`;
  return [
    `${furthest.length} of ${history.calls.length} calls can be put into an order:`,
    ...furthest.map(line),
    "then none of these can be next:",
    ...history.calls.filter((each) => !furthest.includes(each)).map(line),
    "because",
    ...new Set(problems.map((each) => `  ${each}`)),
  ].join("\n");
}
