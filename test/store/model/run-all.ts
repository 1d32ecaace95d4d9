import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { aimCounts } from "./aims.ts";
import type { StageName } from "./stage.ts";
import { addTotals, noTotals, type Totals } from "./totals.ts";

/** What a thread is given; `taken[0]` is the number of sequences that threads have begun. */
export interface Work {
  readonly stage: StageName;
  readonly baseSeed: number;
  readonly sequences: number;
  readonly taken: Int32Array;
  /** See `aims.ts`. */
  readonly aims: Int32Array;
}

const threadsMax = 4;

/** Plays the sequences of the seeds from `baseSeed` on, on as many threads as there are cores. */
export async function playAllSequences(options: Omit<Work, "taken" | "aims">): Promise<Totals> {
  const work: Work = { ...options, taken: new Int32Array(new SharedArrayBuffer(4)), aims: aimCounts() };
  const threads = Math.min(threadsMax, availableParallelism());
  const parts = await Promise.all(Array.from({ length: threads }, () => play(work)));
  const totals = noTotals();
  for (const part of parts) addTotals(totals, part);
  return totals;
}

async function play(work: Work): Promise<Totals> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: work });
  const [totals] = await once(worker, "message"); // a thread that dies emits an error, which `once` throws
  await worker.terminate();
  return totals;
}
