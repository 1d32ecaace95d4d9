// The worker's process: node worker.ts ADDRESS CONCURRENCY. A line "target N" on stdin is answered by "handled" after N handler calls
// more; "delays" is answered by the waits from enqueue to handler start since the last such line.
import { createInterface } from "node:readline";
import { ChoreSchema, SendEmailSchema } from "../gen/shop/v1/shop_pb.ts";
import { createWorker } from "../src/index.ts";

const [address = "", concurrency = ""] = process.argv.slice(2);
let left = Number.POSITIVE_INFINITY;
let delaysUs: number[] = [];

function handled(): void {
  left -= 1;
  if (left === 0) console.log("handled");
}

const worker = createWorker(address, { name: "bench", concurrency: Number(concurrency) })
  .handle(SendEmailSchema, ({ to, subject }) => {
    // The monotonic clock is one for all processes of a machine.
    if (subject.startsWith("at ")) delaysUs.push(Number(process.hrtime.bigint() - BigInt(subject.slice(3))) / 1_000);
    handled();
    return { messageId: to };
  })
  .handle(ChoreSchema, ({ script }, context) => {
    const [what, count] = script.split(" ");
    if (what === "parent") {
      for (let index = 0; index < Number(count); index += 1) context.child(ChoreSchema, { script: `child ${index}` });
      context.heir(ChoreSchema, { script: "heir" });
    }
    handled();
  });

createInterface(process.stdin).on("line", (line) => {
  const [command, count] = line.split(" ");
  if (command === "target") left = Number(count);
  if (command === "delays") {
    console.log(`delays ${JSON.stringify(delaysUs)}`);
    delaysUs = [];
  }
});
process.on("SIGTERM", () => void worker.stop());
console.log("ready");
await worker.run();
process.exit(0);
