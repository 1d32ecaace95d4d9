// Workers are drained with their hands full, and nothing is lost or burned: see test/prove/README.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { freeAddress, startBroker } from "../process/broker.ts";
import { createCaller } from "../process/caller.ts";
import { readJobs, readQueues } from "../process/read-store.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { openThrowAwayStore } from "../process/throw-away-store.ts";
import { type DrainFigures, type FinalFigures, problemsOf } from "./check.ts";

const lanes = 8;
const heldMin = 20;
const batch = 500;
/** So many wait at least, or a worker could not fill its hands. */
const readyMin = 2_000;
/** One in so many jobs has to be aborted. */
const longEvery = 12;
const runMsMax = 600_000;
const shownMax = 10;

exitOnSignals();
const { values } = parseArgs({
  options: { store: { type: "string", default: "sqlite" }, drains: { type: "string", default: "1000" } },
});
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-drains-"));
const store = await openThrowAwayStore(values.store, folder);
const address = await freeAddress();
const broker = await startBroker({ store: store.url, address, logFile: path.join(folder, "broker.log") });
const crew = spawnScript(fileURLToPath(new URL("lanes.ts", import.meta.url)), [address, values.drains, String(lanes)], {
  name: "lanes",
  logFile: path.join(folder, "lanes.log"),
});
const caller = createCaller(address);
const enqueued: string[] = [];
let passed = false;
try {
  const startedAt = Date.now();
  let drained: string | undefined;
  const draining = crew.line("drained ").then((line) => {
    drained = line;
  });
  draining.catch(() => undefined); // awaited below
  await enqueue();
  while (drained === undefined && Date.now() - startedAt < runMsMax) {
    if ((await count(JobState.READY)) < readyMin) await enqueue();
    else await Promise.race([draining, pause()]);
  }
  await draining;
  const figures: DrainFigures = JSON.parse(String(drained).slice("drained ".length));
  crew.tell("the rest");
  while ((await count(JobState.COMPLETED)) < enqueued.length && Date.now() - startedAt < runMsMax) await pause();
  const finished = crew.line("finished ");
  crew.tell("that is all");
  const final: FinalFigures = JSON.parse((await finished).slice("finished ".length));
  const problems = [
    ...problemsOf(enqueued, await readJobs(caller), final),
    ...(figures.heldLeast >= heldMin ? [] : [`not proven: a drain began with ${figures.heldLeast} leases`]),
    ...(figures.aborted > 0 ? [] : ["not proven: nothing was aborted"]),
  ];
  for (const problem of problems.slice(0, shownMax)) console.log(`  ${problem}`);
  passed = problems.length === 0;
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  console.log(
    `${passed ? "PASS" : "FAIL"} ${values.store}: ${figures.drains} drains with ${figures.held} leases, at least ${figures.heldLeast} each; ${figures.aborted} handlers aborted, ${enqueued.length} jobs in ${seconds} s, problems ${problems.length}`,
  );
} catch (error) {
  console.error(error);
  console.log(`FAIL ${values.store}: ${error instanceof Error ? error.message : error}`);
} finally {
  caller.close();
  crew.kill("SIGKILL");
  broker.kill("SIGTERM");
  await Promise.all([crew.ended, broker.ended]);
  await store.server?.stop();
}
if (passed) rmSync(folder, { recursive: true });
else console.log(`logs are kept in ${folder}`);
process.exit(passed ? 0 : 1);

async function enqueue(): Promise<void> {
  const items = Array.from({ length: batch }, () => {
    const id = `job-${enqueued.length}`;
    const script = enqueued.length % longEvery === 0 ? "long" : "short";
    enqueued.push(id);
    const payload = anyPack(ChoreSchema, create(ChoreSchema, { script }));
    return { item: { case: "job" as const, value: { id, content: { case: "payload" as const, value: payload } } } };
  });
  const { results } = await caller.call(JobService.method.enqueueBatch, { items });
  const refused = results.find((result) => result.error !== undefined);
  if (refused !== undefined) throw new Error(`refused: ${refused.error?.message}`);
}

async function count(state: JobState): Promise<number> {
  const [queue] = await readQueues(caller, ["default"]);
  return Number(queue?.counts.find((each) => each.state === state)?.count ?? 0n);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
