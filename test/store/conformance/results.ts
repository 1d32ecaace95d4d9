import assert from "node:assert/strict";
import type { SettleAnswer } from "../../../src/store/commit.ts";
import { child, heir, job, success, textOf, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";

const children = (count: number, prefix = "c") =>
  Array.from({ length: count }, (_, index) => child(`${prefix}${index}`));

export const resultCases: readonly Case[] = [
  {
    name: "chain / results of all children reach the heir in declaration order (53)",
    async run(world) {
      await declare(world, "p", ...children(25), heir("h"));
      const leases = [...(await world.claim())].reverse();
      for (const lease of leases) await world.end(lease.jobId, success([], `result of ${lease.jobId}`));
      await world.claim();
      const page = async (cursor?: string) =>
        world.store.listChildResults(
          world.lease("h").leaseId,
          { completedOnly: true, bytesMax: 1_000_000 },
          { size: 10, cursor },
        );
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const answer = await page(cursor);
        assert.ok(answer && answer.items.length <= 10);
        found.push(...answer.items.map((each) => `${each.jobId} ${textOf(each.result)}`));
        cursor = answer.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(
        found,
        children(25).map(({ job: { id } }) => `${id} result of ${id}`),
      );
    },
  },
  {
    name: "chain / one heir at most gives the result, among static ones too (53)",
    async run(world) {
      await world.insert(tree(job("p"), heir("s", { asResult: true })), job("q"));
      await world.claim();
      const answers = await world.settle(
        world.item("p", success([heir("d", { asResult: true })])),
        world.item("q", success([heir("q1", { asResult: true }), heir("q2")])),
      );
      assert.deepEqual(answers.map(problem), [
        ["FAILED", "TREE_INVALID"],
        ["SUCCEEDED", undefined],
      ]);
    },
  },
  {
    name: "result / an heir's result becomes its parent's through many levels (53)",
    async run(world) {
      const levels = 8;
      await world.insert(job("n0"));
      for (let level = 0; level < levels; level += 1) {
        await world.claim();
        await world.succeed(
          `n${level}`,
          [child(`c${level}`), heir(`n${level + 1}`, { asResult: true })],
          `own ${level}`,
        );
        assert.equal(textOf((await world.get(`n${level}`)).result), `own ${level}`);
        await world.claim();
        await world.succeed(`c${level}`);
      }
      await world.claim();
      await world.succeed(`n${levels}`, [], "the end");
      await world.upkeep();
      for (let level = 0; level <= levels; level += 1) {
        const found = await world.get(`n${level}`);
        assert.deepEqual(
          [found.state, textOf(found.result), found.result?.type],
          ["COMPLETED", "the end", "test.v1.Result"],
        );
      }
    },
  },
  {
    name: "result / an inherited result reaches the outer heir (53)",
    async run(world) {
      await declare(world, "root", child("mid"), heir("outer", { asResult: true }));
      await world.claim();
      await world.succeed("mid", [child("leaf"), heir("inner", { asResult: true })], "own");
      await world.claim();
      await world.succeed("leaf");
      await world.claim();
      await world.succeed("inner", [], "merged");
      await world.upkeep();
      await world.claim();
      const page = await world.store.listChildResults(
        world.lease("outer").leaseId,
        { completedOnly: false, bytesMax: 1_000 },
        { size: 10 },
      );
      assert.deepEqual(
        page?.items.map((each) => [each.jobId, each.state, textOf(each.result)]),
        [["mid", "COMPLETED", "merged"]],
      );
    },
  },
  {
    name: "result / without a completed result heir the job's own result stays (53)",
    async run(world) {
      await declare(world, "skipped", child("s1"), heir("s2", { asResult: true, trigger: "ANY_FAILED" }));
      await world.drain(() => success([], "child"));
      await world.insert(job("dead"));
      await world.claim();
      await world.succeed("dead", [heir("d1", { asResult: true })], "own");
      await world.claim();
      await world.discard("d1");
      await world.insert(job("ignored"));
      await world.claim();
      await world.succeed("ignored", [heir("i1", { asResult: true, policy: "IGNORE" })], "own");
      await world.claim();
      await world.discard("i1");
      await world.expect({ skipped: "COMPLETED", dead: "DEAD:CHAIN_FAILED", ignored: "COMPLETED" });
      assert.equal((await world.get("skipped")).result, undefined);
      assert.equal(textOf((await world.get("dead")).result), "own");
      assert.equal(textOf((await world.get("ignored")).result), "own");
    },
  },
  {
    name: "result / the result of a completed result heir replaces the own one even when the chain has another heir (53)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      await world.succeed("p", [heir("h", { asResult: true }), heir("i")], "own");
      await world.claim();
      await world.succeed("h", [], "heir");
      assert.equal(textOf((await world.get("p")).result), "own");
      await world.succeed("i", [], "other");
      await world.expect({ p: "COMPLETED" });
      assert.equal(textOf((await world.get("p")).result), "heir");
    },
  },
];

function problem(answer: SettleAnswer): readonly unknown[] {
  return answer.kind === "accepted" ? [answer.recorded, answer.problem] : [answer.kind];
}
