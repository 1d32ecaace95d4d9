import type { JobState } from "../gen/conveyor/v1/job_pb.ts";
import { QueueService } from "../gen/conveyor/v1/queue_service_pb.ts";
import type { Caller } from "../test/prove/process/caller.ts";

/** Holds a queue back, or lets it go. */
export async function setPaused(caller: Caller, name: string, paused: boolean): Promise<void> {
  await caller.call(QueueService.method.updateQueue, { name, settings: { paused }, updateMask: { paths: ["paused"] } });
}

/** Jobs of a queue in this state, by the kept counters. */
export async function countOf(caller: Caller, name: string, state: JobState): Promise<number> {
  const { queue } = await caller.call(QueueService.method.getQueue, { name });
  return Number(queue?.counts.find((each) => each.state === state)?.count ?? 0);
}

/** Resolves when the queue has at least so many jobs in this state; asked for without rest, so use it only near the end. */
export async function untilCount(
  caller: Caller,
  name: string,
  { state, count }: { readonly state: JobState; readonly count: number },
): Promise<void> {
  for (const end = Date.now() + 120_000; (await countOf(caller, name, state)) < count; ) {
    if (Date.now() > end) throw new Error(`queue ${name}: ${count} jobs in state ${state} were not reached in 120 s`);
  }
}
