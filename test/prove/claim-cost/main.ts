// A claim costs the same whatever waits and whatever went before: see test/prove/README.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { median } from "../../../bench/measure.ts";
import { claimJobs, completeJobs, insertJobs, openBenchSession } from "../../../bench/store/work.ts";
import { openStore } from "../../../src/embedded/open-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { exitOnSignals } from "../process/spawned.ts";
import { openThrowAwayStore } from "../process/throw-away-store.ts";
import { recount } from "./recount.ts";

const fewReady = 1_000;
const claimSize = 100;
const claims = 100;
const warmClaims = 20;
const insertSize = 1_000;
const ratioMax = 2;
/** The last claims of many jobs against the first, with as many ready: "no slower", with room for a machine that has other work. */
const wornRatioMax = 1.3;
const sampleEvery = 10_000;

exitOnSignals();
const { values } = parseArgs({
  options: { store: { type: "string" }, ready: { type: "string" }, through: { type: "string" } },
});
const storeName = values.store ?? "postgres";
const manyReady = Number(values.ready ?? 1_000_000);
const through = Number(values.through ?? 300_000);
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-claim-cost-"));
const { url, server } = await openThrowAwayStore(storeName, folder);
const problems: string[] = [];
const startedAt = Date.now();
try {
  const store = await openStore(url);
  await openBenchSession(store);
  await fill(store, fewReady);
  await costOf(store, warmClaims);
  const fresh = await costOf(store, claims);
  say(`${fewReady} ready`, fresh);

  const worn = await wear(store);
  say(`${fewReady} ready, after ${through} jobs`, worn);
  if (worn > wornRatioMax * fresh)
    problems.push(`after ${through} jobs a claim costs ${(worn / fresh).toFixed(2)} times as much`);

  await fill(store, manyReady - fewReady);
  await costOf(store, warmClaims);
  const many = await costOf(store, claims);
  say(`${manyReady} ready`, many);
  const few = Math.min(fresh, worn);
  if (many > ratioMax * few)
    problems.push(`at ${manyReady} ready jobs a claim costs ${(many / few).toFixed(2)} times as much`);

  const { jobs, differences } = await recount(store);
  problems.push(...differences);
  console.log(
    `${problems.length === 0 ? "PASS" : "FAIL"} ${storeName}: ${manyReady} ready cost ${(many / few).toFixed(2)} x ${fewReady} (${ratioMax} allowed), after ${through} jobs ${(worn / fresh).toFixed(2)} x (${wornRatioMax} allowed); counters against a recount of ${jobs} jobs: ${differences.length} differ; ${Math.round((Date.now() - startedAt) / 1_000)} s`,
  );
  await store.close();
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.log(`  ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

async function fill(store: Store, count: number): Promise<void> {
  for (let left = count; left > 0; left -= insertSize) await insertJobs(store, Math.min(insertSize, left));
}

/** Median µs that a claimed job takes; what is claimed is completed and replaced, so that as many stay ready. */
async function costOf(store: Store, rounds: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const from = performance.now();
    const leases = await claimJobs(store, claimSize);
    times.push(((performance.now() - from) * 1_000) / claimSize);
    if (leases.length !== claimSize) throw new Error(`${leases.length} jobs were claimed, ${claimSize} were asked for`);
    await completeJobs(store, leases);
    await insertJobs(store, claimSize);
  }
  return median(times);
}

/** Takes many jobs through their whole life; gives the cost of a claim at the end. */
async function wear(store: Store): Promise<number> {
  let cost = Number.NaN;
  for (let done = 0; done < through; done += sampleEvery) {
    cost = await costOf(store, sampleEvery / claimSize);
    if ((done + sampleEvery) % (sampleEvery * 10) === 0) say(`  at ${done + sampleEvery} jobs`, cost);
  }
  return cost;
}

function say(what: string, us: number): void {
  console.log(`${what.padEnd(36)} ${us.toFixed(1).padStart(8)} µs a job, claims of ${claimSize}`);
}
