import path from "node:path";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type Job, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { createWorker, type ErrorCode } from "../../../src/index.ts";
import { fromServiceError } from "../../../src/wire/error-status.ts";
import { enumName } from "../kill/enum-name.ts";
import { freeAddress, startBroker } from "../process/broker.ts";
import { type Caller, createCaller } from "../process/caller.ts";
import { readJobs, readQueues } from "../process/read-store.ts";
import type { Variant } from "./variants.ts";

const ballast = new Uint8Array(8 * 1024).fill(7);
const before = 200;
const batchSize = 5;
/** Handlers that still run when there is no room for their results. */
const slow = 10;
const slowMs = 3_000;
const concurrency = 20;
const fullMsMin = 8_000;
const fullMsMax = 30_000;
const againMsMax = 60_000;
const doneMsMax = 90_000;

/** Fills the store under a broker that works, makes room again, and says what is wrong. */
export async function runVariant(
  variant: Variant,
  folder: string,
): Promise<{ readonly problems: readonly string[]; readonly figures: string }> {
  const store = await variant.open(folder);
  const address = await freeAddress();
  const broker = await startBroker({ store: store.url, address, logFile: path.join(folder, "broker.log") });
  const caller = createCaller(address);
  const starts = new Map<string, number>();
  const worker = createWorker(address, { concurrency }).handle(ChoreSchema, async ({ script }, { id }) => {
    starts.set(id, (starts.get(id) ?? 0) + 1);
    if (script === "slow") await new Promise((resolve) => setTimeout(resolve, slowMs));
  });
  const running = worker.run();
  try {
    const acknowledged: string[] = [];
    const refusals = new Map<ErrorCode, number>();
    const enqueue = async (name: string, count: number, script: string): Promise<boolean> => {
      const ids = Array.from({ length: count }, (_, index) => `${name}-${index}`);
      const code = await refusalOf(caller, ids, script);
      if (code === undefined) acknowledged.push(...ids);
      else refusals.set(code, (refusals.get(code) ?? 0) + 1);
      return code === undefined;
    };
    if (!(await enqueue("before", before, "quick")) || !(await enqueue("slow", slow, "slow")))
      throw new Error(`an enqueue failed before the store was full: ${[...refusals.keys()].join(", ")}`);
    while ([...starts.keys()].filter((id) => id.startsWith("slow")).length < slow) await pause(20);

    const fullAt = Date.now();
    await store.fill();
    for (let index = 0; Date.now() - fullAt < fullMsMin || refusals.size === 0; index += 1) {
      if (Date.now() - fullAt > fullMsMax) throw new Error(`nothing was refused in ${fullMsMax / 1_000} s`);
      await enqueue(`full-${index}`, batchSize, "quick");
      await pause(50);
    }
    const seen = [...refusals].map(([code, count]) => `${code} ${count}`).join(", ");
    const strange = [...refusals.keys()].filter((code) => !variant.codes.includes(code));
    const duringFull = acknowledged.length;

    await store.free();
    const freedAt = Date.now();
    for (let index = 0; !(await enqueue(`after-${index}`, batchSize, "quick")); index += 1) {
      if (Date.now() - freedAt > againMsMax)
        throw new Error(`it went on refusing for ${againMsMax / 1_000} s: ${[...refusals.keys()]}`);
      await pause(50);
    }
    const againMs = Date.now() - freedAt;
    const jobs = await untilAllEnded(caller, acknowledged);
    return {
      problems: [
        ...(strange.length === 0 ? [] : [`callers saw ${strange.join(", ")}`]),
        ...(broker.ending() === undefined ? [] : [`the broker ended: ${broker.ending()}`]),
        ...(await jobProblems(caller, jobs, acknowledged)),
      ],
      figures: `refused ${seen}; ${duringFull} jobs acknowledged until then, ${acknowledged.length} in all; took jobs again after ${againMs} ms; second starts ${[...starts.values()].filter((count) => count > 1).length}`,
    };
  } finally {
    caller.close();
    await worker.stop({ deadlineMs: 1_000 });
    await running;
    broker.kill("SIGTERM");
    await broker.ended;
    await store.stop();
  }
}

/** Why the jobs were not taken; undefined when they were. */
async function refusalOf(caller: Caller, ids: readonly string[], script: string): Promise<ErrorCode | undefined> {
  const payload = anyPack(ChoreSchema, create(ChoreSchema, { script, ballast }));
  const items = ids.map((id) => ({
    item: { case: "job" as const, value: { id, content: { case: "payload" as const, value: payload } } },
  }));
  try {
    await caller.call(JobService.method.enqueueBatch, { items, allOrNothing: true });
    return undefined;
  } catch (error) {
    return fromServiceError(error).code;
  }
}

async function untilAllEnded(caller: Caller, acknowledged: readonly string[]): Promise<readonly Job[]> {
  for (const end = Date.now() + doneMsMax; ; await pause(200)) {
    const jobs = await readJobs(caller).catch(() => []);
    const done = new Set(jobs.filter((job) => job.state === JobState.COMPLETED).map((job) => job.id));
    if (jobs.length > 0 && done.size === jobs.length && acknowledged.every((id) => done.has(id))) return jobs;
    if (Date.now() > end) return jobs; // what is missing is for the caller to name
  }
}

async function jobProblems(
  caller: Caller,
  jobs: readonly Job[],
  acknowledged: readonly string[],
): Promise<readonly string[]> {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const lost = acknowledged.filter((id) => !byId.has(id));
  const open = jobs.filter((job) => job.state !== JobState.COMPLETED);
  const [queue] = await readQueues(caller, ["default"]);
  const counts = (queue?.counts ?? []).flatMap(({ state, count }) => {
    const there = jobs.filter((job) => job.state === state).length;
    return Number(count) === there
      ? []
      : [`${count} jobs are counted in ${enumName(JobState, state)}, there are ${there}`];
  });
  return [
    ...(lost.length === 0 ? [] : [`${lost.length} acknowledged jobs are lost: ${lost.slice(0, 5).join(", ")}`]),
    ...(open.length === 0
      ? []
      : [
          `${open.length} jobs never ended: ${open.slice(0, 5).map((job) => `${job.id} ${enumName(JobState, job.state)}`)}`,
        ]),
    ...counts,
  ];
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
