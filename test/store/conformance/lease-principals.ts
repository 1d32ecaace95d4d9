import assert from "node:assert/strict";
import type { LeaseId } from "../../../src/core/names.ts";
import { job } from "../jobs.ts";
import type { Case } from "./case.ts";
import { ttlMs } from "./world.ts";

export const leasePrincipalCases: readonly Case[] = [
  {
    name: "lease / it names the principal of its session while it is its job's newest, also after both have ended (16)",
    async run(world) {
      const alice = await world.openSession({ principal: "alice" });
      const bob = await world.openSession({ principal: "bob" });
      const of = (leaseId: string) => world.store.leasePrincipal(leaseId as LeaseId); // forged ones too
      await world.insert(job("a"), job("b"));
      await world.claim({ session: alice });
      await world.insert(job("c"));
      await world.claim({ session: bob });
      const [a, b, c] = ["a", "b", "c"].map((id) => world.lease(id).leaseId);
      const all = async () => [await of(a ?? ""), await of(b ?? ""), await of(c ?? "")];
      assert.deepEqual(await all(), ["alice", "alice", "bob"]);
      await world.succeed("a");
      await world.succeed("c");
      await world.store.closeSession(bob);
      world.advance(ttlMs);
      await world.reap();
      assert.deepEqual(await all(), ["alice", "alice", "bob"]);
      world.advance(1_000);
      await world.promote();
      const carol = await world.openSession({ principal: "" });
      await world.claim({ session: carol });
      assert.deepEqual(await all(), ["alice", undefined, "bob"]);
      assert.equal(await of(world.lease("b").leaseId), "");
    },
  },
  {
    name: "lease / one that never was has no principal (16)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      const { leaseId } = world.lease("a");
      for (const forged of ["", "nope", "0.x", "1.x", `${leaseId}0`, leaseId.slice(0, -1), "%", "\u0000"]) {
        assert.equal(await world.store.leasePrincipal(forged as LeaseId), undefined, forged);
      }
    },
  },
];
