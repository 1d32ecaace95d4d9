// The producer's process: node producer.ts ADDRESS. Commands on stdin, an answer in JSON for each:
// "enqueue COUNT IN_FLIGHT" and "pace PER_SECOND SECONDS" (the latter waits for each result, too).
import { createInterface } from "node:readline";
import { SendEmailSchema } from "../gen/shop/v1/shop_pb.ts";
import { connect } from "../src/index.ts";

const [address = ""] = process.argv.slice(2);
await using conveyor = connect(address);
const padding = "x".repeat(60);

for await (const line of createInterface(process.stdin)) {
  const [command, first, second] = line.split(" ");
  if (command === "enqueue") console.log(JSON.stringify(await enqueue(Number(first), Number(second))));
  else if (command === "pace") console.log(JSON.stringify(await pace(Number(first), Number(second))));
}

/** So many jobs with so many calls in flight; each call ends when the broker has said that its job is durable. */
async function enqueue(count: number, inFlight: number): Promise<{ readonly seconds: number }> {
  const from = performance.now();
  let sent = 0;
  const lane = async () => {
    for (; sent < count; ) {
      sent += 1;
      await conveyor.enqueue(SendEmailSchema, { to: `${sent}@example.com`, subject: padding });
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { seconds: (performance.now() - from) / 1_000 };
}

/** One job after the other at an even pace, whatever the answers take; gives the waits for the results in µs. */
async function pace(perSecond: number, seconds: number): Promise<{ readonly resultsUs: readonly number[] }> {
  const resultsUs: number[] = [];
  const open: Promise<void>[] = [];
  const from = performance.now();
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const wait = from + (index * 1_000) / perSecond - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    open.push(roundTrip(index).then((us) => void resultsUs.push(us)));
  }
  await Promise.all(open);
  return { resultsUs };
}

async function roundTrip(index: number): Promise<number> {
  const at = process.hrtime.bigint();
  const job = await conveyor.enqueue(SendEmailSchema, {
    to: `${index}@example.com`,
    subject: `at ${at}`,
    headers: { padding },
  });
  await job.result();
  return Number(process.hrtime.bigint() - at) / 1_000;
}
