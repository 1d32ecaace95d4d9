import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { type Round, withCpu } from "../measure.ts";
import { setPaused, untilCount } from "../queue-control.ts";
import type { Stage } from "../stage.ts";

const chainCount = 20;
const childCount = 1_000;
const jobsPerChain = 1 + childCount + 1;
const warmChains = 4;

/** Parents that each declare 1,000 children and an heir; over when the last parent is terminal, so when its heir is. */
export async function chains(stage: Stage): Promise<Round> {
  await run(stage, { count: warmChains, before: 0 });
  const jobs = chainCount * jobsPerChain;
  const { value: seconds, cpuUs } = await run(stage, { count: chainCount, before: warmChains });
  return { rate: jobs / seconds, jobs, cpuUs, peakBytes: stage.brokerPeakBytes() };
}

async function run(stage: Stage, { count, before }: { readonly count: number; readonly before: number }) {
  const { caller, worker } = stage;
  await setPaused(caller, "default", true);
  const payload = anyPack(ChoreSchema, create(ChoreSchema, { script: `parent ${childCount}` }));
  const job = { content: { case: "payload" as const, value: payload } };
  const items = Array.from({ length: count }, () => ({ item: { case: "job" as const, value: job } }));
  await caller.call(JobService.method.enqueueBatch, { items });
  const handled = worker.line("handled");
  worker.tell(`target ${count * jobsPerChain}`);
  return withCpu(stage, count * jobsPerChain, async () => {
    const from = performance.now();
    await setPaused(caller, "default", false);
    await handled;
    await untilCount(caller, "default", { state: JobState.COMPLETED, count: (before + count) * jobsPerChain });
    return (performance.now() - from) / 1_000;
  });
}
