import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { type Round, withCpu } from "../measure.ts";
import { countOf, setPaused } from "../queue-control.ts";
import type { Stage } from "../stage.ts";

const inFlight = 64;
const warmCount = 3_000;
const jobCount = 20_000;

/** Durable enqueues by one client with 64 calls in flight; nobody works meanwhile. */
export async function enqueue(stage: Stage): Promise<Round> {
  const { caller, producer } = stage;
  await setPaused(caller, "mail", true);
  const run = async (count: number) => {
    const answer = producer.line("{");
    producer.tell(`enqueue ${count} ${inFlight}`);
    return (JSON.parse(await answer) as { readonly seconds: number }).seconds; // written by producer.ts
  };
  await run(warmCount);
  const { value: seconds, cpuUs } = await withCpu(stage, jobCount, () => run(jobCount));
  const found = await countOf(caller, "mail", JobState.READY);
  if (found !== warmCount + jobCount) throw new Error(`${found} jobs are in the queue`);
  return { rate: jobCount / seconds, jobs: jobCount, cpuUs, peakBytes: stage.brokerPeakBytes() };
}
