import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { type Round, withCpu } from "../measure.ts";
import { prefill } from "../prefill.ts";
import { setPaused, untilCount } from "../queue-control.ts";
import { checkOneJob } from "../read-back.ts";
import type { Stage } from "../stage.ts";

const warmCount = 5_000;
const jobCount = 20_000;

/** Jobs that wait already, handlers that do nothing but return a result; over when the last result is durable. */
export async function drain(stage: Stage): Promise<Round> {
  await drainOf(stage, { count: warmCount, before: 0 });
  const { seconds, cpuUs } = await drainOf(stage, { count: jobCount, before: warmCount });
  await checkOneJob(stage.caller, warmCount + jobCount);
  return { rate: jobCount / seconds, jobs: jobCount, cpuUs, peakBytes: stage.brokerPeakBytes() };
}

async function drainOf(stage: Stage, { count, before }: { readonly count: number; readonly before: number }) {
  const { caller, worker } = stage;
  await setPaused(caller, "mail", true);
  await prefill(caller, { count, before });
  const handled = worker.line("handled");
  worker.tell(`target ${count}`);
  const { value: seconds, cpuUs } = await withCpu(stage, count, async () => {
    const from = performance.now();
    await setPaused(caller, "mail", false);
    await handled;
    await untilCount(caller, "mail", { state: JobState.COMPLETED, count: before + count });
    return (performance.now() - from) / 1_000;
  });
  return { seconds, cpuUs };
}
