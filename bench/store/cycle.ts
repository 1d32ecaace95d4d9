// How fast a store alone is: insert, claim and settle in batches, from this process, no broker.
// node tools/bootstrap.mjs bench/store/cycle.ts [seconds] [sqlite|postgres|redis|URL]; the figures are medians of rounds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openStore } from "../../src/embedded/open-store.ts";
import type { Store } from "../../src/store/store.ts";
import { exitOnSignals } from "../../test/prove/process/spawned.ts";
import { openThrowAwayStore } from "../../test/prove/process/throw-away-store.ts";
import { familyCpuMsOf } from "../../test/prove/process/usage.ts";
import { median } from "../measure.ts";
import { claimJobs, completeJobs, insertJobs, openBenchSession, runChain } from "./work.ts";

const secondsEach = Number(process.argv[2] ?? 5);
const roundMs = 500;
const childCount = 1_000;

exitOnSignals();
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-bench-"));
const { url, server } = await openThrowAwayStore(process.argv[3] ?? "sqlite", folder);
try {
  const store = await openStore(url);
  await openBenchSession(store);
  for (const size of [1, 10, 100, 500])
    report(`plain jobs, batches of ${size}`, await rounds(() => plain(store, size)));
  report(`parent, ${childCount} children, heir: nodes`, await rounds(() => runChain(store, childCount)));
  await store.close();
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}

interface Round {
  /** Jobs a second. */
  readonly rate: number;
  /** CPU of this process in µs a job: steadier than the rate where the machine has other work. */
  readonly cpu: number;
  /** The same of the database server. */
  readonly serverCpu: number;
}

/** As many rounds of half a second as fit into the time. */
async function rounds(round: () => Promise<number>): Promise<Round[]> {
  const all: Round[] = [];
  const end = performance.now() + secondsEach * 1_000;
  while (performance.now() < end) {
    const begun = performance.now();
    const cpuBegun = process.cpuUsage();
    const serverBegun = serverMs();
    let jobs = 0;
    while (performance.now() - begun < roundMs) jobs += await round();
    const { user, system } = process.cpuUsage(cpuBegun);
    all.push({
      rate: (jobs * 1_000) / (performance.now() - begun),
      cpu: (user + system) / jobs,
      serverCpu: ((serverMs() - serverBegun) * 1_000) / jobs,
    });
  }
  return all;
}

function serverMs(): number {
  return server === undefined ? 0 : familyCpuMsOf(server.pid);
}

function report(what: string, all: readonly Round[]): void {
  const rate = median(all.map((each) => each.rate));
  const cpu = median(all.map((each) => each.cpu));
  const serverCpu = median(all.map((each) => each.serverCpu));
  console.log(
    `${what.padEnd(36)} ${Math.round(rate).toLocaleString("en").padStart(8)} /s ${cpu.toFixed(1).padStart(8)} µs CPU${server === undefined ? "" : `, server ${serverCpu.toFixed(1).padStart(8)} µs`}`,
  );
}

/** One cycle: a batch is inserted, claimed and completed, a commit each. */
async function plain(store: Store, size: number): Promise<number> {
  await insertJobs(store, size);
  const leases = await claimJobs(store, size);
  await completeJobs(store, leases);
  return leases.length;
}
