import { quantile, type Round, withCpu } from "../measure.ts";
import type { Stage } from "../stage.ts";

const perSecond = 200;
const warmSeconds = 3;
const seconds = 10;

/** An even 200 jobs a second: from the call of enqueue to the handler's start, and to the result in the producer's hands. */
export async function latency(stage: Stage): Promise<Round> {
  await pace(stage, warmSeconds);
  await delaysOf(stage);
  const jobs = perSecond * seconds;
  const { value: resultsUs, cpuUs } = await withCpu(stage, jobs, () => pace(stage, seconds));
  const startsUs = await delaysOf(stage);
  if (resultsUs.length !== jobs || startsUs.length !== jobs) {
    throw new Error(`${startsUs.length} starts and ${resultsUs.length} results of ${jobs} jobs`);
  }
  const waits = {
    startP50: quantile(startsUs, 0.5) / 1_000,
    startP99: quantile(startsUs, 0.99) / 1_000,
    resultP50: quantile(resultsUs, 0.5) / 1_000,
    resultP99: quantile(resultsUs, 0.99) / 1_000,
  };
  return { waits, jobs, cpuUs, peakBytes: stage.brokerPeakBytes() };
}

async function pace({ producer }: Stage, seconds: number): Promise<readonly number[]> {
  const answer = producer.line("{");
  producer.tell(`pace ${perSecond} ${seconds}`);
  return (JSON.parse(await answer) as { readonly resultsUs: readonly number[] }).resultsUs; // written by producer.ts
}

async function delaysOf({ worker }: Stage): Promise<readonly number[]> {
  const answer = worker.line("delays ");
  worker.tell("delays");
  return JSON.parse((await answer).slice("delays ".length)) as readonly number[]; // written by worker.ts
}
