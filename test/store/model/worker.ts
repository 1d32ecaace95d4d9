// One thread of the model proof: plays sequences until all are taken, then posts what they showed.
import { parentPort, workerData } from "node:worker_threads";
import { sqliteEngine } from "../engines/sqlite.ts";
import { playRandom } from "./random-sequence.ts";
import type { Work } from "./run-all.ts";
import { addReport, noTotals } from "./totals.ts";

const { baseSeed, sequences, taken } = workerData as Work; // as run-all.ts makes it
const engine = sqliteEngine({ synchronous: "off" });
const totals = noTotals();
const failuresMax = 3;
while (totals.failures.length < failuresMax) {
  const index = Atomics.add(taken, 0, 1);
  if (index >= sequences) break;
  addReport(totals, baseSeed + index, await playRandom({ engine, seed: baseSeed + index, dumpEvery: 8 }));
}
parentPort?.postMessage(totals);
