// The last siblings of a chain finish on two brokers at the same moment, again and again: see test/prove/README.md.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import pg from "pg";
import { GroupSchema } from "../../../gen/conveyor/v1/group_pb.ts";
import { JobRole, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { type EnqueueItemSchema, JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import {
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
} from "../../../gen/shop/v1/shop_pb.ts";
import { freeAddress, startBroker } from "../process/broker.ts";
import { createCaller } from "../process/caller.ts";
import { readJobs, readQueues } from "../process/read-store.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { openThrowAwayStore } from "../process/throw-away-store.ts";
import { apartOf, type Outcome, problemsOf } from "./check.ts";

const queues = ["default", "images", "mail"];
const jobsPerChain = 4;
const openMax = 800;
const waveSize = 200;
const stuckMs = 30_000;
const shownMax = 10;
/** Half of all siblings must end closer together than this, else the run was no proof. */
const apartMsMax = 100;

exitOnSignals();
const { values } = parseArgs({
  options: { store: { type: "string" }, chains: { type: "string" }, seed: { type: "string" } },
});
const storeName = values.store ?? "postgres";
const chains = Number(values.chains ?? 10_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-siblings-"));
const store = await openThrowAwayStore(storeName, folder);
const addresses = await Promise.all(Array.from({ length: store.shared ? 2 : 1 }, freeAddress));
const logFiles = addresses.map((_, index) => path.join(folder, `broker-${index + 1}.log`));
const brokers = await Promise.all(
  addresses.map((address, index) => startBroker({ store: store.url, address, logFile: logFiles[index] ?? "" })),
);
const [one = "", other = one] = addresses;
const callers = addresses.map(createCaller);
const caller = createCaller(one);
const worker = spawnScript(
  fileURLToPath(new URL("worker.ts", import.meta.url)),
  [one, other, String(chains), String(seed)],
  { name: "worker", logFile: path.join(folder, "worker.log") },
);
let passed = false;
try {
  await worker.line("ready");
  const startedAt = Date.now();
  const errors = await enqueueAll();
  const seconds = (Date.now() - startedAt) / 1_000;
  await untilCompleted();
  const said = worker.line("ran ");
  worker.kill("SIGTERM");
  const ran = JSON.parse((await said).slice("ran ".length)) as Pick<Outcome, "errors"> & {
    readonly heirs: readonly (readonly [string, number])[];
  }; // written by worker.ts
  const jobs = await readJobs(caller);
  const outcome = {
    chains,
    jobs,
    queues: await readQueues(caller, queues),
    heirs: new Map(ran.heirs),
    errors: [...errors, ...ran.errors, ...loggedConflicts()],
  };
  passed = await report(outcome, seconds);
} catch (error) {
  console.error(error);
  console.log(`FAIL ${storeName}, seed ${seed}: ${error instanceof Error ? error.message : error}`);
} finally {
  for (const each of [caller, ...callers]) each.close();
  worker.kill("SIGTERM");
  await worker.ended;
  for (const broker of brokers) broker.kill("SIGTERM");
  await Promise.all(brokers.map((broker) => broker.ended));
  await store.server?.stop();
}
if (passed) rmSync(folder, { recursive: true });
else console.log(`logs are kept in ${folder}`);
process.exit(passed ? 0 : 1);

/** Enqueues over both brokers as fast as heirs run; gives what was refused. */
async function enqueueAll(): Promise<readonly string[]> {
  const refused: string[] = [];
  let ran = 0;
  let movedAt = Date.now();
  worker.onLine((line) => {
    if (!line.startsWith("heirs ")) return;
    ran = Number(line.slice("heirs ".length));
    movedAt = Date.now();
  });
  for (let sent = 0; ran < chains; ) {
    if (Date.now() - movedAt > stuckMs) throw new Error(`${ran} of ${sent} heirs ran, then none for ${stuckMs} ms`);
    const size = Math.min(waveSize, chains - sent, openMax - (sent - ran));
    if (size <= 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    const items = Array.from({ length: size }, (_, index) => itemOf(sent + index));
    const turn = callers[Math.floor(sent / waveSize) % callers.length] ?? caller;
    const { results } = await turn.call(JobService.method.enqueueBatch, { items });
    refused.push(...results.flatMap(({ error }) => (error === undefined ? [] : [`enqueue: ${error.message}`])));
    sent += size;
  }
  return refused;
}

/** Every other chain is declared by a handler, every other comes whole. */
function itemOf(number: number): MessageInitShape<typeof EnqueueItemSchema> {
  const id = `chain-${number}`;
  if (number % 2 === 0) {
    return { item: { case: "job", value: { id, content: payload(MakeAlbumSchema, { folder: id }) } } };
  }
  const below = (role: JobRole, queue: string, content: ReturnType<typeof payload>) => ({
    parentIndex: 0,
    node: { role, job: { queue, content } },
  });
  const nodes = [
    { node: { job: { id, content: payload(GroupSchema, { title: id }) } } },
    below(JobRole.CHILD, "images", payload(ResizeImageSchema, { path: id })),
    below(JobRole.CHILD, "mail", payload(SendEmailSchema, { to: id })),
    below(JobRole.HEIR, "default", payload(PublishAlbumSchema, { title: id })),
  ];
  return { item: { case: "tree", value: { nodes } } };
}

function payload<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>) {
  return { case: "payload" as const, value: anyPack(schema, create(schema, init)) };
}

async function untilCompleted(): Promise<void> {
  for (const end = Date.now() + stuckMs; ; ) {
    const counts = (await readQueues(caller, queues)).flatMap((queue) => queue.counts);
    const completed = counts
      .filter((each) => each.state === JobState.COMPLETED)
      .reduce((sum, each) => sum + Number(each.count), 0);
    if (completed === chains * jobsPerChain) return;
    if (Date.now() > end) return; // for the checker to name
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function loggedConflicts(): readonly string[] {
  return logFiles
    .flatMap((file) => readFileSync(file, "utf8").split("\n"))
    .filter((line) => /deadlock|serializ|40P01|40001/i.test(line));
}

/** What the database itself counted: such conflicts are no harm, as long as the driver keeps them to itself. */
async function deadlocks(): Promise<string> {
  if (store.server === undefined || !store.url.startsWith("postgres:")) return "";
  const client = new pg.Client(store.url);
  await client.connect();
  try {
    const { rows } = await client.query("SELECT sum(deadlocks)::int AS count FROM pg_stat_database");
    return `, deadlocks that the driver kept to itself ${rows[0].count}`;
  } finally {
    await client.end();
  }
}

async function report(outcome: Outcome, seconds: number): Promise<boolean> {
  const apart = apartOf(outcome.jobs);
  const share = (part: number) => apart[Math.floor(apart.length * part)] ?? Number.POSITIVE_INFINITY;
  const problems = [
    ...problemsOf(outcome),
    ...(share(0.5) <= apartMsMax ? [] : [`not proven: half of the siblings ended more than ${apartMsMax} ms apart`]),
  ];
  for (const problem of problems.slice(0, shownMax)) console.log(`  ${problem}`);
  const ok = problems.length === 0;
  console.log(
    `${ok ? "PASS" : "FAIL"} ${storeName}, seed ${seed}: ${chains} chains on ${addresses.length} brokers, ${outcome.heirs.size} heirs once each, problems ${problems.length}; siblings ended apart by p50 ${share(0.5)} ms, p95 ${share(0.95)} ms${await deadlocks()}; ${seconds.toFixed(1)} s`,
  );
  return ok;
}
