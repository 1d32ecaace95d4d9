import { test } from "node:test";
import { redisUrl } from "../../servers/addresses.ts";
import { revive, stage } from "../conformance/ask.ts";
import { staged } from "../conformance/staged-three.ts";
import { openWorld } from "../conformance/world.ts";
import { redisEngine } from "../engines/redis.ts";
import { child, heir, job, jobId, success } from "../jobs.ts";

// More children than one step looks at, of which few come back: the others were cancelled by request.
const size = 8_100;
const gone = Array.from({ length: size - 60 }, (_, index) => `c${index + 20}`);

test("redis revival / an heir older than the staged children that come back comes back with them, over several steps", async () => {
  const world = await openWorld(redisEngine({ shards: 1, url: redisUrl }));
  try {
    const { store } = world;
    const isGone = new Set(gone);
    const nodes = Array.from({ length: size }, (_, index) =>
      child(`c${index}`, { policy: isGone.has(`c${index}`) ? "IGNORE" : "FAIL_FAST" }),
    );
    await world.insert(job("p"));
    await world.claim();
    for (let seq = 1; nodes.length > 0; seq += 1) await stage(world, "p", seq, nodes.splice(0, 1_000));
    await world.end("p", staged(size, [heir("h")]));
    while ((await store.expand({ max: 1_000 })).more);
    await store.cancel(gone.map((id) => ({ id: jobId(id), includeHeirs: false })));
    await world.claim({ jobsMax: 1 });
    await world.discard("c0");
    await world.drain(() => success());
    await world.expect({ p: "DEAD:CHAIN_FAILED", h: "CANCELLED:DEPENDENCY_FAILED", c1: "CANCELLED:SIBLING_FAILED" });
    await revive(world, "c0");
    await world.drain(() => success());
    await world.expect({ c0: "COMPLETED", c1: "COMPLETED", h: "COMPLETED", p: "COMPLETED" });
  } finally {
    await world.close();
  }
});
