// Brokers are restarted under running handlers, and nothing starts twice: see test/prove/README.md.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { readLedger } from "../kill/ledger.ts";
import { watchLedgers } from "../kill/ledger-watch.ts";
import type { Script } from "../kill/script.ts";
import { freeAddress, startBroker } from "../process/broker.ts";
import { createCaller } from "../process/caller.ts";
import { readJobs, readQueues } from "../process/read-store.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { openThrowAwayStore } from "../process/throw-away-store.ts";
import { problemsOf } from "./check.ts";

const handlers = 100;
const handlerMs = 20_000;
/** Run after all restarts, more than one worker can hold: they show which session each has now. */
const probes = 120;
const probeMs = 300;
const workerNames = ["worker-1", "worker-2"];
const concurrency = 60;
const waitMsMax = 60_000;
const patienceMs = 30_000;
/** In each round every broker is restarted once; after both rounds each has had each signal. */
const rounds = [["SIGTERM", "SIGKILL"] as const, ["SIGKILL", "SIGTERM"] as const];
const shownMax = 10;

exitOnSignals();
const { values } = parseArgs({ options: { store: { type: "string" } } });
const storeName = values.store ?? "sqlite";
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-restart-"));
const store = await openThrowAwayStore(storeName, folder);
const addresses = await Promise.all(Array.from({ length: store.shared ? 2 : 1 }, freeAddress));
const serve = (index: number) =>
  startBroker({
    store: store.url,
    address: addresses[index] ?? "",
    logFile: path.join(folder, `broker-${index + 1}.log`),
  });
const brokers = await Promise.all(addresses.map((_, index) => serve(index)));
const workerScript = fileURLToPath(new URL("../kill/worker.ts", import.meta.url));
const workers = workerNames.map((name, index) => {
  const known = index === 0 ? addresses : addresses.toReversed();
  const args = [known.join(","), name, path.join(folder, `${name}.ledger`), String(concurrency)];
  return spawnScript(workerScript, args, { name, logFile: path.join(folder, `${name}.log`) });
});
const watch = watchLedgers(folder);
const caller = createCaller(addresses.join(","));
const enqueued: string[] = [];
const restarts: string[] = [];
let passed = false;
try {
  for (const [round, signals] of rounds.entries()) {
    await enqueue(handlers, (index) => ({ id: `long-${round}-${index}`, ms: handlerMs }));
    await until(() => running() === handlers, "all handlers run");
    for (const [index, signal] of signals.slice(0, brokers.length).entries()) {
      const before = running();
      const at = Date.now();
      const broker = brokers[index];
      broker?.kill(signal);
      await broker?.ended;
      brokers[index] = await serve(index);
      await until(() => workerNames.every((name) => watch.connection(name) === "connected"), "the workers are back");
      restarts.push(
        `broker ${index + 1} ${signal} with ${before} handlers running, all connected after ${Date.now() - at} ms`,
      );
      if (before < handlers) throw new Error(`only ${before} handlers ran at a restart`);
    }
    await untilCompleted();
  }
  const probedAt = Date.now();
  await enqueue(probes, (index) => ({ id: `probe-${index}`, ms: probeMs }));
  await untilCompleted();
  for (const line of restarts) console.log(line);
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".ledger"))
    .flatMap((name) => readLedger(path.join(folder, name)));
  const starts = lines.filter((line) => line.what === "start");
  const jobs = await readJobs(caller);
  const problems = problemsOf({ enqueued, jobs, starts, workers: workerNames, probedAt });
  for (const problem of problems.slice(0, shownMax)) console.log(`  ${problem}`);
  passed = problems.length === 0;
  console.log(
    `${passed ? "PASS" : "FAIL"} ${storeName}: ${restarts.length} restarts, ${enqueued.length} jobs, ${starts.length} starts, ${lines.filter((line) => line.what === "connection" && line.state === "disconnected").length} connections cut, problems ${problems.length}`,
  );
} catch (error) {
  console.error(error);
  console.log(`FAIL ${storeName}: ${error instanceof Error ? error.message : error}`);
} finally {
  caller.close();
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map((worker) => worker.ended));
  for (const broker of brokers) broker.kill("SIGTERM");
  await Promise.all(brokers.map((broker) => broker.ended));
  await store.server?.stop();
}
if (passed) rmSync(folder, { recursive: true });
else console.log(`ledgers and logs are kept in ${folder}`);
process.exit(passed ? 0 : 1);

async function enqueue(count: number, make: (index: number) => { readonly id: string; readonly ms: number }) {
  const items = Array.from({ length: count }, (_, index) => {
    const { id, ms } = make(index);
    enqueued.push(id);
    const payload = anyPack(ChoreSchema, create(ChoreSchema, { script: JSON.stringify(chore(id, ms)) }));
    return { item: { case: "job" as const, value: { id, content: { case: "payload" as const, value: payload } } } };
  });
  const { results } = await caller.callPatiently(JobService.method.enqueueBatch, { items }, patienceMs);
  const refused = results.find((result) => result.error !== undefined);
  if (refused !== undefined) throw new Error(`refused: ${refused.error?.message}`);
}

function chore(key: string, ms: number): Script {
  return {
    key,
    type: "chore",
    ms,
    does: "succeed",
    failures: 0,
    policy: "FAIL",
    trigger: "SUCCEEDED",
    asResult: false,
    whole: false,
    children: [],
    heirs: [],
  };
}

function running(): number {
  watch.look();
  return workerNames.reduce((sum, name) => sum + watch.running(name).count, 0);
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + waitMsMax; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    watch.look();
    if (holds()) return;
    if (Date.now() > end) throw new Error(`waited ${waitMsMax / 1_000} s until ${what}`);
  }
}

async function untilCompleted(): Promise<void> {
  for (const end = Date.now() + waitMsMax; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const [queue] = await readQueues(caller, ["default"]);
    const completed = queue?.counts.find((each) => each.state === JobState.COMPLETED)?.count ?? 0n;
    if (Number(completed) === enqueued.length) return;
  }
}
