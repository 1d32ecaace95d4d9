// Jobs, chains and results survive kill -9 of broker and workers: see test/prove/README.md.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { BackoffKind } from "../../../gen/conveyor/v1/options_pb.ts";
import { QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { freeAddress } from "../process/broker.ts";
import { type Caller, createCaller } from "../process/caller.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { openThrowAwayStore } from "../process/throw-away-store.ts";
import { checkChains } from "./check-chains.ts";
import { checkStore } from "./check-invariants.ts";
import { checkOutcomes } from "./check-outcomes.ts";
import { checkEnds, checkPresence } from "./check-presence.ts";
import { checkStarts } from "./check-starts.ts";
import { coverageOf } from "./coverage.ts";
import { startCrew } from "./crew.ts";
import { gatherEvidence } from "./evidence.ts";
import { carryOut } from "./executioner.ts";
import { type Finding, findingKinds } from "./finding.ts";
import { watchLedgers } from "./ledger-watch.ts";
import { breaks, parseOptions } from "./options.ts";
import { planRoots } from "./plan.ts";
import { followProgress, type Progress } from "./progress.ts";
import { planKills } from "./schedule.ts";
import { nodeCount, queues } from "./script.ts";

const handlersInAll = 40;
const producerCount = 2;
const openMax = 1_500;
const rootsAtOnce = 20;
const settledMsMax = 150_000;
const shownMax = 10;
const producerScript = fileURLToPath(new URL("producer.ts", import.meta.url));

exitOnSignals();
const options = parseOptions(process.argv.slice(2));
const roots = planRoots({ seed: options.seed, jobs: options.jobs, chains: 260 });
const planned = roots.reduce((sum, root) => sum + nodeCount(root.script), 0);
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-kill-"));
const store = await openThrowAwayStore(options.store, folder);
const workerCount = store.shared ? 3 : 4;
const addresses = await Promise.all(Array.from({ length: store.shared ? 2 : 1 }, freeAddress));
const address = addresses.join(",");
console.log(
  `seed ${options.seed}: ${roots.length} roots, at most ${planned} jobs, ${store.url}, ${addresses.length} brokers, ${workerCount} workers, ledgers in ${folder}`,
);
if (options.broken !== "") console.log(`planted fault: ${breaks[options.broken]}`);

const startedAt = Date.now();
const crew = await startCrew({
  store: store.url,
  addresses,
  folder,
  workerCount,
  concurrency: Math.ceil(handlersInAll / workerCount),
  broken: options.broken,
});
const caller = createCaller(address);
await setQueues(caller);
const producers = startProducers();
const progress = followProgress(caller, planned, () => {
  if (progress.open() < openMax) for (const producer of producers) producer.tell(String(rootsAtOnce));
});
let passed = false;
try {
  const database = store.server;
  const watch = watchLedgers(folder);
  const kills = await carryOut(planKills(options.seed, { database: database !== undefined }), {
    crew,
    watch,
    progress,
    database,
  });
  await Promise.all(producers.map((producer) => producer.ended));
  await untilSettled(progress);
  crew.throwIfDeserted();
  progress.stop();
  const runMs = Date.now() - startedAt;
  const evidence = await gatherEvidence(folder, caller, kills);
  await crew.stop();
  const broken = await checkStore(
    store.url,
    evidence.acks.map((ack) => ack.jobId),
  );
  passed = report(evidence, { broken, runMs });
} catch (error) {
  console.error(error);
  console.log(`FAIL seed ${options.seed}: ${error instanceof Error ? error.message : error}`);
} finally {
  progress.stop();
  caller.close();
  for (const producer of producers) producer.kill("SIGKILL");
  await crew.stop();
  await store.server?.stop();
}
if (passed) rmSync(folder, { recursive: true });
else console.log(`ledgers, logs and store are kept in ${folder}`);
process.exit(passed ? 0 : 1);

/** Crashes are many here and are not what is proven: no job may die of them. Waits are short, so that retries are part of the run. */
async function setQueues(caller: Caller): Promise<void> {
  const backoff = { kind: BackoffKind.FIXED, initial: { nanos: 200_000_000 } };
  for (const name of queues) {
    await caller.call(QueueService.method.updateQueue, { name, settings: { crashLimit: 10, maxAttempts: 4, backoff } });
  }
}

function startProducers() {
  return Array.from({ length: producerCount }, (_, index) => {
    const name = `producer-${index + 1}`;
    const planFile = path.join(folder, `${name}.json`);
    writeFileSync(planFile, JSON.stringify(roots.filter((_, position) => position % producerCount === index)));
    const ledgerFile = path.join(folder, `${name}.ledger`);
    const logFile = path.join(folder, `${name}.log`);
    return spawnScript(producerScript, [address, ledgerFile, planFile, options.broken], { name, logFile });
  });
}

/** Resolves when nothing is open any more, or when waiting longer makes no sense: what is stuck is for the checker to name. */
async function untilSettled(progress: Progress): Promise<void> {
  for (const end = Date.now() + settledMsMax; Date.now() < end; ) {
    if (progress.open() === 0 && producers.every((producer) => producer.ending() !== undefined)) {
      const before = progress.terminal();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      if (progress.open() === 0 && progress.terminal() === before) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function report(
  evidence: Awaited<ReturnType<typeof gatherEvidence>>,
  { broken, runMs }: { readonly broken: readonly Finding[]; readonly runMs: number },
): boolean {
  const starts = checkStarts(evidence);
  const findings = [
    ...checkPresence(evidence),
    ...checkEnds(evidence),
    ...checkOutcomes(evidence),
    ...checkChains(evidence),
    ...starts.findings,
    ...broken,
  ];
  const { figures, shortfalls } = coverageOf(evidence, { runMs, hasDatabase: store.server !== undefined });
  for (const line of figures) console.log(line);
  for (const kind of findingKinds) {
    const own = findings.filter((finding) => finding.kind === kind);
    for (const { job, text } of own.slice(0, shownMax)) console.log(`  ${kind}: ${job}: ${text}`);
    if (own.length > shownMax) console.log(`  ${kind}: ${own.length - shownMax} more`);
  }
  for (const shortfall of shortfalls) console.log(`  not proven: ${shortfall}`);
  const counts = findingKinds.map((kind) => `${kind} ${findings.filter((finding) => finding.kind === kind).length}`);
  const duplicates = `duplicate starts after a killed worker ${starts.afterKilledWorker}, after a cut session ${starts.afterCutSession}`;
  const ok = findings.length === 0 && shortfalls.length === 0;
  console.log(
    `${ok ? "PASS" : "FAIL"} ${options.store}, seed ${options.seed}: ${counts.join(", ")}; ${duplicates}; ${evidence.jobs.size} jobs, ${evidence.acks.length} acknowledgements, ${Math.round(runMs / 1_000)} s`,
  );
  return ok;
}
