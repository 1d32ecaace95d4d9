// One parent of 100,000 children and an heir that reads all their results: see test/prove/README.md.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { create, fromBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Job, JobState, JobView } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { AlbumSchema, MakeAlbumSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { enumName } from "../kill/enum-name.ts";
import { freeAddress, startBroker } from "../process/broker.ts";
import { createCaller } from "../process/caller.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { openThrowAwayStore } from "../process/throw-away-store.ts";
import { cpuMsOf, memoryOf, sampleMemory } from "../process/usage.ts";
import { between, measureDisk, parseSamples, quantile } from "./figures.ts";

const peakBytesMax = 300 * 1024 * 1024;
const childrenPerSecondMin = 5_000;
const enqueueMsMax = 100;
const blockMsMax = 100;
const idleMs = 8_000;
const runMsMax = 240_000;

exitOnSignals();
const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    children: { type: "string", default: "100000" },
    profile: { type: "string" },
  },
});
const childCount = Number(values.children);
const profile = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`];
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-wide-chain-"));
const logFile = (name: string) => path.join(folder, `${name}.log`);
const disk = measureDisk(folder);
const store = await openThrowAwayStore(values.store, folder);
const address = await freeAddress();
const blocksFile = path.join(folder, "blocks");
const watch = new URL("loop-delay.ts", import.meta.url);
watch.searchParams.set("file", blocksFile);
const broker = await startBroker({
  store: store.url,
  address,
  logFile: logFile("broker"),
  nodeArgs: [...profile, `--import=${watch.href}`],
});
const memory = sampleMemory(broker.pid, 100);
const worker = spawnScript(fileURLToPath(new URL("worker.ts", import.meta.url)), [address], {
  name: "worker",
  logFile: logFile("worker"),
  nodeArgs: profile,
});
const bystander = spawnScript(fileURLToPath(new URL("bystander.ts", import.meta.url)), [address], {
  name: "bystander",
  logFile: logFile("bystander"),
});
const caller = createCaller(address);
const said = new Map<string, number>();
worker.onLine((line) => {
  const [what = "", at] = line.split(" ");
  said.set(what, Number(at));
});
const enqueued: string[] = [];
bystander.onLine((line) => void enqueued.push(line));
let problems: readonly string[] = ["it did not come to its end"];
try {
  await bystander.line("enqueued");
  await wait(1_000); // until the client and the broker are warm
  const idleFrom = Date.now();
  await wait(idleMs);
  const cpuBefore = cpuMsOf(broker.pid);
  const startedAt = Date.now();
  await enqueueParent();
  const insertedAt = await untilAllIn(startedAt + runMsMax);
  const parent = await untilEnded(startedAt + runMsMax);
  const endedAt = Date.now();
  const cpuMs = cpuMsOf(broker.pid) - cpuBefore;
  await wait(200); // the last blocks are written
  problems = judge({ parent, idleFrom, startedAt, insertedAt, endedAt, cpuMs });
} catch (error) {
  console.error(error);
  console.log(`FAIL ${error instanceof Error ? error.message : error}`);
} finally {
  memory.stop();
  caller.close();
  for (const each of [bystander, worker, broker]) {
    each.kill("SIGTERM");
    await each.ended;
  }
  await store.server?.stop();
}
if (problems.length === 0) rmSync(folder, { recursive: true });
else console.log(`logs and store are kept in ${folder}`);
process.exit(problems.length === 0 ? 0 : 1);

async function enqueueParent(): Promise<void> {
  const payload = anyPack(MakeAlbumSchema, create(MakeAlbumSchema, { folder: "wide", images: childCount }));
  await caller.call(JobService.method.enqueue, {
    item: { case: "job", value: { id: "wide", content: { case: "payload", value: payload } } },
  });
}

/** When all children were in the chain, to a twentieth of a second. */
async function untilAllIn(end: number): Promise<number> {
  for (; Date.now() < end; await wait(50)) {
    const { queue } = await caller
      .call(QueueService.method.getQueue, { name: "images" })
      .catch(() => ({ queue: undefined }));
    const count = (queue?.counts ?? []).reduce((sum, each) => sum + Number(each.count), 0);
    if (count === childCount) return Date.now();
  }
  throw new Error("the children did not come into the chain in time");
}

async function untilEnded(end: number): Promise<Job> {
  for (; Date.now() < end; await wait(50)) {
    const { job } = await caller.call(JobService.method.getJob, { id: "wide", view: JobView.FULL });
    if (job !== undefined && job.state >= JobState.COMPLETED) return job;
  }
  throw new Error("the chain did not end in time");
}

function judge(run: {
  readonly parent: Job;
  readonly idleFrom: number;
  readonly startedAt: number;
  readonly insertedAt: number;
  readonly endedAt: number;
  readonly cpuMs: number;
}): readonly string[] {
  const { parent, idleFrom, startedAt, insertedAt, endedAt, cpuMs } = run;
  const peakBytes = Math.max(memory.stop().peakBytes, memoryOf(broker.pid).peakBytes);
  const { samples } = memory.stop();
  const latencies = parseSamples(enqueued.join("\n"));
  const idleP99 = quantile(between(latencies, idleFrom, startedAt), 0.99);
  const busyP99 = quantile(between(latencies, startedAt, endedAt), 0.99);
  const block = Math.max(...between(parseSamples(readFileSync(blocksFile, "utf8")), startedAt, endedAt));
  const at = (what: string) => said.get(what) ?? Number.NaN;
  const rate = (from: number, to: number) => Math.round((childCount * 1_000) / (to - from));
  const wholeRate = rate(at("declaring"), endedAt);
  const album = parent.result === undefined ? undefined : fromBinary(AlbumSchema, parent.result.value);
  const found = [
    parent.state === JobState.COMPLETED ? "" : `the parent ended as ${enumName(JobState, parent.state)}`,
    album?.images === childCount && album.indexHtml === "in order"
      ? ""
      : `the heir read ${album?.images} results, ${album?.indexHtml}`,
    peakBytes <= peakBytesMax ? "" : "the broker took more than 300 MB",
    wholeRate >= childrenPerSecondMin || values.store !== "sqlite"
      ? ""
      : `fewer than ${childrenPerSecondMin} children a second`,
    busyP99 <= Math.max(enqueueMsMax, 3 * idleP99) ? "" : "the bystander waited for too long",
    block <= blockMsMax ? "" : `the event loop was blocked for more than ${blockMsMax} ms`,
  ].filter((text) => text !== "");
  const seconds = (from: number, to: number) => `${((to - from) / 1_000).toFixed(1)} s`;
  console.log(
    `from the start of the parent's handler: all staged after ${seconds(at("declaring"), at("staged"))}, in the chain after ${seconds(at("declaring"), insertedAt)}, heir begins after ${seconds(at("declaring"), at("reading"))}, has read all after ${seconds(at("declaring"), at("read"))}, the parent ends after ${seconds(at("declaring"), endedAt)}`,
  );
  console.log(
    `children/s: declared and in the chain ${rate(at("declaring"), insertedAt)}; through their whole life, until the parent's end, ${wholeRate}`,
  );
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const figures = [
    `${childCount} children, ${wholeRate} a second from the start of the parent's handler to the parent's end`,
    `${(cpuMs / 1_000).toFixed(1)} s of CPU in the broker`,
    `peak memory of the broker ${(peakBytes / 1024 / 1024).toFixed(0)} MB (${samples} samples)`,
    `bystander's enqueue p99 ${ms(busyP99)}, idle ${ms(idleP99)}`,
    `longest block of the broker's event loop ${ms(block)}`,
    `fdatasync of the disk ${ms(quantile(disk, 0.5))}, p99 ${ms(quantile(disk, 0.99))}`,
  ];
  console.log(`${found.length === 0 ? "PASS" : "FAIL"} ${[...figures, ...found].join("; ")}`);
  return found;
}
