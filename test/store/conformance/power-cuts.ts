import assert from "node:assert/strict";
import { comparable } from "../comparable.ts";
import type { FileHooks } from "../engine.ts";
import { child, discard, group, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import type { World } from "./world.ts";

/** Cuts the power within `write` at every place there is: what is left is the state before or after it, both seen. */
async function allOrNothing(world: World, write: () => Promise<unknown>): Promise<void> {
  const before = comparable(await world.store.dump());
  const mark = file(world).mark();
  await write();
  const after = comparable(await world.store.dump());
  let cuts = 0;
  const seen = { before: 0, after: 0 };
  for await (const left of file(world).cuts(mark)) {
    cuts += 1;
    const found = comparable(await left.store.dump());
    await left.discard();
    if (found === before) seen.before += 1;
    else {
      assert.equal(found, after, `cut ${cuts} left neither the state before nor the state after`);
      seen.after += 1;
    }
  }
  assert.ok(seen.before > 0 && seen.after > 0, `${cuts} cuts: ${JSON.stringify(seen)}`);
}

/** How the store's file is cut. */
function file(world: World): FileHooks {
  const { cuts, mark } = world.opened;
  assert.ok(cuts && mark, "only a store in a file of its own can be cut");
  return { cuts, mark };
}

/** What a power cut within a write leaves of a store that is a file of ours. Of a server's files the server's own tests tell. */
export const powerCutCases: readonly Case[] = [
  {
    name: "crash / within the settle that declares children and heirs: all or nothing (56)",
    async run(world) {
      await world.insert(job("p"), job("q"));
      await world.claim();
      await allOrNothing(world, () =>
        world.settle(
          world.item("p", success([child("a"), child("b", { delayMs: 5 }), heir("h", { asResult: true })], "result")),
          world.item("q", discard()),
        ),
      );
    },
  },
  {
    name: "crash / within the settle of the last child, which releases and skips heirs: all or nothing (44, 56)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("h"), heir("f", { trigger: "ANY_FAILED" }));
      await world.claim();
      await allOrNothing(world, () => world.settle(world.item("a", success()), world.item("b", success())));
    },
  },
  {
    name: "jpoz: a crash between taking an heir off its barrier and queueing it leaves it in one place (56)",
    async run(world) {
      await declare(world, "p", child("a"), heir("h"));
      await world.claim();
      const mark = file(world).mark();
      await world.succeed("a");
      for await (const left of file(world).cuts(mark)) {
        const dump = await left.store.dump();
        await left.discard();
        const of = (id: string) => dump.jobs.find((each) => each.id === id)?.state;
        assert.ok(
          (of("a") === "RUNNING" && of("h") === "HELD") || (of("a") === "COMPLETED" && of("h") === "READY"),
          `${of("a")} ${of("h")}`,
        );
      }
    },
  },
  {
    name: "crash / within an insert of many trees, a claim and a goodbye: all or nothing (2, 10, 56)",
    async run(world) {
      await allOrNothing(world, () =>
        world.insertTogether(job("a"), tree(group("g"), child("c"), heir("h")), job("b", { delayMs: 9 })),
      );
      const session = await world.openSession();
      await allOrNothing(world, () => world.claim({ session }));
      await allOrNothing(world, () => world.store.closeSession(session));
    },
  },
  {
    name: "crash / within propagate, cascade, promote and reap: all or nothing (56)",
    async run(world) {
      await declare(world, "root", child("mid", { policy: "FAIL_FAST" }), child("x"), child("y"), heir("h"));
      await world.claim({ jobsMax: 1 });
      await world.succeed("mid", [child("leaf")]);
      await world.claim();
      await world.release("x");
      await world.discard("leaf");
      await allOrNothing(world, () => world.store.propagate({ max: 10 }));
      await allOrNothing(world, () => world.store.cascade({ max: 10 }));
      await world.fail("y");
      await world.insert(job("later", { delayMs: 10 }), tree(group("g", { delayMs: 10 }), child("c"), heir("i")));
      world.advance(10);
      await allOrNothing(world, () => world.store.promote({ max: 10 }));
      await world.claim({ session: await world.openSession() });
      world.advance(1_000_000);
      await allOrNothing(world, () => world.store.reap({ max: 10, bufferedMsMax: 1_000, jitter: 0 }));
    },
  },
];
