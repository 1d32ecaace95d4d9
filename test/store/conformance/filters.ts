import assert from "node:assert/strict";
import { child, heir, job, jobId } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { list } from "./list-all.ts";
import { many } from "./two-brokers.ts";

export const filterCases: readonly Case[] = [
  {
    name: "list / by error fingerprint: dead jobs of like errors, whatever the numbers in them (69)",
    async run(world) {
      await world.insert(...many("a", 3).map((id) => job(id)), job("b"), job("fine"));
      await world.claim();
      for (const [index, id] of many("a", 3).entries()) {
        await world.end(id, { kind: "discard", error: { name: "E", message: `row ${index} is locked`, stack: "" } });
      }
      await world.end("b", { kind: "discard", error: { name: "E", message: "another", stack: "" } });
      await world.succeed("fine");
      const errorFingerprint = (await world.get("a1")).errorFingerprint ?? "";
      assert.deepEqual((await list(world, { errorFingerprint })).toSorted(), many("a", 3));
      assert.deepEqual((await list(world, { errorFingerprint }, 1)).toSorted(), many("a", 3));
      assert.deepEqual((await list(world, { errorFingerprint, queue: job("a").queue, states: ["DEAD"] })).length, 3);
      assert.deepEqual(await list(world, { errorFingerprint, states: ["COMPLETED"] }), []);
      assert.deepEqual(await list(world, { errorFingerprint: "none" }), []);
    },
  },
  {
    name: "list / by time of the last change, also of what is older (71)",
    async run(world) {
      await world.insert(job("old"), job("moved"), job("reported"));
      world.advance(1_000);
      await world.insert(job("new"));
      await world.claim({ jobsMax: 4 });
      const since = world.now + 500;
      world.advance(500);
      await world.succeed("moved");
      await world.store.report([{ leaseId: world.lease("reported").leaseId, bytes: new Uint8Array() }]);
      assert.deepEqual((await list(world, { updatedSince: since })).toSorted(), ["moved", "reported"]);
      assert.deepEqual((await list(world, { updatedSince: since - 500 })).length, 4);
      assert.deepEqual(await list(world, { updatedSince: since, states: ["COMPLETED"] }, 1), ["moved"]);
      assert.deepEqual(await list(world, { updatedSince: since + 1 }), []);
    },
  },
  {
    name: "list / only roots (42)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await world.insert(job("q", { queue: "mail" }));
      assert.deepEqual(world.inOrder(await list(world, { rootsOnly: true })), world.inOrder(["q", "p"]));
      assert.deepEqual(world.inOrder(await list(world, { rootsOnly: true }, 1)), world.inOrder(["q", "p"]));
      assert.deepEqual(await list(world, { rootsOnly: true, rootId: jobId("p") }), ["p"]);
      assert.deepEqual(await list(world, { rootsOnly: true, parentId: jobId("p") }), []);
      assert.deepEqual(await list(world, { rootsOnly: true, queue: job("x", { queue: "mail" }).queue }), ["q"]);
      assert.equal((await list(world, { rootsOnly: false })).length, 4);
    },
  },
];
