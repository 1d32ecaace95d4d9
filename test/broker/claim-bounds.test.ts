import assert from "node:assert/strict";
import { test } from "node:test";
import { type Claimant, createDispatcher } from "../../src/broker/dispatcher.ts";
import { createLaneBoard } from "../../src/broker/lane-board.ts";
import type { QueueName, SessionId, TypeName } from "../../src/core/names.ts";
import { createIds } from "../../src/runtime/ids.ts";
import type { Effects } from "../../src/store/effects.ts";

const lane = { queue: "mail" as QueueName, type: "mail.v1.Send" as TypeName };
const mebibyte = 1024 * 1024;
const noEffects: Effects = {
  readied: [],
  ended: [],
  cancels: [],
  propagateDue: false,
  cascadeDue: false,
  expandDue: false,
  dueAt: undefined,
};

/** A dispatcher and so many idle workers that each have room for 20 jobs of any size. */
function crew(size: number) {
  const board = createLaneBoard();
  const dispatcher = createDispatcher({ board, ids: createIds(), poke: () => undefined });
  for (let index = 0; index < size; index += 1) {
    const claimant: Claimant = {
      ref: { sessionId: `session-${index}` as SessionId, epoch: 1 },
      subscriptions: [{ queue: lane.queue, lanes: [board.subscribe(lane)], jobsMax: 20, inFlight: 0 }],
      room: () => ({ jobs: 20, bytes: Number.POSITIVE_INFINITY }),
      deliver: () => undefined,
      refuse: () => undefined,
      claiming: () => undefined,
      claimed: () => undefined,
      superseded: () => undefined,
    };
    dispatcher.want(claimant);
  }
  board.add(lane, 100_000);
  return dispatcher;
}

const take = (dispatcher: ReturnType<typeof crew>) => dispatcher.take({ settle: [], insert: [] });

for (const size of [1, 7, 500]) {
  test(`claims / those of ${size} workers together bring no more bytes in one commit than one answer can hold`, () => {
    const claims = take(crew(size));
    const bytes = claims.map(({ item }) => Math.max(item.bytesMax, mebibyte));
    assert.ok(claims.length > 0 && claims.length <= 64, `${claims.length} claims`);
    assert.ok(bytes.reduce((sum, each) => sum + each, 0) <= 64 * mebibyte, `${bytes}`);
  });
}

test("claims / whose answers were lost go again in commits of the same bounds", () => {
  const dispatcher = crew(100);
  const lost = [...take(dispatcher), ...take(dispatcher)];
  assert.ok(lost.length > 25);
  for (const claim of lost) claim.fail(true);
  dispatcher.lookEverywhere();
  const again = take(dispatcher);
  assert.ok(again.length <= 64);
  assert.deepEqual(
    again.map(({ item }) => item.nonce),
    lost.slice(0, again.length).map(({ item }) => item.nonce),
  );
  for (const claim of again) claim.answer({ kind: "claimed", leases: [] }, noEffects);
  const rest = take(dispatcher).filter(({ item }) => item.again === true);
  assert.equal(again.filter(({ item }) => item.again === true).length + rest.length, lost.length);
});
