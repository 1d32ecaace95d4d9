import assert from "node:assert/strict";
import { child, job, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { both, brokers, commit, many, unique } from "./two-brokers.ts";
import { only } from "./world.ts";

/** The same jobs from several brokers. */
export const twoBrokerInsertCases: readonly Case[] = [
  brokers("the same job inserted by both at once is one job (3)", async (_world, stores) => {
    for (const id of many("a", 15)) {
      const answers = await both(stores, (store) =>
        commit(store, { insert: [{ trees: [tree(job(id), child(`${id}-c`))] }] }),
      );
      const roots = answers.map((answer) => {
        const inserted = only(answer.inserted);
        return inserted.kind === "inserted" ? only(inserted.roots) : undefined;
      });
      assert.deepEqual(
        roots.map((each) => each?.id),
        [id, id],
      );
      assert.deepEqual(roots.map((each) => each?.deduplicated).sort(), [false, true]);
    }
  }),
  brokers(
    "other jobs under the same id inserted by both at once: one is, one is refused (3)",
    async (world, stores) => {
      for (const id of many("a", 15)) {
        const answers = await both(stores, (store, index) =>
          commit(store, { insert: [{ trees: [{ root: job(id, { payload: `${index}` }), nodes: [] }] }] }),
        );
        const kinds = answers.map((answer) => only(answer.inserted).kind);
        assert.deepEqual([...kinds].sort(), ["inserted", "refused"]);
        const { payload } = await world.get(id);
        assert.equal(new TextDecoder().decode(payload.bytes), kinds[0] === "inserted" ? "0" : "1");
      }
    },
  ),
  brokers("the same request id used by both at once makes one job (3)", async (world, stores) => {
    for (const name of many("r", 15)) {
      const answers = await both(stores, (store, index) => {
        const root = job(`${name}-${index}`, { requestId: name, payload: "same" });
        return commit(store, { insert: [{ trees: [{ root, nodes: [] }] }] });
      });
      const ids = answers.map((answer) => {
        const inserted = only(answer.inserted);
        return inserted.kind === "inserted" ? only(inserted.roots).id : undefined;
      });
      assert.equal(new Set(ids).size, 1);
      world.see(job(name));
      assert.equal((await world.claimIds()).length, 1);
    }
  }),
  brokers("batches that insert the same jobs in opposite order both get through (3)", async (world, stores) => {
    for (const round of many("r", 10)) {
      const items = many(`${round}-`, 12).map((id) => ({ trees: [{ root: job(id), nodes: [] }] }));
      const answers = await both(stores, (store, index) =>
        commit(store, { insert: index === 0 ? items : [...items].reverse() }),
      );
      for (const answer of answers) for (const each of answer.inserted) assert.equal(each.kind, "inserted");
      world.see(job(round));
      unique(await world.claimIds(), 12);
    }
  }),
];
