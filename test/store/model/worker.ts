// One thread of the model proof: plays sequences until all are taken, then posts what they showed.
import { parentPort, workerData } from "node:worker_threads";
import { leastTaken } from "./aims.ts";
import { playSeed } from "./play-seed.ts";
import type { Work } from "./run-all.ts";
import { openStage } from "./stage.ts";
import { addCounts, addReport, noTotals } from "./totals.ts";

const { stage: name, baseSeed, sequences, taken, aims } = workerData as Work; // as run-all.ts makes it
const stage = await openStage(name);
const totals = noTotals();
const failuresMax = 3;
try {
  while (totals.failures.length < failuresMax) {
    const index = Atomics.add(taken, 0, 1);
    if (index >= sequences) break;
    const seed = baseSeed + index;
    addReport(totals, seed, await playSeed({ stage, seed, dumpEvery: 8, takeAim: leastTaken(aims) }));
  }
  addCounts(totals.seenVerbs, Object.fromEntries(stage.faulty?.seen ?? []));
} finally {
  await stage.close();
}
parentPort?.postMessage(totals);
