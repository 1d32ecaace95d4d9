import assert from "node:assert/strict";
import { child, discard, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { holder } from "./holder.ts";
import { both, brokers, commit, many } from "./two-brokers.ts";
import { only, ttlMs } from "./world.ts";

/** Outcomes that reach one store through several brokers. */
export const twoBrokerOutcomeCases: readonly Case[] = [
  brokers("the last two siblings settled on both at once release the heir once (44)", async (world, stores) => {
    for (const round of many("r", 25)) {
      const id = (text: string) => `${round}-${text}`;
      await declare(world, id("p"), child(id("a")), child(id("b")), heir(id("h")));
      await world.claim();
      const answers = await both(stores, (store, index) =>
        commit(store, { settle: [world.item(id(index === 0 ? "a" : "b"), success())] }),
      );
      for (const answer of answers) assert.equal(only(answer.settled).kind, "accepted");
      await world.expect({ [id("a")]: "COMPLETED", [id("b")]: "COMPLETED", [id("h")]: "READY" });
      const readied = answers.flatMap((answer) => answer.effects.readied);
      assert.equal(readied.length, 1, "one of both released it");
      assert.deepEqual(await world.claimIds(), [id("h")]);
      await world.succeed(id("h"));
      await world.expect({ [id("p")]: "COMPLETED" });
    }
  }),
  brokers("batches that touch the same parents in opposite order both get through (44)", async (world, stores) => {
    for (const round of many("r", 15)) {
      const id = (text: string) => `${round}-${text}`;
      await declare(world, id("p"), child(id("p0")), child(id("p1")), heir(id("ph")));
      await declare(world, id("q"), child(id("q0")), child(id("q1")), heir(id("qh")));
      await world.claim();
      await both(stores, async (store, index) => {
        const items = [id(`p${index}`), id(`q${index}`)].map((each) => world.item(each, success()));
        const { settled } = await commit(store, { settle: index === 0 ? items : items.reverse() });
        assert.deepEqual(
          settled.map((each) => each.kind),
          ["accepted", "accepted"],
        );
      });
      assert.deepEqual([...(await world.claimIds())].sort(), [id("ph"), id("qh")]);
    }
  }),
  brokers("of the same outcome sent to both one is accepted and one repeated (24)", async (world, stores) => {
    for (const id of many("a", 15)) {
      await world.insert(job(id));
      await world.claim();
      const answers = await both(stores, (store) =>
        commit(store, { settle: [world.item(id, success([child(`${id}-c`)], "fine"))] }),
      );
      assert.deepEqual(answers.map((answer) => only(answer.settled).kind).sort(), ["accepted", "repeated"]);
      assert.deepEqual(await world.claimIds(), [`${id}-c`]);
    }
  }),
  brokers("of two outcomes sent to both one is accepted, the other refused (24)", async (world, stores) => {
    for (const id of many("a", 15)) {
      await world.insert(job(id));
      await world.claim();
      const answers = await both(stores, (store, index) =>
        commit(store, { settle: [world.item(id, index === 0 ? success() : discard())] }),
      );
      const kinds = answers.map((answer) => only(answer.settled).kind);
      assert.deepEqual([...kinds].sort(), ["accepted", "conflict"]);
      assert.equal((await world.get(id)).state, kinds[0] === "accepted" ? "COMPLETED" : "DEAD");
    }
  }),
  brokers("an outcome and the reaper at once: one of both counts (18)", async (world, [one, other]) => {
    for (const id of many("a", 20)) {
      await holder(world, id);
      world.advance(ttlMs);
      const [answer] = await Promise.all([
        commit(one, { settle: [world.item(id, success())] }),
        other.reap({ max: 10, bufferedMsMax: 300_000, jitter: 0 }),
      ]);
      const { state, crashCount, attempts } = await world.get(id);
      const accepted = only(answer.settled).kind === "accepted";
      assert.deepEqual([state, crashCount, attempts.length], accepted ? ["COMPLETED", 0, 1] : ["RETRYING", 1, 1]);
      await world.reap();
    }
  }),
  brokers("a forest worked by both at once comes to its end, each job run once (10, 44, 50)", async (world, stores) => {
    const roots = many("t", 12);
    for (const [index, root] of roots.entries()) {
      const id = (text: string) => `${root}-${text}`;
      const policy = index % 3 === 0 ? "FAIL_FAST" : "FAIL";
      await world.insert(
        tree(
          job(root),
          child(id("a"), { policy }, child(id("aa")), heir(id("ah"), { trigger: "SETTLED" })),
          child(id("b"), {}, child(id("ba")), child(id("bb"), { policy: "IGNORE" })),
          child(id("c")),
          heir(id("h")),
          heir(id("f"), { trigger: "ANY_FAILED" }),
        ),
      );
    }
    const run = (id: string) =>
      /-(aa|bb)$/.test(id) && Number(id.slice(1, id.indexOf("-"))) % 2 ? discard() : success();
    const started: string[] = [];
    const open = async () => (await world.store.dump()).jobs.some((each) => each.finishedAt === undefined);
    for (let rounds = 0; rounds < 60 && (await open()); rounds += 1) {
      await both(stores, async (store) => {
        await Promise.all([store.propagate({ max: 5 }), store.cascade({ max: 5 })]);
        const item = await world.claimItem({ jobsMax: 9 });
        const leases = world.take(only((await commit(store, { claim: [item] })).claimed));
        started.push(...leases.map((each) => each.jobId));
        await commit(store, { settle: leases.map((each) => world.item(each, run(each.jobId))) });
      });
    }
    assert.equal(await open(), false, "every chain ends");
    assert.equal(new Set(started).size, started.length);
    await world.expect({
      "t2-h": "COMPLETED",
      "t2-f": "CANCELLED:TRIGGER_NOT_MET",
      t2: "COMPLETED",
      "t1-f": "COMPLETED",
    });
  }),
];
