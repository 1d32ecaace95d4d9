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
const turns = 20;
const claimsPerTurn = 10;
const insertSize = 1_000;
const ratioMax = 2;
/** "No slower", with room for a machine that has other work; SQLite's claims of microseconds notice that its tree is deeper. */
const wornRatioMaxOf = { server: 1.3, file: 1.5 };
const sayEvery = 100_000;

exitOnSignals();
const { values } = parseArgs({
  options: { store: { type: "string" }, ready: { type: "string" }, through: { type: "string" } },
});
const storeName = values.store ?? "postgres";
const manyReady = Number(values.ready ?? 1_000_000);
const through = Number(values.through ?? 300_000);
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-claim-cost-"));
const { url, server } = await openThrowAwayStore(storeName, folder);
const wornRatioMax = server === undefined ? wornRatioMaxOf.file : wornRatioMaxOf.server;
const problems: string[] = [];
const startedAt = Date.now();
try {
  const fresh = await open("fresh");
  const worn = await open("worn");
  await wear(worn);
  const byWear = await inTurn(fresh, worn);
  say(`${fewReady} ready`, byWear.one);
  say(`${fewReady} ready, after ${through} jobs`, byWear.other);
  if (byWear.ratio > wornRatioMax)
    problems.push(`after ${through} jobs a claim costs ${byWear.ratio.toFixed(2)} times as much`);

  await fill(worn, manyReady - fewReady);
  const bySize = await inTurn(fresh, worn);
  say(`${fewReady} ready`, bySize.one);
  say(`${manyReady} ready`, bySize.other);
  if (bySize.ratio > ratioMax)
    problems.push(`at ${manyReady} ready jobs a claim costs ${bySize.ratio.toFixed(2)} times as much`);

  const { jobs, differences } = await recount(worn);
  problems.push(...differences);
  console.log(
    `${problems.length === 0 ? "PASS" : "FAIL"} ${storeName}: ${manyReady} ready cost ${bySize.ratio.toFixed(2)} x ${fewReady} (${ratioMax} allowed), after ${through} jobs ${byWear.ratio.toFixed(2)} x (${wornRatioMax} allowed); counters against a recount of ${jobs} jobs: ${differences.length} differ; ${Math.round((Date.now() - startedAt) / 1_000)} s`,
  );
  await fresh.close();
  await worn.close();
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const problem of problems) console.log(`  ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

/** A store of its own on the same server, with few jobs ready. */
async function open(name: string): Promise<Store> {
  const own = url.startsWith("sqlite:")
    ? url.replace("jobs.db", `${name}.db`)
    : `${url}?${url.startsWith("redis:") ? "namespace" : "schema"}=${name}`;
  const store = await openStore(own);
  await openBenchSession(store);
  await fill(store, fewReady);
  return store;
}

async function fill(store: Store, count: number): Promise<void> {
  for (let left = count; left > 0; left -= insertSize) await insertJobs(store, Math.min(insertSize, left));
}

/** Takes many jobs through their whole life. */
async function wear(store: Store): Promise<void> {
  for (let done = 0; done < through; done += claimSize) {
    await claimTime(store);
    if (done % sayEvery === 0) console.log(`${done} of ${through} jobs went through`);
  }
}

/** Median µs that a claimed job takes in both stores, by turns: a machine's speed drifts, so only those carry a ratio. */
async function inTurn(one: Store, other: Store) {
  const times: readonly (readonly [Store, number[]])[] = [
    [one, []],
    [other, []],
  ];
  // The first turn warms up.
  for (let turn = 0; turn <= turns; turn += 1) {
    for (const [store, own] of times) {
      for (let count = 0; count < claimsPerTurn; count += 1) {
        const us = await claimTime(store);
        if (turn > 0) own.push(us);
      }
    }
  }
  const [first = Number.NaN, second = Number.NaN] = times.map(([, own]) => median(own));
  return { one: first, other: second, ratio: second / first };
}

/** µs for each job of one claim; what is claimed is completed and replaced, so that as many stay ready. */
async function claimTime(store: Store): Promise<number> {
  const from = performance.now();
  const leases = await claimJobs(store, claimSize);
  const us = ((performance.now() - from) * 1_000) / claimSize;
  if (leases.length !== claimSize) throw new Error(`${leases.length} jobs were claimed, ${claimSize} were asked for`);
  await completeJobs(store, leases);
  await insertJobs(store, claimSize);
  return us;
}

function say(what: string, us: number): void {
  console.log(`${what.padEnd(36)} ${us.toFixed(1).padStart(8)} µs a job, claims of ${claimSize}`);
}
