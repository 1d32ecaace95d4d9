// One broker and its producers in a process that can be killed: `writer.ts URL`. Prints each job's id once it is acknowledged.
import { writeSync } from "node:fs";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { createBroker } from "../../../src/broker/index.ts";
import { serverDefaults } from "../../../src/core/job.ts";
import { openStore } from "../../../src/embedded/open-store.ts";
import { connect } from "../../../src/index.ts";

const producers = 8;
const [url = ""] = process.argv.slice(2);

const store = await openStore(url, { defaults: serverDefaults, allowLossy: true });
writeSync(1, `durability ${store.description.durability}\n`);
const broker = createBroker({ store, listen: "127.0.0.1:0" });
await broker.start();
const client = connect(broker.address, { retryFor: "1h" });
await Promise.all(Array.from({ length: producers }, produce));

async function produce(): Promise<never> {
  for (;;) {
    const { id } = await client.enqueue(ChoreSchema, { script: "x".repeat(200) });
    writeSync(1, `ack ${id}\n`);
  }
}
