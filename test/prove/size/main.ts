// A wide parent, the deepest chain and 20,000 plain jobs in one broker of at most 300 MB.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { freeAddress, startBroker } from "../process/broker.ts";
import { type Caller, createCaller } from "../process/caller.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { memoryOf, sampleMemory } from "../process/usage.ts";

const plainCount = 20_000;
const childCount = 1_000;
const depth = 64;
const jobCount = plainCount + (1 + childCount + 1) + (1 + depth);
const batchSize = 1_000;
const peakBytesMax = 300 * 1024 * 1024;
const runMsMax = 240_000;
const queue = "default";

exitOnSignals();
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-size-"));
const address = await freeAddress();
const store = `sqlite:${path.join(folder, "jobs.db")}`;
const broker = await startBroker({ store, address, logFile: path.join(folder, "broker.log") });
const memory = sampleMemory(broker.pid, 100);
const worker = spawnScript(fileURLToPath(new URL("worker.ts", import.meta.url)), [address], {
  name: "worker",
  logFile: path.join(folder, "worker.log"),
});
const caller = createCaller(address);
let problems: readonly string[] = ["it did not come to its end"];
try {
  const startedAt = Date.now();
  await enqueueAll(caller);
  await untilDone(caller, startedAt + runMsMax);
  const seconds = (Date.now() - startedAt) / 1_000;
  problems = await problemsOf(caller);
  const seenBytes = memoryOf(broker.pid).peakBytes;
  const { peakBytes, samples } = memory.stop();
  if (seenBytes > peakBytesMax) problems = [...problems, `the peak is over ${megabytes(peakBytesMax)}`];
  const figures = `${jobCount} jobs in ${seconds.toFixed(1)} s; peak memory of the broker ${megabytes(seenBytes)} by the kernel, ${megabytes(peakBytes)} in ${samples} samples`;
  console.log(`${problems.length === 0 ? "PASS" : "FAIL"} ${[figures, ...problems].join("; ")}`);
} catch (error) {
  console.error(error);
  console.log(`FAIL ${error instanceof Error ? error.message : error}`);
} finally {
  memory.stop();
  caller.close();
  worker.kill("SIGTERM");
  await worker.ended;
  broker.kill("SIGTERM");
  await broker.ended;
}
if (problems.length === 0) rmSync(folder, { recursive: true });
else console.log(`logs and store are kept in ${folder}`);
process.exit(problems.length === 0 ? 0 : 1);

async function enqueueAll(caller: Caller): Promise<void> {
  const scripts = [`wide ${childCount}`, `deep ${depth}`, ...Array.from({ length: plainCount }, () => "plain")];
  for (let from = 0; from < scripts.length; from += batchSize) {
    const items = scripts.slice(from, from + batchSize).map((script, index) => {
      const payload = anyPack(ChoreSchema, create(ChoreSchema, { script, ballast: new Uint8Array(100) }));
      const named = from + index < 2 ? { id: script.split(" ")[0] ?? "" } : {};
      return {
        item: { case: "job" as const, value: { ...named, content: { case: "payload" as const, value: payload } } },
      };
    });
    const { results } = await caller.call(JobService.method.enqueueBatch, { items });
    const refused = results.find((result) => result.error !== undefined);
    if (refused !== undefined) throw new Error(`refused: ${refused.error?.message}`);
  }
}

async function untilDone(caller: Caller, end: number): Promise<void> {
  for (;;) {
    const { queue: record } = await caller.call(QueueService.method.getQueue, { name: queue });
    const counts = record?.counts ?? [];
    const completed = counts.find(({ state }) => state === JobState.COMPLETED)?.count ?? 0n;
    if (Number(completed) === jobCount) return;
    const seen = counts.map(({ state, count }) => `${count} in state ${state}`).join(", ");
    if (Date.now() > end) throw new Error(`not done in time: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function problemsOf(caller: Caller): Promise<readonly string[]> {
  const problems: string[] = [];
  const wide = await caller.call(JobService.method.getChain, { id: "wide" });
  const wideCount = wide.totals.reduce((sum, { count }) => sum + Number(count), 0);
  if (wideCount !== childCount + 2) problems.push(`the wide chain has ${wideCount} jobs`);
  const heir = wide.nodes.find((node) => node.key === "heir");
  if (heir?.state !== JobState.COMPLETED) problems.push("the heir of the wide parent did not run");
  const { nodes, totals } = await caller.call(JobService.method.getChain, { id: "deep", pageSize: 1_000 });
  const deepest = Math.max(...nodes.map((node) => node.depth));
  if (deepest !== depth) problems.push(`the deepest job lies at ${deepest}`);
  if (totals.length !== 1 || totals[0]?.state !== JobState.COMPLETED)
    problems.push("not all of the deep chain completed");
  return problems;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MB`;
}
