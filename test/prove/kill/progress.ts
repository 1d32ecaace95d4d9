import { JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import type { Caller } from "../process/caller.ts";
import { queues } from "./script.ts";

/** How far the run is, by the counts of the queues. */
export interface Progress {
  /** Terminal jobs as a share of the planned ones. */
  share(): number;
  /** Jobs that are in the store and not terminal. */
  open(): number;
  terminal(): number;
  /** Throws when no job has turned terminal for a long time. */
  throwIfStuck(): void;
  stop(): void;
}

const everyMs = 100;
const stuckMs = 90_000;
const patienceMs = 90_000;
const terminalStates: readonly JobState[] = [JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED];

/** Asks again and again, also over restarts of the broker; `onLook` is called after each look. */
export function followProgress(caller: Caller, planned: number, onLook: () => void): Progress {
  let counts = { terminal: 0, all: 0 };
  let movedAt = Date.now();
  let stopped = false;
  let failure: unknown;

  async function look(): Promise<void> {
    let terminal = 0;
    let all = 0;
    for (const name of queues) {
      const { queue } = await caller.callPatiently(QueueService.method.getQueue, { name }, patienceMs);
      for (const { state, count } of queue?.counts ?? []) {
        all += Number(count);
        if (terminalStates.includes(state)) terminal += Number(count);
      }
    }
    if (terminal !== counts.terminal) movedAt = Date.now();
    counts = { terminal, all };
    onLook();
  }

  async function follow(): Promise<void> {
    while (!stopped) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
  follow().catch((error: unknown) => {
    failure = error;
  });

  return {
    share: () => counts.terminal / planned,
    open: () => counts.all - counts.terminal,
    terminal: () => counts.terminal,
    throwIfStuck() {
      if (failure !== undefined) throw failure;
      if (Date.now() - movedAt > stuckMs) throw new Error(`no job turned terminal for ${stuckMs / 1_000} s`);
    },
    stop() {
      stopped = true;
    },
  };
}
