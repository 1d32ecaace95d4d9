// Workers that are stopped again and again with their hands full. Arguments: ADDRESS DRAINS LANES. Prints "drained {…}", and
// after a line on stdin works off the rest and prints "finished {…}".
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { createWorker, type ErrorContext, type JobContext } from "../../../src/index.ts";
import type { DrainFigures, FinalFigures } from "./check.ts";

const heldMin = 20;
const concurrency = 10;
const window = 40;
const deadlineMs = 800;
const shortMsMin = 10;
const shortMsMax = 60;

const [address = "", drainsText = "", lanesText = ""] = process.argv.slice(2);
const finished = new Map<string, number>();
const errors: string[] = [];
let drainsLeft = Number(drainsText);
let drains = 0;
let heldLeast = Number.POSITIVE_INFINITY;
let held = 0;
let aborted = 0;
let finale = false;

await Promise.all(Array.from({ length: Number(lanesText) }, lane));
const figures: DrainFigures = { drains, held, heldLeast, aborted };
console.log(`drained ${JSON.stringify(figures)}`);

await once(createInterface(process.stdin), "line");
finale = true;
const last = crewMember();
const done = last.run({ signals: false });
await once(createInterface(process.stdin), "line");
await last.stop();
await done;
const final: FinalFigures = { finished: [...finished], errors };
console.log(`finished ${JSON.stringify(final)}`);
process.exit(0);

async function lane(): Promise<void> {
  while (drainsLeft > 0) {
    drainsLeft -= 1;
    const worker = crewMember();
    const ended = worker.run({ signals: false });
    while (worker.health().jobs < heldMin) await new Promise(setImmediate);
    const { jobs } = worker.health();
    held += jobs;
    heldLeast = Math.min(heldLeast, jobs);
    await worker.stop({ deadlineMs });
    await ended;
    drains += 1;
  }
}

function crewMember() {
  return createWorker(address, { concurrency, window, onError }).handle(ChoreSchema, run);
}

/** Long ones do not end by themselves before the finale: they are aborted by each drain that meets them, and go back. */
async function run({ script }: { readonly script: string }, { id, signal }: JobContext): Promise<void> {
  const ms = shortMsMin + Math.random() * (shortMsMax - shortMsMin);
  if (script === "long" && !finale) {
    await once(signal, "abort");
    aborted += 1;
    throw signal.reason;
  }
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal.throwIfAborted(); // what ends after its deadline goes back, and is done by another
  finished.set(id, (finished.get(id) ?? 0) + 1);
}

/** A stop that its broker did not answer in time is told as an error, too: what came of it the jobs show. */
function onError(error: unknown, { kind }: ErrorContext): void {
  if (kind === "handler" || kind === "connection") return;
  if (errors.length < 20) errors.push(`${kind}: ${error instanceof Error ? error.message : error}`);
}
