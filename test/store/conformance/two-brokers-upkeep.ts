import assert from "node:assert/strict";
import { child, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { holder } from "./holder.ts";
import { brokers, commit, many, unique, upkeepOf } from "./two-brokers.ts";
import { only, ttlMs } from "./world.ts";

/** Upkeep that several brokers do at the same time. */
export const twoBrokerUpkeepCases: readonly Case[] = [
  brokers("an expired session is reaped once, each lease counted once (15)", async (world, stores) => {
    const ids = many("a", 60);
    const session = await holder(world, ...ids);
    world.advance(ttlMs);
    const sessions: string[] = [];
    const told = await upkeepOf(stores, async (store) => {
      const answer = await store.reap({ max: 7, bufferedMsMax: 300_000, jitter: 0 });
      sessions.push(...answer.sessions);
      return answer;
    });
    assert.equal(told.count, 60);
    assert.deepEqual(sessions, [session.sessionId]);
    for (const id of ids) {
      const found = await world.get(id);
      assert.deepEqual([found.crashCount, found.attempts.length, found.state], [1, 1, "RETRYING"], id);
    }
  }),
  brokers("what is due is promoted once (6)", async (world, stores) => {
    const ids = many("a", 60);
    await world.insert(...ids.map((id) => job(id, { delayMs: 50 })));
    world.advance(50);
    const told = await upkeepOf(stores, (store) => store.promote({ max: 7 }));
    assert.equal(told.count, 60);
    unique(await world.claimIds(), 60);
  }),
  brokers("ends are carried up once, and every barrier opens once (44, 50)", async (world, stores) => {
    const count = 25;
    for (const root of many("r", count)) {
      await world.insert(
        tree(
          job(root),
          child(`${root}-m0`, {}, child(`${root}-l0`)),
          child(`${root}-m1`, {}, child(`${root}-l1`)),
          heir(`${root}-h`),
        ),
      );
    }
    await world.claim();
    for (const root of many("r", count)) await world.succeed(root);
    await world.claim();
    for (const root of many("r", count)) for (const index of [0, 1]) await world.succeed(`${root}-m${index}`);
    const leaves = await world.claim();
    assert.equal(leaves.length, 2 * count);
    await world.settle(...leaves.map((each) => world.item(each, success())));
    const told = await upkeepOf(stores, (store) => store.propagate({ max: 3 }));
    assert.equal(told.count, 2 * count);
    unique(await world.claimIds(), count);
  }),
  brokers("what lies below a dead job is cancelled once (20, 51)", async (world, stores) => {
    const ids = many("c", 60);
    await world.insert(tree(job("p"), ...ids.map((id) => child(id)), heir("h", { trigger: "SETTLED" })));
    await world.claim();
    await world.discard("p");
    const told = await upkeepOf(stores, (store) => store.cascade({ max: 7 }));
    unique(
      told.ended.filter((id) => id !== "p"),
      61,
    );
    await world.upkeep();
    await world.expect({ p: "DEAD:DISCARDED", c0: "CANCELLED:PARENT_FAILED", h: "CANCELLED:PARENT_FAILED" });
  }),
  brokers("running siblings of a FAIL_FAST child are asked to stop once (38)", async (world, stores) => {
    const ids = many("c", 40);
    await declare(world, "p", child("first", { policy: "FAIL_FAST" }), ...ids.map((id) => child(id)));
    await world.claim();
    await world.discard("first");
    const told = await upkeepOf(stores, (store) => store.cascade({ max: 7 }));
    unique(
      told.cancels.map((each) => each.leaseId),
      40,
    );
    const renewed = await commit(stores[1], { renew: [{ ...(await world.worker()), ttlMs, buffered: [] }] });
    const answer = only(renewed.renewed);
    assert.equal(answer.kind === "renewed" && answer.cancels.length, 40);
  }),
];
