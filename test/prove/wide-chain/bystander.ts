// One client process: node bystander.ts ADDRESS. Enqueues one job after the other, and prints for each when it began and how many ms it took.
import { setTimeout as wait } from "node:timers/promises";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { connect } from "../../../src/index.ts";

const [address = ""] = process.argv.slice(2);
const pauseMs = 5;

const client = connect(address);
let stopped = false;
process.on("SIGTERM", () => {
  stopped = true;
});
while (!stopped) {
  const at = Date.now();
  const begun = performance.now();
  await client.enqueue(ChoreSchema, { script: "stay" }, { queue: "bystander" });
  console.log(`enqueued ${at} ${(performance.now() - begun).toFixed(3)}`);
  await wait(pauseMs);
}
await client.close();
