import assert from "node:assert/strict";
import type { FailurePolicy, Outcome, Trigger } from "../../../src/core/job.ts";
import { cancel, child, discard, heir, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";

const policies: readonly FailurePolicy[] = ["FAIL", "IGNORE", "FAIL_FAST"];
const triggers: readonly Trigger[] = ["SUCCEEDED", "ANY_FAILED", "SETTLED"];
const childEnds: readonly (readonly [name: string, outcome: Outcome, isOk: boolean])[] = [
  ["completed", success(), true],
  ["dead", discard(), false],
  ["cancelled", cancel, false],
];

/** What becomes of an heir with this trigger (COMPLETED once it ran), by the rules of the specification. */
function heirEnd(trigger: Trigger, anyFailed: boolean): string {
  if (trigger === "SETTLED") return "COMPLETED";
  if (trigger === "SUCCEEDED") return anyFailed ? "CANCELLED:DEPENDENCY_FAILED" : "COMPLETED";
  return anyFailed ? "COMPLETED" : "CANCELLED:TRIGGER_NOT_MET";
}

export const policyCases: readonly Case[] = [
  ...childEnds.flatMap(([name, outcome, isOk]) =>
    policies.map(
      (policy): Case => ({
        name: `policy / a ${name} child with policy ${policy} under every trigger (47)`,
        async run(world) {
          const anyFailed = !isOk && policy !== "IGNORE";
          for (const trigger of triggers) {
            const id = (text: string) => `${trigger}-${text}`;
            await declare(world, id("p"), child(id("c"), { policy }), child(id("d")), heir(id("h"), { trigger }));
            await world.drain((each) => (each === id("c") ? outcome : success()));
            assert.equal(await world.state(id("h")), heirEnd(trigger, anyFailed), trigger);
            assert.equal(await world.state(id("p")), anyFailed ? "DEAD:CHAIN_FAILED" : "COMPLETED", trigger);
          }
        },
      }),
    ),
  ),
  {
    name: "policy / an heir that completes repairs nothing (47)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h", { trigger: "ANY_FAILED" }));
      await world.drain((id) => (id === "c" ? discard() : success()));
      await world.expect({ h: "COMPLETED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "policy / a dead or cancelled heir fails its parent unless it is IGNORE (47)",
    async run(world) {
      for (const [name, outcome] of [["dead", discard()] as const, ["cancelled", cancel] as const]) {
        for (const policy of ["FAIL", "IGNORE"] as const) {
          const id = (text: string) => `${name}-${policy}-${text}`;
          await declare(world, id("p"), heir(id("h"), { policy }));
          await world.drain(() => outcome);
          assert.equal(await world.state(id("p")), policy === "FAIL" ? "DEAD:CHAIN_FAILED" : "COMPLETED", id(""));
        }
      }
    },
  },
  {
    name: "policy / skipped heirs are neutral (47)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "IGNORE" }), heir("f", { trigger: "ANY_FAILED" }), heir("h"));
      await world.drain((id) => (id === "c" ? discard() : success()));
      await world.expect({ c: "DEAD:DISCARDED", f: "CANCELLED:TRIGGER_NOT_MET", h: "COMPLETED", p: "COMPLETED" });
      assert.deepEqual([(await world.dumped("p")).childrenNotOk, (await world.dumped("p")).heirsNotOk], [0, 0]);
    },
  },
  {
    name: "policy / IGNORE judges the child's final state: it covers a child whose chain failed (47)",
    async run(world) {
      await declare(world, "root", child("mid", { policy: "IGNORE" }), heir("h"));
      await world.claim();
      await world.succeed("mid", [child("leaf")]);
      await world.drain((id) => (id === "leaf" ? discard() : success()));
      await world.expect({ leaf: "DEAD:DISCARDED", mid: "DEAD:CHAIN_FAILED", h: "COMPLETED", root: "COMPLETED" });
    },
  },
  {
    name: "policy / a retried failure that ends well counts as well (45)",
    async run(world) {
      await declare(world, "p", child("c", { policy: "FAIL_FAST" }), child("d"), heir("h"));
      await world.claim();
      await world.fail("c");
      await world.upkeep();
      await world.expect({ c: "RETRYING", d: "RUNNING", h: "HELD:BARRIER" });
      await world.succeed("d");
      world.advance(1_000);
      await world.drain();
      await world.expect({ c: "COMPLETED", h: "COMPLETED", p: "COMPLETED" });
    },
  },
];
