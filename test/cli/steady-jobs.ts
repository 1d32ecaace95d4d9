import assert from "node:assert/strict";
import { SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { connect } from "../../src/index.ts";
import { startShopWorker } from "./world.ts";

export interface SteadyJobs {
  /** Ends the flow; throws when a job of it did not end well, or none ran. */
  readonly stop: () => Promise<void>;
}

/** Runs one job after the other through a connection of its own, while a test does something else to the same broker. */
export function steadyJobs(address: string): SteadyJobs {
  let done = 0;
  const stopping = new AbortController();
  const flow = (async () => {
    await using _worker = startShopWorker(address);
    await using client = connect(address);
    while (!stopping.signal.aborted) {
      const job = await client.enqueue(SendEmailSchema, { to: `${done}` }, { delay: "20ms" });
      await job.result();
      done += 1;
    }
  })();
  flow.catch(() => undefined);
  return {
    async stop() {
      stopping.abort();
      await flow;
      assert.ok(done > 0, "no job ran beside the test");
    },
  };
}
