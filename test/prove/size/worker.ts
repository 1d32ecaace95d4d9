// One worker process: node worker.ts ADDRESS. Chores: "plain", "wide N" (N children and an heir), "deep N" (one below the other).
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { createWorker } from "../../../src/index.ts";

const [address = ""] = process.argv.slice(2);

const worker = createWorker(address, { name: "size", concurrency: 200 }).handle(ChoreSchema, ({ script }, context) => {
  const [what, count] = script.split(" ");
  if (what === "wide") {
    for (let index = 0; index < Number(count); index += 1) context.child(ChoreSchema, { script: "plain" });
    context.heir(ChoreSchema, { script: "plain" }, { key: "heir" });
  }
  if (what === "deep" && Number(count) > 0) {
    const below = { script: `deep ${Number(count) - 1}` };
    // Both kinds of edges count for the depth.
    if (Number(count) % 2 === 0) context.child(ChoreSchema, below);
    else context.heir(ChoreSchema, below);
  }
});

process.on("SIGTERM", () => void worker.stop());
await worker.run();
process.exit(0);
